from __future__ import annotations

import socket
import ssl
import stat
import threading

import pytest

from harness.errors import LabError
from harness.lab.certificates import Certificates

NAMES = {"a.example.com": "a.example.com", "b.example.com": "b.example.com"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server_context(certificates):
    return certificates.server_context(NAMES.get)


@pytest.fixture
def client_context(certificates):
    return ssl.create_default_context(cafile=str(certificates.ca_file))


def shake_hands(server_context, client_context, name, session=None):
    """(session, whether it was resumed) after a real handshake and a byte from the server, with which tickets come."""
    near, far = socket.socketpair()

    def serve():
        try:
            with server_context.wrap_socket(far, server_side=True) as sock:
                sock.send(b"x")
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_context.wrap_socket(near, server_hostname=name, session=session) as client:
            client.recv(1)
            return client.session, client.session_reused
    finally:
        near.close()
        thread.join(5)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_certificate_is_of_the_name_that_was_asked_for(server_context, client_context, name):
    session, _resumed = shake_hands(server_context, client_context, name)

    assert session is not None


def test_an_unknown_name_gets_the_alert_unrecognized_name(server_context, client_context):
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        shake_hands(server_context, client_context, "c.example.com")


def test_no_name_at_all_gets_the_alert_unrecognized_name(server_context, client_context):
    client_context.check_hostname = False

    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        shake_hands(server_context, client_context, None)


def test_every_context_refuses_tls_below_1_2(certificates, server_context):
    """Read from the contexts: OpenSSL's own policy may refuse older versions too, and would hide a mistake of ours."""
    contexts = (server_context, certificates.context_for("a.example.com"))

    assert {context.minimum_version for context in contexts} == {ssl.TLSVersion.TLSv1_2}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(server_context, client_context, version):
    client_context.maximum_version = version
    session, _resumed = shake_hands(server_context, client_context, "a.example.com")
    _session, resumed = shake_hands(server_context, client_context, "a.example.com", session=session)

    assert resumed


def test_the_key_is_readable_by_its_owner_only(certificates):
    key = certificates.ca_file.with_name("ca.key")

    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_directory_keeps_its_ca(tmp_path):
    first = Certificates(tmp_path).ca_file.read_bytes()

    assert Certificates(tmp_path).ca_file.read_bytes() == first


def test_a_ca_that_cannot_be_read_is_an_error_that_names_the_directory(tmp_path):
    (tmp_path / "ca.pem").write_text("garbage")
    (tmp_path / "ca.key").write_text("garbage")

    with pytest.raises(LabError, match=str(tmp_path)):
        Certificates(tmp_path)
