"""Hosted zones and their records, with ChangeResourceRecordSets' rules.

moto compares changes with a journal instead of the zone, deletes by SetIdentifier whatever the name, and applies half
of a batch that fails; so the lab applies change batches itself, to moto's zones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.route53.exceptions import NoSuchHealthCheck, NoSuchHostedZone
from moto.route53.models import FakeZone, RecordSet, Route53Backend, route53_backends

from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.lab.controlplane.services.edge_hosts import zone_id_of_execute_api_host

Identity = tuple[str, str, str | None]
"""Name, type and SetIdentifier: what makes a record set the same record set."""

_ROUTING = ("Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer")


class InvalidChangeBatch(ServiceException):  # type: ignore[misc]
    code = "InvalidChangeBatch"


def backend() -> Any:
    zones: Route53Backend = route53_backends[ACCOUNT_ID]["aws"]
    return zones


def zone(zone_id: str) -> Any:
    """moto's zone; raises NoSuchHostedZone."""
    return backend().get_hosted_zone(zone_id.removeprefix("/hostedzone/"))


def create(name: str, *, comment: str | None = None, **options: Any) -> Any:
    """A new zone with its NS and SOA records."""
    made: FakeZone = backend().create_hosted_zone(_qualified(name), private_zone=False, comment=comment, **options)
    repair_soa(made)
    return made


def repair_soa(made: Any) -> None:
    """moto writes the SOA's value as the text of a dict, and some names without the final dot."""
    for record in made.rrsets:
        record.name = _qualified(record.name)
        record.records = [value["Value"] if isinstance(value, dict) else value for value in record.records]
        if record.type == "NS":
            record.records = [_qualified(server) for server in record.records]


def id_of(name: str) -> str:
    """The zone's id by its name; raises NoSuchHostedZone."""
    for candidate in backend().zones.values():
        if candidate.name == _qualified(name):
            return str(candidate.resource_id)
    raise NoSuchHostedZone(name)


def set_tags(zone_id: str, tags: Mapping[str, str]) -> None:
    backend().resource_tags[zone_id] = dict(tags)


def identity(record: Mapping[str, Any]) -> Identity:
    return _qualified(record["Name"]), record["Type"], record.get("SetIdentifier")


