"""A private certificate authority, and server contexts that pick a certificate by the name the client asks for."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import trustme

from harness.errors import LabError

NameForSni = Callable[[str], str | None]
"""The certificate's name ("api.example.com", "*.execute-api.eu-west-1.amazonaws.com") for what a client asks for."""


class Certificates:
    """A CA kept in `directory`: made on first use, found again later, so that clients may go on trusting its file.

    Safe to use from several threads.

    Raises:
        LabError: the directory holds a CA that cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self.ca_file = directory / "ca.pem"
        self._authority = _authority_in(directory)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context_for(self, name: str) -> ssl.SSLContext:
        """The server context that shows a certificate for `name`; issued once (about 3 ms), then kept."""
        with self._lock:
            context = self._contexts.get(name)
            if context is None:
                context = self._contexts[name] = _new_context()
                self._authority.issue_cert(name).configure_cert(context)
            return context

    def server_context(self, name_for_sni: NameForSni) -> ssl.SSLContext:
        """A context that answers each handshake with the certificate that `name_for_sni` names.

        A client that sends no name, or one for which it returns None, gets the TLS alert unrecognized_name.
        """

        def pick(connection: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> int | None:
            name = name_for_sni(asked.lower()) if asked else None
            if name is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = self.context_for(name)
            return None

        context = _new_context()
        context.sni_callback = pick
        return context


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # One ticket is enough to resume a session, and each costs the server a write and an encryption.
    context.num_tickets = 1
    return context


def _authority_in(directory: Path) -> trustme.CA:
    certificate, key = directory / "ca.pem", directory / "ca.key"
    if certificate.exists() and key.exists():
        try:
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        except (OSError, ValueError) as error:
            raise LabError(f"the lab's CA in {directory} cannot be read ({error}): delete that directory") from error
    authority = trustme.CA(organization_name="multi-region-harness lab", organization_unit_name="loopback only")
    directory.mkdir(parents=True, exist_ok=True)
    _write_private(key, authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def _write_private(path: Path, data: bytes) -> None:
    """Never readable by others, not even for the moment between creating and restricting it."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
