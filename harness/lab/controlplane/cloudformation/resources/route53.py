"""AWS::Route53::HealthCheck, AWS::Route53::RecordSet and AWS::Route53::HostedZone."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

import uuid
from typing import Any

from harness.lab.controlplane.cloudformation.registry import (
    Context,
    Made,
    Properties,
    ResourceType,
    as_bool,
    as_int,
    cfn,
)
from harness.lab.controlplane.services import health_checks, hosted_zones

_INTEGERS = frozenset({"FailureThreshold", "HealthThreshold", "Port", "RequestInterval"})
_BOOLEANS = frozenset({"Disabled", "EnableSNI", "Inverted", "MeasureLatency"})
_IMMUTABLE = frozenset({"MeasureLatency", "RequestInterval", "Type"})


def _config(properties: Properties) -> dict[str, Any]:
    return {name: _typed(name, value) for name, value in properties["HealthCheckConfig"].items()}


def _typed(name: str, value: Any) -> Any:
    if name in _INTEGERS:
        return as_int(value)
    return as_bool(value) if name in _BOOLEANS else value


@cfn("AWS::Route53::HealthCheck", properties="HealthCheckConfig HealthCheckTags", attributes="HealthCheckId")
class HealthCheck(ResourceType):
    """A change of Type, RequestInterval or MeasureLatency inside the config replaces the check, as on AWS."""

    def replaces(self, old: Properties, new: Properties) -> bool:
        before, after = _config(old), _config(new)
        return any(before.get(name) != after.get(name) for name in _IMMUTABLE)

    def create(self, context: Context, properties: Properties) -> Made:
        check = health_checks.create(f"{context.stack_name}-{uuid.uuid4()}", _config(properties))
        health_checks.set_tags(check.id, context.tags(properties, "HealthCheckTags"))
        return Made(physical_id=check.id, attributes={"HealthCheckId": check.id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        after = _config(new)
        removed = (_config(old).keys() - after.keys()) & health_checks.RESETTABLE
        health_checks.update(made.physical_id, after, reset=removed)
        health_checks.set_tags(made.physical_id, context.tags(new, "HealthCheckTags"))
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        health_checks.delete(made.physical_id)


@cfn(
    "AWS::Route53::RecordSet",
    properties="AliasTarget Comment Failover GeoLocation HealthCheckId HostedZoneId HostedZoneName MultiValueAnswer"
    " Name Region ResourceRecords SetIdentifier TTL Type Weight",
    replaced_by="HostedZoneId HostedZoneName Name",
)
class RecordSet(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        record = _record(properties)
        hosted_zones.change(_zone_id(properties), [("CREATE", record)])
        return Made(physical_id=record["Name"].rstrip("."))

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        zone_id, after = _zone_id(new), _record(new)
        was = hosted_zones.identity(_record(old))
        # What stands there now may have been changed by others; a DELETE has to name it as it is.
        before = None if was == hosted_zones.identity(after) else hosted_zones.current(zone_id, was)
        changes = [("UPSERT", after)] if before is None else [("DELETE", before), ("CREATE", after)]
        hosted_zones.change(zone_id, changes)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        hosted_zones.delete_if_present(_zone_id(properties), hosted_zones.identity(_record(properties)))


@cfn("AWS::Route53::HostedZone", properties="HostedZoneConfig HostedZoneTags Name", replaced_by="Name", attributes="Id")
class HostedZone(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        comment = (properties.get("HostedZoneConfig") or {}).get("Comment")
        zone = hosted_zones.create(properties["Name"], comment=comment)
        hosted_zones.set_tags(zone.resource_id, context.tags(properties, "HostedZoneTags"))
        return Made(physical_id=zone.resource_id, attributes={"Id": zone.resource_id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        hosted_zones.zone(made.physical_id).comment = (new.get("HostedZoneConfig") or {}).get("Comment")
        hosted_zones.set_tags(made.physical_id, context.tags(new, "HostedZoneTags"))
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        hosted_zones.backend().delete_hosted_zone(made.physical_id)


def _zone_id(properties: Properties) -> str:
    zone_id = properties.get("HostedZoneId")
    return str(zone_id) if zone_id else hosted_zones.id_of(properties["HostedZoneName"])


def _record(properties: Properties) -> dict[str, Any]:
    """The record as ChangeResourceRecordSets takes it."""
    skipped = {"Comment", "HostedZoneId", "HostedZoneName"}
    record = {name: value for name, value in properties.items() if name not in skipped}
    if "ResourceRecords" in record:
        record["ResourceRecords"] = [{"Value": value} for value in record["ResourceRecords"]]
    if "AliasTarget" in record:
        target = record["AliasTarget"]
        record["AliasTarget"] = target | {"EvaluateTargetHealth": as_bool(target.get("EvaluateTargetHealth", False))}
    for name in {"TTL", "Weight"} & record.keys():
        record[name] = as_int(record[name])
    if "MultiValueAnswer" in record:
        record["MultiValueAnswer"] = as_bool(record["MultiValueAnswer"])
    return record
