"""DNS messages of one kind, fast: A questions with a client subnet, made once as bytes, and their plain answers.

Answers of any other form than the plain one are parsed by dnspython, so that speed never decides what is understood.
Pure: no sockets.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import struct

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import msgspec

UDP_PAYLOAD = 1232
"""The size that DNS Flag Day 2020 settled on: it fits every path without fragments."""

_HEADER_COUNTS = struct.Struct("!4H")
_OPT_OWNER_AND_TYPE = b"\x00\x00\x29"
_NO_ERROR_VERSION_0 = b"\0\0"
_NO_OPTIONS = b"\0\0"
_SCOPE = 9
"""Where the scope stands in `Question.edns`: after data length, option code, option length, family and source."""
_MAX_KNOWN = 4096
_PLAIN_A = b"\xc0\x0c\x00\x01\x00\x01"
"""Owner: a pointer to the question's name; type A; class IN."""


class MalformedReply(ValueError):
    """Bytes that are no reply to the question: they are ignored, as a resolver would."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One question, ready to be sent again and again under new ids."""

    message: bytes
    """Everything after the id."""
    section: bytes
    """The question section in lower case, which the reply must repeat."""
    edns: bytes
    """Our EDNS data with its length in front; a reply repeats it, but for the scope (RFC 7871, 7.2.1)."""
    octets: bytes = b""
    """The client subnet's address, as many octets as its prefix needs; the message ends with them."""

    def with_id(self, message_id: int) -> bytes:
        return message_id.to_bytes(2, "big") + self.message


class Reply(msgspec.Struct, frozen=True):
    rcode: str
    addresses: tuple[str, ...] = ()
    ttl_s: float | None = None
    scope: int | None = None
    truncated: bool = False
    extended_error: int | None = None
    """The first one, when there are several (RFC 8914)."""


class Template(msgspec.Struct, frozen=True):
    """Questions that differ in nothing but the client subnet's address: one is two byte strings put together."""

    message: bytes
    section: bytes
    edns: bytes

    def question(self, octets: bytes) -> Question:
        """`octets`: the subnet's address, as many as the template's prefix length needs, no bit set beyond it."""
        return Question(self.message + octets, self.section, self.edns + octets, octets)


@functools.lru_cache(maxsize=512)
def template(domain_name: str, version: int, prefix_length: int) -> Template:
    """Of questions with client subnets of this IP version and prefix length (1 or longer)."""
    any_subnet = f"{'0.0.0.0' if version == 4 else '::'}/{prefix_length}"
    made = question(domain_name, any_subnet)
    count = len(made.octets)
    return Template(made.message[:-count], made.section, made.edns[:-count])


