"""Reads the hosted zones of a Route 53 control plane through boto3."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from harness.lab.dns.zones import HostedZone, ZoneSet
from harness.models.routing import AliasTarget, Place, Record

if TYPE_CHECKING:
    from mypy_boto3_route53.client import Route53Client
    from mypy_boto3_route53.type_defs import GeoLocationTypeDef, ResourceRecordSetOutputTypeDef

_NOT_MODELLED = ("GeoProximityLocation", "CidrRoutingConfig", "TrafficPolicyInstanceId")


def read_zones(route53: Route53Client) -> ZoneSet:
    """Every public hosted zone with all its records, page by page. Private zones are for VPCs and are left out."""
    zones, problems = [], []
    for page in route53.get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            if not zone.get("Config", {}).get("PrivateZone"):
                zone_id = zone["Id"].rsplit("/", 1)[-1]
                records, left_out = records_of(_record_sets(route53, zone_id))
                zones.append(HostedZone(id=zone_id, name=_name(zone["Name"]), records=records))
                problems += left_out
    return ZoneSet(zones=tuple(zones), problems=tuple(problems))


def records_of(record_sets: Iterable[ResourceRecordSetOutputTypeDef]) -> tuple[tuple[Record, ...], list[str]]:
    """(records, a sentence for each one that has a policy which the lab does not model)."""
    records, left_out = [], []
    for record_set in record_sets:
        policy = next((key for key in _NOT_MODELLED if key in record_set), None)
        if policy is None:
            records.append(_record(record_set))
        else:
            left_out.append(f"{record_set['Type']} {record_set['Name']}: not answered, {policy} is not modelled")
    return tuple(records), left_out


def _record_sets(route53: Route53Client, zone_id: str) -> Iterator[ResourceRecordSetOutputTypeDef]:
    for page in route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id):
        yield from page["ResourceRecordSets"]


def _record(record_set: ResourceRecordSetOutputTypeDef) -> Record:
    alias = record_set.get("AliasTarget")
    geo = record_set.get("GeoLocation")
    return Record(
        name=_name(record_set["Name"]),
        type=record_set["Type"],
        ttl_s=record_set.get("TTL", 0),
        values=tuple(record["Value"] for record in record_set.get("ResourceRecords", ())),
        alias=alias
        and AliasTarget(
            hosted_zone_id=alias["HostedZoneId"],
            dns_name=_name(alias["DNSName"]),
            evaluate_target_health=alias["EvaluateTargetHealth"],
        ),
        set_identifier=record_set.get("SetIdentifier"),
        health_check_id=record_set.get("HealthCheckId"),
        region=record_set.get("Region"),
        weight=record_set.get("Weight"),
        failover=record_set.get("Failover"),
        place=_place(geo) if geo is not None else None,
        multivalue=record_set.get("MultiValueAnswer", False),
    )


def _place(geo: GeoLocationTypeDef) -> Place:
    country = geo.get("CountryCode")
    return Place(
        continent=geo.get("ContinentCode"),
        country=None if country == "*" else country,
        subdivision=geo.get("SubdivisionCode"),
    )


def _name(text: str) -> str:
    """Route 53 escapes in octal ("\\052" is "*"), everybody else in decimal (RFC 1035 section 5.1)."""
    return re.sub(r"\\([0-7]{3})", lambda escape: f"\\{int(escape[1], 8):03d}", text)
