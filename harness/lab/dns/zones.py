"""Hosted zones as plain data, and the index that a server looks names up in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import msgspec

from harness.lab.dns import wire
from harness.models.routing import Policy, Record

DEFAULT_SOA = "ns-2048.awsdns-64.net. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
"""What Route 53 puts into a new zone."""


class HostedZone(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """As in the API, without "/hostedzone/"."""
    name: str
    records: tuple[Record, ...] = ()


class ZoneSet(msgspec.Struct, frozen=True, kw_only=True):
    """Every public hosted zone of the control plane at one moment."""

    zones: tuple[HostedZone, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read as Route 53 would: one sentence for each record left out."""


class RRset(msgspec.Struct, frozen=True, gc=False):
    """Records ready to be sent: `name` and `rdatas` in wire format."""

    name: bytes
    rtype: int
    ttl_s: int
    rdatas: tuple[bytes, ...]


Node = dict[int, tuple[Record, ...]]
"""Records at one name, by type."""


class ZoneIndex:
    """One zone, indexed by lower-case wire-format name. Immutable once built.

    A zone without a usable SOA or NS record is given the ones that Route 53 would.
    """

    def __init__(self, zone: HostedZone) -> None:
        self.id = zone.id
        self.apex = wire_name(zone.name)
        self.problems: list[str] = []
        self._rdatas: dict[Record, tuple[bytes, ...]] = {}
        self._targets: dict[Record, bytes] = {}
        self._nodes: dict[bytes, Node] = {}
        self._index(_with_readable_apex(zone))
        self._cuts = {name for name, node in self._nodes.items() if wire.NS in node and name != self.apex}
        soa = self._nodes[self.apex][wire.SOA][0]
        minimum_s = int.from_bytes(self._rdatas[soa][0][-4:])
        self.negative = RRset(self.apex, wire.SOA, min(soa.ttl_s, minimum_s), self._rdatas[soa])
        """The SOA that goes with "no such name" and "no such type": its TTL as RFC 2308 section 5 says."""

    def node(self, name: bytes) -> Node | None:
        """The records at `name`, or those of the wildcard that stands for it; None when there is no such name."""
        node = self._nodes.get(name)
        if node is not None:
            return node
        for ancestor in suffixes(parent(name)):
            # RFC 4592: only the wildcard right below the closest name that exists can match.
            if ancestor in self._nodes:
                return self._nodes.get(b"\x01*" + ancestor)
        return None

    def cut_above(self, name: bytes) -> bytes | None:
        """The delegated name that `name` is or lies below, the topmost one."""
        if not self._cuts:
            return None
        return next((above for above in reversed(list(suffixes(name))) if above in self._cuts), None)

    def holds(self, name: bytes) -> bool:
        return is_below(name, self.apex)

    def group(self, name: bytes, rtype: int) -> tuple[Record, ...]:
        """The records of one name and type in this zone; empty when there are none."""
        node = self.node(name) if self.holds(name) else None
        return node.get(rtype, ()) if node else ()

    def rdatas(self, record: Record) -> tuple[bytes, ...]:
        return self._rdatas[record]

    def alias_target(self, record: Record) -> bytes:
        return self._targets[record]

    def health_check_ids(self) -> set[str]:
        return {record.health_check_id for record in self._rdatas if record.health_check_id is not None}

    def routed_groups(self) -> Iterator[tuple[bytes, int, tuple[Record, ...]]]:
        """(name, type, records) wherever there is something to choose."""
        for name, node in self._nodes.items():
            for rtype, records in node.items():
                if records[0].policy is not Policy.SIMPLE:
                    yield name, rtype, records

    def _index(self, records: Iterable[Record]) -> None:
        groups: dict[tuple[bytes, int], list[Record]] = defaultdict(list)
        for record in records:
            try:
                groups[self._convert(record)].append(record)
            except (dns.exception.DNSException, ValueError) as error:
                self.problems.append(f"{record.type} {record.name}: not answered, {error}")
        for (name, rtype), group in groups.items():
            self._nodes.setdefault(name, {})[rtype] = tuple(group)
            for ancestor in suffixes(parent(name)):
                # An empty name between the zone and a record exists: it has no data, but it is no NXDOMAIN.
                if self.holds(ancestor):
                    self._nodes.setdefault(ancestor, {})

    def _convert(self, record: Record) -> tuple[bytes, int]:
        name, rtype = wire_name(record.name), dns.rdatatype.from_text(record.type)
        if not self.holds(name):
            raise ValueError("it is outside its zone")
        if record.alias is not None:
            self._targets[record] = wire_name(record.alias.dns_name)
        self._rdatas[record] = tuple(wire_rdata(record.type, value) for value in record.values)
        return name, int(rtype)


