"""DNS queries, read from their wire format by slicing: what a server needs of one, and nothing else.

Sources: RFC 1035 section 4 (messages), RFC 6891 (EDNS), RFC 7871 (client subnet).
"""

from __future__ import annotations

import struct
from struct import Struct

import msgspec

HEADER_LENGTH = 12
QR, AA, TC, RD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0010
OPCODE_MASK = 0x7800

NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 3, 4, 5, 16
A, NS, CNAME, SOA, AAAA, OPT, DS, ANY = 1, 2, 5, 6, 28, 41, 43, 255
IN = 1
EDNS_DO = 0x8000
CLIENT_SUBNET = 8
IPV4_FAMILY, IPV6_FAMILY = 1, 2
MIN_PAYLOAD = 512

_COUNTS = Struct(">5H")
_TYPE_CLASS = Struct(">2H")
_RECORD = Struct(">HHIH")
_OPTION = Struct(">HH")
_SUBNET = Struct(">HBB")
_ADDRESS_BITS = {0: 0, IPV4_FAMILY: 32, IPV6_FAMILY: 128}


class FormatError(ValueError):
    """The bytes are not a well-formed query: FORMERR is the answer, with an OPT record if the query has one."""

    def __init__(self, message: str, *, has_edns: bool = False) -> None:
        super().__init__(message)
        self.has_edns = has_edns


class ClientSubnet(msgspec.Struct, frozen=True, gc=False):
    family: int
    source: int
    address: bytes
    """Only the octets that `source` needs."""


class Edns(msgspec.Struct, frozen=True, gc=False):
    payload_size: int = MIN_PAYLOAD
    version: int = 0
    dnssec_ok: bool = False
    subnet: ClientSubnet | None = None
    subnet_ends_message: bool = False
    """The client subnet is the only option and the message ends with its address."""
    has_other_options: bool = False


class Query(msgspec.Struct, frozen=True, gc=False):
    flags: int
    question: bytes
    """Name, type and class as they were sent, in the sender's case."""
    name: bytes
    """In wire format, lower case."""
    qtype: int
    qclass: int
    edns: Edns | None


def parse_query(data: bytes) -> Query:
    """A query with one question, any records after it skipped except OPT.

    Raises:
        FormatError: not exactly one question, cut short, bytes left over, two OPT records, malformed client subnet.
    """
    try:
        flags, questions, *record_counts = _COUNTS.unpack_from(data, 2)
        if questions != 1:
            raise FormatError(f"{questions} questions", has_edns=_has_edns_alone(data, questions, record_counts))
        name_end = _end_of_plain_name(data, HEADER_LENGTH)
        qtype, qclass = _TYPE_CLASS.unpack_from(data, name_end)
        end = name_end + 4
        edns = None
        if len(data) != end or any(record_counts):
            edns = _parse_records(data, end, record_counts[0] + record_counts[1], record_counts[2])
    except (IndexError, struct.error) as error:
        raise FormatError(f"cut short: {error}") from error
    return Query(flags, data[HEADER_LENGTH:end], data[HEADER_LENGTH:name_end].lower(), qtype, qclass, edns)


def _has_edns_alone(data: bytes, questions: int, record_counts: list[int]) -> bool:
    """Whether a message without a question (dig +header-only) is an OPT record: such clients want EDNS errors."""
    return questions == 0 and record_counts == [0, 0, 1] and data[HEADER_LENGTH : HEADER_LENGTH + 3] == b"\0\0\x29"


def _end_of_plain_name(data: bytes, position: int) -> int:
    """Where the uncompressed name at `position` ends. A question has nothing before it to point to."""
    start = position
    while length := data[position]:
        if length > 63:
            raise FormatError("compressed name or unknown label type in the question")
        position += length + 1
    if position - start > 254:
        raise FormatError("name longer than 255 octets")
    return position + 1


def _end_of_name(data: bytes, position: int) -> int:
    while length := data[position]:
        if length >= 0xC0:
            return position + 2
        if length > 63:
            raise FormatError("unknown label type")
        position += length + 1
    return position + 1


def _parse_records(data: bytes, position: int, before_additional: int, additional: int) -> Edns | None:
    edns = None
    for index in range(before_additional + additional):
        owner_end = _end_of_name(data, position)
        rtype, rclass, ttl, length = _RECORD.unpack_from(data, owner_end)
        start = owner_end + _RECORD.size
        end = start + length
        if end > len(data):
            raise FormatError("record data cut short")
        if rtype == OPT:
            if edns is not None or owner_end != position + 1 or index < before_additional:
                raise FormatError("second or misplaced OPT record")
            edns = _parse_edns(data, start, end, rclass, ttl)
        position = end
    if position != len(data):
        raise FormatError("bytes left over after the last record")
    return edns


def _parse_edns(data: bytes, position: int, end: int, payload_size: int, ttl: int) -> Edns:
    payload_size = max(payload_size, MIN_PAYLOAD)
    version = ttl >> 16 & 0xFF
    dnssec_ok = bool(ttl & EDNS_DO)
    if version:
        # What options mean in another version is not known, so they are not looked at.
        return Edns(payload_size, version, dnssec_ok)
    subnet, last_start, others = None, -1, False
    while position < end:
        code, length = _OPTION.unpack_from(data, position)
        position += _OPTION.size + length
        if position > end:
            raise FormatError("EDNS option cut short", has_edns=True)
        if code == CLIENT_SUBNET and subnet is None:
            subnet, last_start = _parse_subnet(data[position - length : position]), position
        else:
            others = True
    return Edns(payload_size, version, dnssec_ok, subnet, not others and last_start == len(data), others)


def _parse_subnet(option: bytes) -> ClientSubnet:
    if len(option) < _SUBNET.size:
        raise FormatError("client subnet cut short", has_edns=True)
    family, source, scope = _SUBNET.unpack_from(option)
    address = option[_SUBNET.size :]
    if source > _ADDRESS_BITS.get(family, -1) or scope or len(address) != (source + 7) // 8:
        raise FormatError(f"client subnet of family {family}, prefix {source}, scope {scope}", has_edns=True)
    if source % 8 and address[-1] & (0xFF >> source % 8):
        raise FormatError("client subnet with bits set beyond its prefix", has_edns=True)
    return ClientSubnet(family, source, address)
