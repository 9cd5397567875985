"""What moto's DynamoDB control plane lacks: replicas in DescribeTable and UpdateTable, and policies that bite."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult

from harness.lab.tables.authorization import denies_role, policy_arns
from harness.lab.tables.capacity import NO_MAXIMUM, TableKey
from harness.lab.tables.members import GlobalTable, require_measured
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.replication import Replication
from harness.stack import RegionName

GLOBAL_TABLE_VERSION = "2019.11.21"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
"""Replicas always have it; replication is said to read it."""


def install_control(patches: Patches, replication: Replication) -> None:
    patches.wrap(Table, "describe", _describe(replication))
    patches.wrap(DynamoHandler, "update_table", _update_table(replication))
    patches.wrap(DynamoDBBackend, "delete_table", _delete_table(replication))
    patches.wrap(DynamoDBBackend, "update_time_to_live", _update_time_to_live(replication))


def table_id(table: Table) -> str:
    """A table's TableId: another one after it was deleted and created again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{table.table_arn}#{table.created_at.isoformat()}"))


def create_replica(replication: Replication, source: Table, region: RegionName) -> Table:
    """Adds a replica of `source` in `region`; a plain table becomes global by its first one.

    Raises AWS's ValidationException when the region has a table of that name, or is none the lab knows.
    """
    require_measured(source.region_name)
    require_measured(region)
    backend = dynamodb_backends[source.account_id][region]
    if source.name in backend.tables:
        raise MockValidationException(
            f"Failed to create a the new replica of table with name: '{source.name}' because one or more replicas "
            "already existed as tables."
        )
    if source.stream_shard is None:
        source.set_stream_specification(dict(STREAM))
    replica = _table_like(backend, source)
    global_table = replication.members.of_table(source) or replication.members.make_global(source)
    replication.members.add_replica(global_table, region)
    return replica


def _table_like(backend: DynamoDBBackend, source: Table) -> Table:
    """A new table of the same shape, without tags: AWS leaves them to each replica."""
    described = source.describe()["TableDescription"]
    replica = backend.create_table(
        source.name,
        schema=copy.deepcopy(source.schema),
        attr=copy.deepcopy(source.attr),
        throughput=copy.deepcopy(source.throughput) if source.billing_mode == "PROVISIONED" else None,
        global_indexes=copy.deepcopy(described["GlobalSecondaryIndexes"]),
        indexes=copy.deepcopy(described["LocalSecondaryIndexes"]),
        streams=dict(STREAM),
        billing_mode=source.billing_mode,
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    replica.ttl = dict(source.ttl)
    return replica


def delete_replica(replication: Replication, account: str, name: str, region: RegionName) -> None:
    """Deletes the replica's table and takes it out of the global table.

    Raises AWS's ValidationException when there is no such replica.
    """
    global_table = replication.members.of(account, name)
    if global_table is None or region not in global_table.replicas:
        raise MockValidationException(
            "Update global table operation failed because one or more replicas were not part of the global table."
        )
    dynamodb_backends[account][region].delete_table(name)


def _describe(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def describe(table: Table, base_key: str = "TableDescription") -> dict[str, Any]:
            description: dict[str, Any] = original(table, base_key)
            description[base_key]["TableId"] = table_id(table)
            units = replication.caps.of(_key(table))
            if units is not None:
                maximum = {"MaxReadRequestUnits": NO_MAXIMUM, "MaxWriteRequestUnits": units}
                description[base_key]["OnDemandThroughput"] = maximum
            global_table = replication.members.of_table(table)
            if global_table is not None and len(global_table.replicas) > 1:
                description[base_key].update(_replica_description(global_table, table.region_name))
            return description

        return describe

    return wrapper


def _replica_description(global_table: GlobalTable, region: RegionName) -> dict[str, Any]:
    """A replica names the others, not itself, as in the DynamoDB Developer Guide's "Determining the version"."""
    others = [{"RegionName": name, "ReplicaStatus": "ACTIVE"} for name in global_table.regions if name != region]
    return {"GlobalTableVersion": GLOBAL_TABLE_VERSION, "Replicas": others}


def _update_table(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def update_table(handler: DynamoHandler) -> DynamoResult:
            original(handler)
            table = handler.dynamodb_backend.get_table(handler.body["TableName"])
            if handler.body.get("ReplicaUpdates"):
                _require_authorized(replication, table)
            if "OnDemandThroughput" in handler.body:
                _set_maximum(replication, table, handler.body["OnDemandThroughput"])
            for update in handler.body.get("ReplicaUpdates", ()):
                if "Create" in update:
                    create_replica(replication, table, update["Create"]["RegionName"])
                elif "Delete" in update:
                    delete_replica(replication, table.account_id, table.name, update["Delete"]["RegionName"])
                else:
                    raise MockValidationException("The lab creates and deletes replicas, it does not update them")
            return DynamoResult(table.describe())

        return update_table

    return wrapper


def _set_maximum(replication: Replication, table: Table, maximum: dict[str, Any]) -> None:
    """In every replica: the setting is synchronized between them. Raises AWS's ValidationException."""
    if table.billing_mode != "PAY_PER_REQUEST":
        raise MockValidationException(
            "One or more parameter values were invalid: OnDemandThroughput can be specified only when BillingMode is "
            "PAY_PER_REQUEST"
        )
    if maximum.get("MaxReadRequestUnits", NO_MAXIMUM) != NO_MAXIMUM:
        raise MockValidationException("The lab limits writes of a table, it does not limit reads: MaxReadRequestUnits")
    global_table = replication.members.of_table(table)
    regions = global_table.regions if global_table else (table.region_name,)
    keys = [(table.account_id, region, table.name) for region in regions]
    replication.caps.set(keys, int(maximum.get("MaxWriteRequestUnits", NO_MAXIMUM)))


def _key(table: Table) -> TableKey:
    return table.account_id, table.region_name, table.name


def _require_authorized(replication: Replication, table: Table) -> None:
    """Raises AWS's error when a replica's policy denies the role with which replicas are added and removed."""
    global_table = replication.members.of_table(table)
    for region in global_table.regions if global_table else (table.region_name,):
        backend = dynamodb_backends[table.account_id][region]
        if denies_role(backend, backend.get_table(table.name), replication.clock.calendar()):
            raise MockValidationException(
                f"Failed to update the replicas of '{table.name}': its resource-based policy in {region} denies "
                "AWSServiceRoleForDynamoDBReplication"
            )


def _delete_table(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def delete_table(backend: DynamoDBBackend, name: str) -> Table:
            table = original(backend, name)
            replication.caps.set([_key(table)], NO_MAXIMUM)
            global_table = replication.members.of_table(table)
            if global_table is not None:
                replication.members.remove_replica(global_table, table.region_name)
            for arn in policy_arns(backend, table):  # moto would apply them to the next table of that name
                backend.resource_policies.pop(arn, None)
            replication.gates_changed()
            return table

        return delete_table

    return wrapper


def _update_time_to_live(replication: Replication) -> Callable[[Function], Function]:
    """The setting is synchronized between replicas."""

    def wrapper(original: Function) -> Function:
        def update_time_to_live(backend: DynamoDBBackend, table_name: str, ttl_spec: dict[str, Any]) -> None:
            original(backend, table_name, ttl_spec)
            table = backend.get_table(table_name)
            global_table = replication.members.of_table(table)
            for region in global_table.regions if global_table else ():
                dynamodb_backends[backend.account_id][region].get_table(table.name).ttl = dict(table.ttl)

        return update_time_to_live

    return wrapper
