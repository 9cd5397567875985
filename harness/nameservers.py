"""Ordinary name resolution for the harness's own use: who the name servers are, and what an AWS host's addresses are.

Probes do not resolve through here: see probes/dns.py.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from harness.errors import NameserverUnreachable, TargetError

Nameserver = tuple[str, int]
"""(IPv4 or IPv6 address, port)"""

TRY_S = 2.0
"""Wall seconds one server has for one answer; name servers answer within a tenth of it from anywhere on earth."""


def parse_nameserver(text: str) -> Nameserver:
    """ "192.0.2.1", "192.0.2.1:5300", "2001:db8::1" or "[2001:db8::1]:5300"; port 53 when it has none.

    Raises:
        TargetError: it is none of them.
    """
    host, separator, port = text.rpartition(":")
    if text.count(":") > 1 and not text.startswith("["):
        host, separator, port = text, "", ""
    address = (host if separator else text).strip("[]")
    if dns.inet.is_address(address) and (not separator or (port.isdigit() and 0 < int(port) < 65536)):
        return address, int(port) if separator else 53
    raise TargetError(f"name server {text!r} is not an address or address:port (`nameservers` of the target)")


def query(message: dns.message.QueryMessage, servers: Sequence[Nameserver]) -> dns.message.Message:
    """The first reply that any of `servers` gives within `TRY_S`, asked in turn; over TCP when it was truncated.

    Raises:
        NameserverUnreachable: none answered; says what each did.
    """
    failures = []
    for address, port in servers:
        try:
            reply, _ = dns.query.udp_with_fallback(message, address, timeout=TRY_S, port=port, ignore_unexpected=True)
        except (OSError, EOFError, dns.exception.DNSException) as error:
            failures.append(f"{address}:{port}: {str(error) or type(error).__name__}")
        else:
            return reply
    question = message.question[0]
    raise NameserverUnreachable(
        f"no name server answers for {question.name} {dns.rdatatype.to_text(question.rdtype)}: {'; '.join(failures)}; "
        "check `nameservers` of the target, and that the lab or the network is up"
    )


def addresses_of(host: str, servers: Sequence[Nameserver]) -> tuple[str, ...]:
    """Raises NameserverUnreachable when no server answers, TargetError when the host has no IPv4 address."""
    reply = query(dns.message.make_query(host, "A"), servers)
    found = tuple(rdata.address for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset)
    if not found:
        raise TargetError(
            f"host {host} has no IPv4 address: its name server answers {dns.rcode.to_text(reply.rcode())}"
        )
    return found


def system_addresses(host: str) -> tuple[str, ...]:
    """IPv4 addresses by the system's resolver. Raises TargetError when it has none."""
    reason = "no IPv4 address"
    with contextlib.suppress(UnicodeError):
        try:
            found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
            return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        except OSError as error:
            reason = error.strerror or str(error)
    raise TargetError(f"host {host} cannot be resolved: {reason}")
