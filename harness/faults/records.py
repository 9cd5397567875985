"""The stack's records in Route 53 as faults read and change them. A change is one batch: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from harness.aws import aws_errors
from harness.errors import NotDeployed
from harness.faults.calls import GLOBAL_REGION, AwsCall, aws_call
from harness.stack import RegionName, Stack
from harness.target import Target

Record = dict[str, Any]
"""A ResourceRecordSet as Route 53's API has it; it stays within this module and the faults on records."""

READ_AND_CHANGE = (
    "route53:ListResourceRecordSets",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
)


def read_records(target: Target) -> list[Record]:
    """The A and AAAA records of the stack's domain name, in Route 53's order.

    Raises:
        NotDeployed: the hosted zone does not exist.
    """
    stack, client = target.stack, target.route53()
    name = f"{stack.domain_name.lower().rstrip('.')}."
    with aws_errors(f"reading the records of {name} in hosted zone {stack.hosted_zone_id}"):
        try:
            # Records come in order of name, and a page holds 300: more than one name can have.
            page = client.list_resource_record_sets(
                HostedZoneId=stack.hosted_zone_id, StartRecordName=name, MaxItems="300"
            )
        except client.exceptions.NoSuchHostedZone as error:
            raise NotDeployed(f"hosted zone {stack.hosted_zone_id} does not exist: deploy or discover again") from error
    found: list[Record] = [dict(record) for record in page["ResourceRecordSets"]]
    return [record for record in found if record["Name"].lower() == name and record["Type"] in {"A", "AAAA"}]


def leads_to(record: Record, region: RegionName) -> bool:
    """Whether users whom this record answers are sent to `region`."""
    return record.get("Region") == region or f".{region}." in record.get("AliasTarget", {}).get("DNSName", "")


def identity(record: Record) -> str:
    """The text that names one record set: type and set identifier."""
    return " ".join(filter(None, (record["Type"], record.get("SetIdentifier"))))


def change_records(stack: Stack, changes: Iterable[tuple[str, Record]]) -> AwsCall:
    """One batch of (action, record)."""
    batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    return aws_call(
        "route53",
        GLOBAL_REGION,
        "ChangeResourceRecordSets",
        {"HostedZoneId": stack.hosted_zone_id, "ChangeBatch": {"Changes": batch}},
    )


def as_text(records: Sequence[Record] | Record) -> str:
    """The same text for the same records."""
    return msgspec.json.encode(records, order="deterministic").decode()


def record_of(text: str) -> Record:
    found: Record = msgspec.json.decode(text)
    return found
