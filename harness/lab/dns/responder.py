"""Bytes of a query to bytes of a reply, with every answer kept that can be given again.

A reply is kept under the bytes of its query without the id: asking again costs one look-up. Where the query ends with
an IPv4 /24 client subnet, the last three octets are left out of the key as well, and the reply is kept once for each
client of the latency database: a sweep over all subnets fills 32 replies and then never parses again.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TypeVar

from harness.lab.dns import wire
from harness.lab.dns.answers import REFUSED, Answer, View
from harness.lab.dns.latency import MIXED, LatencyDatabase
from harness.lab.dns.replies import bare_reply, build_reply, udp_limit
from harness.lab.dns.wire import ClientSubnet, FormatError, Query, parse_query

_MAX_KEPT = 20_000
_MAX_KEPT_BY_CLIENT = 2_000
"""Whatever is kept is forgotten all at once at these numbers: random names cannot fill the memory."""

_BAD_VERSION = Answer(wire.BADVERS, authoritative=False)
_FORMAT_ERROR = Answer(wire.FORMERR, authoritative=False)
_TRANSACTIONS = frozenset(range(249, 255))
"""TKEY, TSIG, IXFR, AXFR, MAILB, MAILA: nothing that this server does."""

_ByClient = list[bytes | None]
Key = TypeVar("Key")
Value = TypeVar("Value")


class Responder:
    """Answers from one view for as long as that view holds; a new view needs a new responder."""

    def __init__(self, view: View, latency: LatencyDatabase) -> None:
        self._view = view
        self._latency = latency
        self._by_16 = latency.by_16
        self._kept: dict[bytes, bytes] = {}
        """By query: the reply."""
        self._kept_by_resolver: dict[bytes, _ByClient] = {}
        """By query whose answer the resolver's address decides: for each client the reply."""
        self._kept_by_subnet: dict[bytes, _ByClient] = {}
        """By query without the subnet that ends it: for each client the reply without that subnet."""
        self._resolvers: dict[str, int] = {}

    def reply(self, data: bytes, resolver: str, *, limit: int | None = None) -> bytes | None:
        """The reply of at most `limit` octets; without a limit, as many as the query allows over UDP.

        None when there is nothing to say: to a reply rather than a query, or to less than a header.
        """
        by_client = self._kept_by_subnet.get(data[2:-3])
        if by_client is not None:
            index = self._by_16[data[-3] << 8 | data[-2]]
            if index != MIXED and (reply := by_client[index]) is not None:
                return data[:2] + reply + data[-3:]
        elif (reply := self._kept_reply(data[2:], resolver)) is not None:
            return data[:2] + reply
        reply = self._fresh_reply(data, resolver, limit)
        return None if reply is None else data[:2] + reply

    def _kept_reply(self, query: bytes, resolver: str) -> bytes | None:
        reply = self._kept.get(query)
        if reply is None and (by_client := self._kept_by_resolver.get(query)) is not None:
            return by_client[self._resolver_index(resolver)]
        return reply

    def _fresh_reply(self, data: bytes, resolver: str, limit: int | None) -> bytes | None:
        """Without the id. What is whole and fits into any transport is kept."""
        if len(data) < wire.HEADER_LENGTH:
            return None
        flags = data[2] << 8 | data[3]
        if flags & wire.QR:
            # Never answer an answer: two servers could keep each other busy for ever.
            return None
        is_query = not flags & wire.OPCODE_MASK
        try:
            query = parse_query(data)
        except FormatError as error:
            return bare_reply(flags, wire.FORMERR if is_query else wire.NOTIMP, has_edns=error.has_edns)
        if not is_query:
            return bare_reply(flags, wire.NOTIMP, has_edns=query.edns is not None)
        index = self._client_index(query, resolver)
        answer = self._answer(query, index)
        reply = build_reply(query, answer, limit=limit or udp_limit(query))
        if answer.repeatable and len(reply) + 2 <= udp_limit(query) and not reply[0] << 8 & wire.TC:
            self._keep(data, query, index, answer, reply)
        return reply

    def _answer(self, query: Query, index: int) -> Answer:
        if query.edns is not None and query.edns.version:
            return _BAD_VERSION
        if query.qtype == wire.OPT:
            return _FORMAT_ERROR
        if query.qclass != wire.IN or query.qtype in _TRANSACTIONS:
            return REFUSED
        return self._view.answer(query.name, query.qtype, self._latency.clients[index])

    def _client_index(self, query: Query, resolver: str) -> int:
        subnet = _located_by(query)
        if subnet is None:
            return self._resolver_index(resolver)
        width = 16 if subnet.family == wire.IPV6_FAMILY else 4
        return self._latency.region_index(subnet.address.ljust(width, b"\0"))

    def _resolver_index(self, resolver: str) -> int:
        index = self._resolvers.get(resolver)
        if index is None:
            _make_room(self._resolvers, _MAX_KEPT)
            index = self._resolvers[resolver] = self._latency.region_index(ip_address(resolver).packed)
        return index

    def _keep(self, data: bytes, query: Query, index: int, answer: Answer, reply: bytes) -> None:
        edns, subnet = query.edns, _located_by(query)
        if edns is not None and edns.has_other_options:
            # Cookies differ from query to query, so such a reply would never be found again.
            return
        if edns is not None and edns.subnet_ends_message and _is_ipv4_24(subnet):
            self._of_each_client(self._kept_by_subnet, data[2:-3])[index] = reply[:-3]
        elif subnet is None and answer.depends_on_client:
            self._of_each_client(self._kept_by_resolver, data[2:])[index] = reply
        else:
            _make_room(self._kept, _MAX_KEPT)
            self._kept[data[2:]] = reply

    def _of_each_client(self, kept: dict[bytes, _ByClient], key: bytes) -> _ByClient:
        by_client = kept.get(key)
        if by_client is None:
            _make_room(kept, _MAX_KEPT_BY_CLIENT)
            by_client = kept[key] = [None] * len(self._latency.clients)
        return by_client


def _located_by(query: Query) -> ClientSubnet | None:
    """The client subnet to route by; None when the resolver's own address is: none was sent, or one of length 0."""
    subnet = query.edns.subnet if query.edns is not None else None
    return subnet if subnet is not None and subnet.source else None


def _is_ipv4_24(subnet: ClientSubnet | None) -> bool:
    return subnet is not None and subnet.family == wire.IPV4_FAMILY and subnet.source == 24


def _make_room(kept: dict[Key, Value], limit: int) -> None:
    if len(kept) >= limit:
        kept.clear()
