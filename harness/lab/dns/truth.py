"""What a change of view means for who is served: the lab's own record, for benchmarks and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dns.rdatatype

from harness.events import Json
from harness.lab.dns.answers import Service
from harness.lab.dns.zones import text_name
from harness.lab.ports import Truth
from harness.models.routing import Record

ServiceKey = tuple[str, bytes, int]
"""(zone id, name in wire format, type)."""


def service_changes(
    before: Mapping[ServiceKey, Service], after: Mapping[ServiceKey, Service], *, at_s: float
) -> Iterator[Truth]:
    """One truth for each record that left the healthy ones of its name and type, or came (back) among them.

    A name that is new, or gone altogether, is no change of routing and is left out.
    """
    for key in before.keys() & after.keys():
        was, now = _by_identifier(before[key]), _by_identifier(after[key])
        for identifier in sorted(was.keys() ^ now.keys()):
            change = "left" if identifier in was else "returned"
            yield _truth(key, was.get(identifier) or now[identifier], change, after[key], at_s)


def _by_identifier(service: Service) -> dict[str, Record]:
    return {record.set_identifier or "": record for record in service.healthy}


def _truth(key: ServiceKey, record: Record, change: str, service: Service, at_s: float) -> Truth:
    zone_id, name, rtype = key
    detail: dict[str, Json] = {
        "change": change,
        "zone_id": zone_id,
        "name": text_name(name),
        "type": dns.rdatatype.to_text(dns.rdatatype.RdataType(rtype)),
        "set_identifier": record.set_identifier,
        "health_check_id": record.health_check_id,
        "serving": list(service.regions_serving),
        "fail_open": not service.healthy,
    }
    return Truth(at_s=at_s, what="dns-changed", region=record.region or "", detail=detail)