class ZoneIndexes:
    """All zones: a name belongs to the one with the longest matching name."""

    def __init__(self, zone_set: ZoneSet) -> None:
        self.zones = tuple(ZoneIndex(zone) for zone in zone_set.zones)
        self.problems = [*zone_set.problems, *(problem for zone in self.zones for problem in zone.problems)]
        self._by_apex: dict[bytes, ZoneIndex] = {}
        for zone in self.zones:
            # Route 53 gives zones of the same name different servers; the lab has one server, so the first one counts.
            if self._by_apex.setdefault(zone.apex, zone) is not zone:
                self.problems.append(f"zone {zone.id}: not answered, zone {self._by_apex[zone.apex].id} has its name")

    def health_check_ids(self) -> set[str]:
        return {check for zone in self.zones for check in zone.health_check_ids()}

    def zone_of(self, name: bytes) -> ZoneIndex | None:
        by_apex = self._by_apex
        while True:
            zone = by_apex.get(name)
            if zone is not None or name == b"\0":
                return zone
            name = name[name[0] + 1 :]

    def by_id(self, zone_id: str) -> ZoneIndex | None:
        return next((zone for zone in self.zones if zone.id == zone_id), None)


def wire_name(text: str) -> bytes:
    """Lower-case wire format of a name; absolute with or without the final dot, as Route 53 takes it."""
    wire_format = dns.name.from_text(text).to_wire()
    assert wire_format is not None  # it is only with a file argument
    return wire_format.lower()


def text_name(name: bytes) -> str:
    """Presentation form without the final dot."""
    return dns.name.from_wire(name, 0)[0].to_text(omit_final_dot=True)


def suffixes(name: bytes) -> Iterator[bytes]:
    """The name itself, then each of its ancestors, the root last."""
    while name != b"\0":
        yield name
        name = parent(name)
    yield name


def parent(name: bytes) -> bytes:
    """The name without its first label; the root is its own parent."""
    return name[name[0] + 1 :] or name


def is_below(name: bytes, ancestor: bytes) -> bool:
    """Whether `name` is `ancestor` or lies below it."""
    return any(suffix == ancestor for suffix in suffixes(name))


def wire_rdata(rtype: str, value: str) -> bytes:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, value, origin=dns.name.root, relativize=False)
    return rdata.to_wire() or b""


def _with_readable_apex(zone: HostedZone) -> Iterator[Record]:
    """The zone's records, with the SOA and NS that every zone has in place of ones that cannot be read."""
    missing = {
        "SOA": Record(name=zone.name, type="SOA", ttl_s=900, values=(DEFAULT_SOA,)),
        "NS": Record(name=zone.name, type="NS", ttl_s=172_800, values=("ns-2048.awsdns-64.net.",)),
    }
    for record in zone.records:
        if record.type in missing and wire_name(record.name) == wire_name(zone.name):
            if not _is_readable(record):
                continue
            del missing[record.type]
        yield record
    yield from missing.values()


def _is_readable(record: Record) -> bool:
    try:
        return len([wire_rdata(record.type, value) for value in record.values]) > 0
    except dns.exception.DNSException:
        return False