@functools.lru_cache(maxsize=4096)
def question(domain_name: str, client_subnet: str | None, *, recurse: bool = False) -> Question:
    """An A question with EDNS and client subnet, as a resolver puts it to an authoritative server.

    `recurse`: as a client puts it to a resolver (recursion desired).
    """
    options: list[dns.edns.Option] = [_ecs_option(client_subnet)] if client_subnet else []
    flags = dns.flags.RD if recurse else 0
    query = dns.message.make_query(domain_name, "A", flags=flags, use_edns=0, payload=UDP_PAYLOAD, options=options)
    wire = query.to_wire()
    section_end = 12 + len(query.question[0].name.to_wire() or b"") + 4
    # The OPT record ends the message: root owner (1), type (2), payload (2), flags (4), then data length and data.
    octets = wire[len(wire) - (ipaddress.ip_network(client_subnet).prefixlen + 7) // 8 :] if client_subnet else b""
    return Question(wire[2:], wire[12:section_end].lower(), wire[section_end + 9 :], octets)


def _ecs_option(client_subnet: str) -> dns.edns.ECSOption:
    network = ipaddress.ip_network(client_subnet)
    return dns.edns.ECSOption(str(network.network_address), network.prefixlen)


def parse(asked: Question, data: bytes) -> Reply:
    """Raises MalformedReply when `data` is no reply to `asked`. The caller has checked id and source."""
    if len(data) < 12 or not data[2] & 0x80:
        raise MalformedReply("not a DNS reply")
    reply = _parse_plain(asked, data)
    return reply if reply is not None else _parse_any(asked, data)


class ReplyReader:
    """Reads replies, and knows again what it has read: where only id and client subnet differ, one look-up does it."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, bytes, Reply]] = {}
        """By a reply without its id and the octets of the client subnet that it ends with: what it is an answer to
        (section, EDNS data up to the scope), and what it says."""

    def read(self, asked: Question, data: bytes) -> Reply:
        """As `parse`."""
        octets = asked.octets
        if not octets or not data.endswith(octets):
            return parse(asked, data)
        rest = data[2 : -len(octets)]
        known = self._known.get(rest)
        if known is not None and known[0] == asked.section and known[1] == asked.edns[:_SCOPE]:
            return known[2]
        reply = parse(asked, data)
        if _ends_with_echo(asked, data):
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[rest] = asked.section, asked.edns[:_SCOPE], reply
        return reply


def _ends_with_echo(asked: Question, data: bytes) -> bool:
    """Whether a readable reply's last record is EDNS, with our client subnet and its scope and nothing else."""
    start = len(data) - len(asked.edns)
    return (
        len(asked.edns) > _SCOPE + 1
        and data[start - 9 : start - 6] == _OPT_OWNER_AND_TYPE
        and data[start : start + _SCOPE] == asked.edns[:_SCOPE]
        and data[start + _SCOPE + 1 :] == asked.edns[_SCOPE + 1 :]
    )


def _parse_plain(asked: Question, data: bytes) -> Reply | None:
    """NOERROR, whole, the answers all A records of the asked name, nothing more but EDNS. None: of another form."""
    questions, answers, authorities, additionals = _HEADER_COUNTS.unpack_from(data, 4)
    offset = 12 + len(asked.section)
    opcode_and_truncation = data[2] & 0x7A
    if opcode_and_truncation or data[3] & 0x0F or questions != 1 or not answers or authorities or additionals != 1:
        return None
    if data[12:offset].lower() != asked.section:
        return None
    addresses = []
    ttl_s = 1 << 31
    for _ in range(answers):
        if data[offset : offset + 6] != _PLAIN_A or data[offset + 10 : offset + 12] != b"\x00\x04":
            return None
        # A TTL of 2^31 or more means 0 (RFC 2181, 8), which dnspython knows.
        record_ttl_s = int.from_bytes(data[offset + 6 : offset + 10], "big")
        if record_ttl_s >> 31:
            return None
        ttl_s = min(ttl_s, record_ttl_s)
        addresses.append(data[offset + 12 : offset + 16])
        offset += 16
    if data[offset : offset + 3] != _OPT_OWNER_AND_TYPE or data[offset + 5 : offset + 7] != _NO_ERROR_VERSION_0:
        return None
    edns = data[offset + 9 :]
    if edns == _NO_OPTIONS:
        scope = None
    elif len(edns) > _SCOPE and edns[:_SCOPE] + b"\0" + edns[_SCOPE + 1 :] == asked.edns and edns[_SCOPE] <= 32:
        scope = edns[_SCOPE]
    else:
        return None  # the echo of another subnet among them
    return Reply("NOERROR", tuple(map(socket.inet_ntoa, addresses)), float(ttl_s), scope)


def _parse_any(asked: Question, data: bytes) -> Reply:
    try:
        message = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise MalformedReply(f"unreadable: {error}") from error
    # FORMERR and the like may come without the question; anything else must repeat it.
    may_lack_question = message.rcode() != dns.rcode.NOERROR and not message.question
    if not may_lack_question and message.question != dns.message.from_wire(asked.with_id(0)).question:
        raise MalformedReply("answers another question")
    records = [
        rrset for rrset in message.answer if (rrset.rdclass, rrset.rdtype) == (dns.rdataclass.IN, dns.rdatatype.A)
    ]
    echoes = [option for option in message.options if isinstance(option, dns.edns.ECSOption)]
    if any(not _echoes(option, asked) for option in echoes):
        raise MalformedReply("echoes another client subnet")  # RFC 7871, 7.3: such a reply must be dropped
    extended_errors = [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]
    return Reply(
        rcode=dns.rcode.to_text(message.rcode()),
        addresses=tuple(rdata.address for rrset in records for rdata in rrset),
        ttl_s=float(min(rrset.ttl for rrset in message.answer)) if records else None,
        scope=echoes[0].scopelen if echoes else None,
        truncated=bool(message.flags & dns.flags.TC),
        extended_error=extended_errors[0] if extended_errors else None,
    )


def _echoes(option: dns.edns.ECSOption, asked: Question) -> bool:
    """Whether family, prefix length and address are those that were asked with; the scope is the server's own."""
    sent = bytearray(b"\x00\x08" + (len(asked.octets) + 4).to_bytes(2, "big"))
    sent += option.family.to_bytes(2, "big") + bytes([option.srclen, 0]) + option.addrdata
    longest = 32 if option.family == 1 else 128
    return bytes(sent) == asked.edns[2:] and option.scopelen <= longest
