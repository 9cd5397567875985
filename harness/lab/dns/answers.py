"""What the lab's authoritative server knows to answer: zones, health and endpoints at one moment, without I/O."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from random import Random

import dns.rdatatype
import msgspec

from harness.lab.dns import wire
from harness.lab.dns.zones import (
    DEFAULT_SOA,
    Node,
    RRset,
    ZoneIndex,
    ZoneIndexes,
    parent,
    text_name,
    wire_name,
    wire_rdata,
)
from harness.models.routing import AliasTarget, Client, Record, choose, healthy_or_all, record_is_healthy
from harness.stack import RegionName

Locate = Callable[[str], tuple[str, ...] | None]
"""IPv4 addresses of one of the lab's own endpoints (execute-api hosts, domain targets); None for any other host."""

_MAX_STEPS = 8
"""CNAME and alias chains longer than this are cut: they are loops or mistakes."""


class Answer(msgspec.Struct, frozen=True):
    rcode: int
    authoritative: bool = True
    answers: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    depends_on_client: bool = False
    repeatable: bool = True
    """The same question from the same client gets the same answer until the view changes."""


REFUSED = Answer(wire.REFUSED, authoritative=False, repeatable=False)


class Choice(msgspec.Struct, frozen=True):
    """The records chosen at one name: empty `rdatas` when there is nothing for this client."""

    ttl_s: int
    rdatas: tuple[bytes, ...]
    depends_on_client: bool = False
    repeatable: bool = True


_NO_SUCH_TYPE = Choice(0, ())
_NO_TARGET = Choice(0, (), repeatable=False)
"""Of an alias whose target is not there: yet, perhaps, so the answer is not kept."""


class Service(msgspec.Struct, frozen=True):
    """Which of the records of one name and type are healthy: what decides who is served by whom."""

    healthy: frozenset[Record]
    records: tuple[Record, ...]

    @property
    def regions_serving(self) -> list[RegionName]:
        """Fail open: all of them when none is healthy."""
        serving = healthy_or_all(self.records, lambda record: record in self.healthy)
        return sorted({record.region for record in serving if record.region})


