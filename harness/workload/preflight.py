"""Before items are written: is the table there in every region, global, whole, of our shape, and ours to write to?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.aws import aws_errors
from harness.errors import NotDeployed, NotOptedIn, TargetError
from harness.probes.items import KEY
from harness.stack import OPT_IN_TAG, RegionalStack
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

GLOBAL_TABLE_VERSION = "2019.11.21"


def check_table(target: Target) -> None:
    """Every region of the stack has an active replica of one global table that is opted in.

    Raises:
        NotDeployed: a region has no such table.
        NotOptedIn: a region's replica does not carry the tag that allows writing test items.
        TargetError: the table is not global, lacks a replica, has one that is not active, or has another key.
    """
    names = {regional.table_name for regional in target.stack.regions}
    if len(names) > 1:
        raise TargetError(
            f"stack {target.stack.name} names {len(names)} tables ({', '.join(sorted(names))}): the replicas of a "
            "global table share one name; correct the target's `table_name`s"
        )
    for regional in target.stack.regions:
        table = _describe(target, regional)
        _check_key(table, regional)
        _check_replicas(table, regional, target)
        _require_tag(target, regional, table["TableArn"])


def check_opted_in(target: Target, regional: RegionalStack) -> None:
    """Raises NotOptedIn unless the region's replica carries the opt-in tag."""
    _require_tag(target, regional, _describe(target, regional)["TableArn"])


def _require_tag(target: Target, regional: RegionalStack, table_arn: str) -> None:
    with aws_errors(f"reading the tags of table {regional.table_name} in {regional.region}"):
        found = target.dynamodb(regional.region).list_tags_of_resource(ResourceArn=table_arn)["Tags"]
    tag = {one["Key"]: one["Value"] for one in found}.get(OPT_IN_TAG)
    if tag != "true":
        raise NotOptedIn(
            f"table {regional.table_name} in {regional.region} has tag {OPT_IN_TAG}={tag!r}: items are written to, and "
            "deleted from, only tables whose owner set it to 'true' (deploy with parameter AllowFaults=true)"
        )


def _describe(target: Target, regional: RegionalStack) -> TableDescriptionTypeDef:
    client = target.dynamodb(regional.region)
    try:
        with aws_errors(f"describing table {regional.table_name} in {regional.region}"):
            return client.describe_table(TableName=regional.table_name)["Table"]
    except TargetError as error:
        if isinstance(error.__cause__, client.exceptions.ResourceNotFoundException):
            raise NotDeployed(
                f"table {regional.table_name} does not exist in {regional.region}: add the replica there "
                "(`harness deploy`), or leave the region out of the target"
            ) from error
        raise


def _check_key(table: TableDescriptionTypeDef, regional: RegionalStack) -> None:
    types = {one["AttributeName"]: one["AttributeType"] for one in table.get("AttributeDefinitions", [])}
    keys = [(one["AttributeName"], one["KeyType"], types.get(one["AttributeName"])) for one in table["KeySchema"]]
    if keys != [(KEY, "HASH", "S")]:
        told = ", ".join(f"{name} ({kind} {of})" for name, kind, of in keys)
        raise TargetError(
            f"table {regional.table_name} in {regional.region} has the key {told}: the workload's items have "
            f"the partition key {KEY!r} of type S and no sort key; use a table of that shape"
        )


def _check_replicas(table: TableDescriptionTypeDef, regional: RegionalStack, target: Target) -> None:
    where = f"table {regional.table_name} in {regional.region}"
    others = [name for name in target.stack.region_names if name != regional.region]
    version = table.get("GlobalTableVersion")
    replicas = {one["RegionName"]: one.get("ReplicaStatus", "ACTIVE") for one in table.get("Replicas", [])}
    if not others:
        raise TargetError(f"stack {target.stack.name} has one region: nothing replicates; deploy it to two or more")
    if version != GLOBAL_TABLE_VERSION:
        raise TargetError(
            f"{where} is not a global table of version {GLOBAL_TABLE_VERSION} (its version is {version!r}, "
            f"its replicas are {', '.join(replicas) or 'none'}): "
            f"add replicas in {', '.join(others)}, or deploy the reference stack"
        )
    for other in others:
        status = replicas.get(other)
        if status is None:
            raise TargetError(
                f"{where} has no replica in {other} (it has: {', '.join(replicas) or 'none'}): add it by UpdateTable "
                "or `harness deploy`, or leave the region out of the target"
            )
        if status != "ACTIVE":
            raise TargetError(
                f"{where} has a replica in {other} whose status is {status}: wait until it is ACTIVE, or see what "
                "DynamoDB's console says of it"
            )
