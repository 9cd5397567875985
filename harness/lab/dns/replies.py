"""Answers in wire format: what is sent, without the message id, which is the query's own."""

from __future__ import annotations

from struct import Struct

from harness.lab.dns import wire
from harness.lab.dns.answers import Answer
from harness.lab.dns.wire import Edns, Query
from harness.lab.dns.zones import RRset

MAX_UDP_PAYLOAD = 1232
"""Largest UDP answer, whatever the client offers: it crosses any IPv6 path in one piece (DNS flag day 2020)."""
MAX_TCP_PAYLOAD = 65_535

_IPV4_SCOPE, _IPV6_SCOPE = 24, 48
"""How much of a client subnet routed answers depend on. What Route 53 sends is not published."""

_HEADER = Struct(">5H")
_RECORD = Struct(">HHIH")
_OPT = Struct(">BHHBBHH")
_SUBNET_OPTION = Struct(">HHHBB")


def build_reply(query: Query, answer: Answer, *, limit: int) -> bytes:
    """The reply to `query` after its id. Longer than `limit` octets in all: no records, and the TC flag.

    An EDNS query gets an EDNS reply; a client subnet is sent back last, so the reply ends with its address.
    """
    sections = [_records(section, query) for section in (answer.answers, answer.authority, answer.additional)]
    opt = b"" if query.edns is None else _opt(query.edns, answer)
    flags = wire.QR | query.flags & (wire.OPCODE_MASK | wire.RD | wire.CD) | answer.rcode & 0xF
    if answer.authoritative:
        flags |= wire.AA
    size = wire.HEADER_LENGTH + len(query.question) + sum(len(data) for _, data in sections) + len(opt)
    if size > limit:
        flags |= wire.TC
        sections = [(0, b"")] * 3
    (answers, answer_data), (authority, authority_data), (additional, additional_data) = sections
    header = _HEADER.pack(flags, 1, answers, authority, additional + bool(opt))
    return b"".join((header, query.question, answer_data, authority_data, additional_data, opt))


def bare_reply(flags: int, rcode: int, *, has_edns: bool) -> bytes:
    """A reply without a question, after its id: to what could not be read or is no question."""
    flags = wire.QR | flags & (wire.OPCODE_MASK | wire.RD | wire.CD) | rcode
    opt = _OPT.pack(0, wire.OPT, MAX_UDP_PAYLOAD, 0, 0, 0, 0) if has_edns else b""
    return _HEADER.pack(flags, 0, 0, 0, int(has_edns)) + opt


def udp_limit(query: Query) -> int:
    return wire.MIN_PAYLOAD if query.edns is None else min(query.edns.payload_size, MAX_UDP_PAYLOAD)


def _records(rrsets: tuple[RRset, ...], query: Query) -> tuple[int, bytes]:
    """(number of records, their wire format)."""
    parts: list[bytes] = []
    for rrset in rrsets:
        owner = _owner(rrset.name, query.name)
        for rdata in rrset.rdatas:
            parts += (owner, _RECORD.pack(rrset.rtype, wire.IN, rrset.ttl_s, len(rdata)), rdata)
    return len(parts) // 3, b"".join(parts)


def _owner(name: bytes, asked: bytes) -> bytes:
    """A pointer into the question where `name` is what was asked, or an ancestor of it; else in full.

    The pointer keeps the asker's own mixture of upper and lower case, which some resolvers check.
    """
    rest, position = asked, wire.HEADER_LENGTH
    while rest not in {name, b"\0"}:
        position += rest[0] + 1
        rest = rest[rest[0] + 1 :]
    return (0xC000 | position).to_bytes(2) if rest == name != b"\0" else name


def _opt(edns: Edns, answer: Answer) -> bytes:
    flags = wire.EDNS_DO if edns.dnssec_ok else 0
    options = b""
    if edns.subnet is not None:
        family, source, address = edns.subnet.family, edns.subnet.source, edns.subnet.address
        longest = _IPV4_SCOPE if family == wire.IPV4_FAMILY else _IPV6_SCOPE
        scope = min(source, longest) if answer.depends_on_client else 0
        options = _SUBNET_OPTION.pack(wire.CLIENT_SUBNET, len(address) + 4, family, source, scope) + address
    return _OPT.pack(0, wire.OPT, MAX_UDP_PAYLOAD, answer.rcode >> 4, 0, flags, len(options)) + options
