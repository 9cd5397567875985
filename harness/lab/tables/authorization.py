"""Whether the resource policies of a table let DynamoDB replicate it: what AWS FIS denies to pause replication.

AWS replicates as two principals: its own service (ReadDataForReplication, WriteDataForReplication on the table) and the
replication service-linked role (item actions on the table, reading on its stream). Which of the two a given step uses
is not published; here a step needs all that could be its own, so each of FIS's statements alone has an effect:

    out of a replica    service may ReadDataForReplication; role may read the stream
    into a replica      service may WriteDataForReplication; role may put, update and delete items
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from harness.lab.tables.policies import Caller, is_denied

REPLICATION_SERVICE = "replication.dynamodb.amazonaws.com"

_STREAM_ACTIONS = ("GetRecords", "DescribeStream", "GetShardIterator")
_ITEM_ACTIONS = ("PutItem", "UpdateItem", "DeleteItem")


def stream_arn(table: Table) -> str:
    return f"{table.table_arn}/stream/{table.latest_stream_label}"


def role_arn(account: str) -> str:
    """The replication service-linked role's."""
    return f"arn:aws:iam::{account}:role/aws-service-role/{REPLICATION_SERVICE}/AWSServiceRoleForDynamoDBReplication"


def denies_reading(backend: DynamoDBBackend, table: Table, at: datetime) -> bool:
    """Whether nothing may replicate out of `table`."""
    role = Caller(principal_arn=role_arn(backend.account_id), at=at)
    return _denies(backend, table.table_arn, _service(at), ("ReadDataForReplication",)) or _denies(
        backend, stream_arn(table), role, _STREAM_ACTIONS
    )


def denies_writing(backend: DynamoDBBackend, table: Table, at: datetime) -> bool:
    """Whether nothing may replicate into `table`."""
    return _denies(backend, table.table_arn, _service(at), ("WriteDataForReplication",)) or denies_role(
        backend, table, at
    )


def denies_role(backend: DynamoDBBackend, table: Table, at: datetime) -> bool:
    """Whether the service-linked role is denied on `table`: then replicas can be neither added nor removed."""
    role = Caller(principal_arn=role_arn(backend.account_id), at=at)
    return _denies(backend, table.table_arn, role, _ITEM_ACTIONS)


def policy_arns(backend: DynamoDBBackend, table: Table) -> Iterator[str]:
    """ARNs of `table` and of its streams that have a policy."""
    return (arn for arn in list(backend.resource_policies) if arn == table.table_arn or _is_stream_of(arn, table))


def _is_stream_of(arn: str, table: Table) -> bool:
    return arn.startswith(f"{table.table_arn}/stream/")


def _service(at: datetime) -> Caller:
    return Caller(principal_arn="", at=at, service_name=REPLICATION_SERVICE)


def _denies(backend: DynamoDBBackend, arn: str, caller: Caller, actions: tuple[str, ...]) -> bool:
    policy = backend.resource_policies.get(arn)
    return policy is not None and any(
        is_denied(policy.policy_doc, caller, f"dynamodb:{action}", arn) for action in actions
    )