def change(zone_id: str, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Applies CREATE, UPSERT and DELETE in order, all or none.

    Raises:
        InvalidChangeBatch: with every reason, as AWS gives them.
    """
    target = zone(zone_id)
    records = {_identity_of(record): record for record in target.rrsets}
    problems: list[str] = []
    for action, given in changes:
        record = _normalized(given)
        problem = _problem(action, record, records, target.name)
        if problem:
            problems.append(problem)
        elif action == "DELETE":
            del records[identity(record)]
        else:
            records[identity(record)] = RecordSet(_as_moto(record))
    if problems:
        raise InvalidChangeBatch(f"[{', '.join(problems)}]")
    target.rrsets = list(records.values())


def current(zone_id: str, wanted: Identity) -> dict[str, Any] | None:
    """The record as it stands, in the shape of a change."""
    for record in zone(zone_id).rrsets:
        if _identity_of(record) == wanted:
            return _as_change(record)
    return None


def delete_if_present(zone_id: str, wanted: Identity) -> None:
    """Deletes that one record; siblings under the same name and a zone that is gone are left alone."""
    if zone_id.removeprefix("/hostedzone/") in backend().zones:
        target = zone(zone_id)
        target.rrsets = [record for record in target.rrsets if _identity_of(record) != wanted]


def page(
    zone_id: str, start: tuple[str | None, str | None, str | None], max_items: int
) -> tuple[list[Any], Any | None]:
    """Records in Route 53's order (labels reversed, type, SetIdentifier) from `start`, and the first one after them."""
    ordered = sorted(zone(zone_id).rrsets, key=_order)
    name, record_type, set_identifier = start
    if name:
        first = (_reversed_labels(_qualified(name)), record_type or "", set_identifier or "")
        ordered = [record for record in ordered if _order(record) >= first]
    return ordered[:max_items], ordered[max_items] if len(ordered) > max_items else None


def _problem(action: str, record: dict[str, Any], records: Mapping[Identity, Any], zone_name: str) -> str | None:
    title = _title(record)
    existing = records.get(identity(record))
    if not (record["Name"] == zone_name or record["Name"].endswith(f".{zone_name}")):
        return f"RRSet with DNS name {record['Name']} is not permitted in zone {zone_name}"
    if action == "DELETE":
        if existing is None:
            return f"Tried to delete resource record set {title} but it was not found"
        if _as_change(existing) != record:
            return (
                f"Tried to delete resource record set {title} but the values provided do not match the current values"
            )
        return None
    if action == "CREATE" and existing is not None:
        return f"Tried to create resource record set {title} but it already exists"
    return _invalid(record) or _conflict(record, records)


def _invalid(record: Mapping[str, Any]) -> str | None:
    routed = [name for name in _ROUTING if name in record]
    if ("AliasTarget" in record) == ("ResourceRecords" in record and "TTL" in record):
        return (
            f"Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found none in Change with {_title(record)}"
        )
    if bool(routed) != ("SetIdentifier" in record) or len(routed) > 1:
        return (
            f"Invalid request: {_title(record)} needs SetIdentifier with exactly one of {', '.join(_ROUTING)}, or none"
        )
    if "HealthCheckId" in record and record["HealthCheckId"] not in backend().health_checks:
        raise NoSuchHealthCheck(record["HealthCheckId"])
    return _misplaced_alias(record)


def _misplaced_alias(record: Mapping[str, Any]) -> str | None:
    target = record.get("AliasTarget")
    expected = zone_id_of_execute_api_host(target["DNSName"]) if target else None
    if target and expected and target["HostedZoneId"] != expected:
        return (
            f"Tried to create an alias that targets {target['DNSName']}, type {record['Type']} in zone "
            f"{target['HostedZoneId']}, but the alias target name does not lie within the target zone"
        )
    return None


def _conflict(record: Mapping[str, Any], records: Mapping[Identity, Any]) -> str | None:
    """A name and type has either one simple record, or records of one routing policy, one per region at most."""
    for other in records.values():
        if (other.name, other.type) != (record["Name"], record["Type"]) or _identity_of(other) == identity(record):
            continue
        if (other.set_identifier is None) != ("SetIdentifier" not in record):
            return (
                f"RRSet {_title(record)} conflicts with an RRSet of the same name and type with another routing policy"
            )
        if "Region" in record and other.region == record["Region"]:
            return f"Tried to create resource record set {_title(record)} but region {other.region} is already taken"
    return None


def _title(record: Mapping[str, Any]) -> str:
    identifier = f", set identifier='{record['SetIdentifier']}'" if record.get("SetIdentifier") else ""
    return f"[name='{record['Name']}', type='{record['Type']}'{identifier}]"


def _qualified(name: str) -> str:
    """Route 53 keeps names in lower case, with the final dot and "*" escaped."""
    name = name.lower().replace("*", "\\052")
    return name if name.endswith(".") else f"{name}."


def _normalized(record: Mapping[str, Any]) -> dict[str, Any]:
    clean = {key: value for key, value in record.items() if value not in (None, [])}
    clean["Name"] = _qualified(clean["Name"])
    if "TTL" in clean:
        clean["TTL"] = int(clean["TTL"])
    if "ResourceRecords" in clean:
        clean["ResourceRecords"] = [{"Value": entry["Value"]} for entry in clean["ResourceRecords"]]
    if "AliasTarget" in clean:
        target = clean["AliasTarget"]
        clean["AliasTarget"] = {**target, "DNSName": _qualified(target["DNSName"])}
    return clean


def _as_moto(record: Mapping[str, Any]) -> dict[str, Any]:
    values = [entry["Value"] for entry in record.get("ResourceRecords", ())]
    return {**record, "ResourceRecords": values}


def _as_change(record: Any) -> dict[str, Any]:
    return _normalized(
        {
            "Name": record.name,
            "Type": record.type,
            "TTL": record.ttl,
            "ResourceRecords": record.resource_records,
            "SetIdentifier": record.set_identifier,
            "Weight": record.weight,
            "Region": record.region,
            "HealthCheckId": record.health_check_id,
            "AliasTarget": record.alias_target,
            "Failover": record.failover,
            "GeoLocation": record.geo_location,
            "MultiValueAnswer": record.multi_value_answer,
        }
    )


def _identity_of(record: Any) -> Identity:
    return _qualified(record.name), record.type, record.set_identifier


def _order(record: Any) -> tuple[str, str, str]:
    return _reversed_labels(record.name), record.type, record.set_identifier or ""


def _reversed_labels(name: str) -> str:
    return ".".join(reversed(name.rstrip(".").split(".")))