class View:
    """Immutable: a change of zones, health or endpoints makes a new one."""

    def __init__(
        self, zones: ZoneIndexes, unhealthy: frozenset[str], locate: Locate, *, alias_ttl_s: int, random: Random
    ) -> None:
        self._zones = zones
        self._unhealthy = unhealthy
        self._locate = locate
        self._alias_ttl_s = alias_ttl_s
        self._random = random

    def answer(self, name: bytes, qtype: int, client: Client) -> Answer:
        """`name` in lower-case wire format."""
        zone = self._zones.zone_of(name)
        return self._endpoint(name, qtype) if zone is None else self.answer_in(zone, name, qtype, client)

    def answer_in(
        self, zone: ZoneIndex, name: bytes, qtype: int, client: Client, seen: tuple[bytes, ...] = ()
    ) -> Answer:
        """The answer from this zone, following CNAMEs inside it; `seen` are the names that led here."""
        cut = zone.cut_above(name)
        if cut is not None and not (cut == name and qtype == wire.DS):
            return self._referral(zone, cut)
        node = zone.node(name)
        if node is None:
            return Answer(wire.NXDOMAIN, authority=(zone.negative,))
        rtype = _type_to_answer(node, qtype)
        choice = _NO_SUCH_TYPE if rtype is None else self._choose(zone, node[rtype], rtype, client)
        if rtype is None or not choice.rdatas:
            return _answer(choice, authority=(zone.negative,))
        here = _answer(choice, answers=(RRset(name, rtype, choice.ttl_s, choice.rdatas),))
        target = choice.rdatas[0].lower()
        followed = rtype == wire.CNAME and qtype not in {wire.CNAME, wire.ANY} and zone.holds(target)
        if not followed or target in (name, *seen) or len(seen) == _MAX_STEPS:
            return here
        return _joined(here, self.answer_in(zone, target, qtype, client, (name, *seen)))

    def services(self) -> Iterator[tuple[tuple[str, bytes, int], Service]]:
        """((zone id, name, type), service) wherever a policy chooses."""
        for zone in self._zones.zones:
            for name, rtype, records in zone.routed_groups():
                healthy = frozenset(record for record in records if self._is_healthy(zone, record))
                yield (zone.id, name, rtype), Service(healthy, records)

    def _choose(
        self, zone: ZoneIndex, records: tuple[Record, ...], rtype: int, client: Client, steps: int = 0
    ) -> Choice:
        chosen = choose(records, client, lambda record: self._is_healthy(zone, record), self._random)
        policy = records[0].policy
        parts = [self._resolve(zone, record, rtype, client, steps) for record in chosen]
        return Choice(
            min((part.ttl_s for part in parts), default=0),
            tuple(rdata for part in parts for rdata in part.rdatas),
            policy.depends_on_client or any(part.depends_on_client for part in parts),
            not (policy.is_random and len(records) > 1) and all(part.repeatable for part in parts),
        )

    def _resolve(self, zone: ZoneIndex, record: Record, rtype: int, client: Client, steps: int) -> Choice:
        """The data of one record: its own, or what its alias target has, under the alias's name."""
        if record.alias is None:
            return Choice(record.ttl_s, zone.rdatas(record))
        target = zone.alias_target(record)
        addresses = self._locate(text_name(target))
        if addresses is not None:
            return Choice(self._alias_ttl_s, _address_rdatas(addresses) if rtype == wire.A else ())
        group = zone.group(target, rtype)
        return self._choose(zone, group, rtype, client, steps + 1) if group and steps < _MAX_STEPS else _NO_TARGET

    def _is_healthy(self, zone: ZoneIndex, record: Record, steps: int = 0) -> bool:
        return record_is_healthy(
            record,
            check_is_healthy=lambda check_id: check_id not in self._unhealthy,
            target_is_healthy=lambda alias: self._target_is_healthy(zone, alias, record.type, steps + 1),
        )

    def _target_is_healthy(self, zone: ZoneIndex, alias: AliasTarget, rtype: str, steps: int) -> bool:
        """An endpoint of the lab counts as available; a name in the zone as healthy when one of its records is."""
        if self._locate(alias.dns_name.rstrip(".")) is not None:
            return True
        group = zone.group(wire_name(alias.dns_name), dns.rdatatype.from_text(rtype))
        return steps <= _MAX_STEPS and any(self._is_healthy(zone, record, steps) for record in group)

    def _referral(self, zone: ZoneIndex, cut: bytes) -> Answer:
        """The NS records of a delegated name, and the addresses of those servers that lie in the zone."""
        (record, *_) = (zone.node(cut) or {})[wire.NS]
        servers = zone.rdatas(record)
        glue = [
            RRset(server.lower(), rtype, addresses[0].ttl_s, zone.rdatas(addresses[0]))
            for server in servers
            if zone.holds(server.lower())
            for rtype, addresses in (zone.node(server.lower()) or {}).items()
            if rtype in {wire.A, wire.AAAA} and addresses[0].alias is None
        ]
        delegation = RRset(cut, wire.NS, record.ttl_s, servers)
        return Answer(wire.NOERROR, authoritative=False, authority=(delegation,), additional=tuple(glue))

    def _endpoint(self, name: bytes, qtype: int) -> Answer:
        """An execute-api host or domain target: the lab is authoritative for the names of its own endpoints."""
        addresses = self._locate(text_name(name))
        if addresses is None:
            return REFUSED
        if qtype in {wire.A, wire.ANY}:
            return Answer(wire.NOERROR, answers=(RRset(name, wire.A, self._alias_ttl_s, _address_rdatas(addresses)),))
        return Answer(wire.NOERROR, authority=(RRset(parent(name), wire.SOA, self._alias_ttl_s, (_ENDPOINT_SOA,)),))


_ENDPOINT_SOA = wire_rdata("SOA", DEFAULT_SOA)


def _type_to_answer(node: Node, qtype: int) -> int | None:
    """The type asked for, else CNAME; for ANY the first there is (RFC 8482 section 4.1: one set is enough)."""
    if qtype in node:
        return qtype
    if qtype == wire.ANY:
        return next(iter(node), None)
    return wire.CNAME if wire.CNAME in node else None


def _answer(choice: Choice, *, answers: tuple[RRset, ...] = (), authority: tuple[RRset, ...] = ()) -> Answer:
    return Answer(
        wire.NOERROR,
        answers=answers,
        authority=authority,
        depends_on_client=choice.depends_on_client,
        repeatable=choice.repeatable,
    )


def _joined(cname: Answer, target: Answer) -> Answer:
    """A CNAME and what its target has: the target decides about the rest of the message."""
    return Answer(
        target.rcode,
        answers=cname.answers + target.answers,
        authority=target.authority,
        additional=target.additional,
        depends_on_client=cname.depends_on_client or target.depends_on_client,
        repeatable=cname.repeatable and target.repeatable,
    )


def _address_rdatas(addresses: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(socket.inet_aton(address) for address in addresses)
