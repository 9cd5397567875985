"""Who may do what: each item operation is checked against the resource policies of the tables that it touches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.parsing import partiql
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from harness.clock import Clock
from harness.lab.tables.policies import Caller, is_denied
from harness.lab.tables.requests import Refused, refused_by_front_end

_ONE_TABLE = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"}
_BATCH = {"BatchGetItem", "BatchWriteItem"}
_IN_TRANSACTION = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_STATEMENTS = {
    "BatchExecuteStatement": "Statements",
    "ExecuteTransaction": "TransactStatements",
}


def refusal(
    clock: Clock, backend: DynamoDBBackend, action: str, request: dict[str, Any], principal_arn: str
) -> Refused | None:
    """AWS's AccessDeniedException when a resource policy of the region denies any part of the request."""
    if not backend.resource_policies:
        return None
    caller = Caller(principal_arn=principal_arn, at=clock.calendar())
    for iam_action, table_name, index_name in _touched(action, request):
        table_arn = _table_arn(backend, table_name)
        resource = f"{table_arn}/index/{index_name}" if index_name else table_arn
        policy = backend.resource_policies.get(table_arn)
        if policy is not None and is_denied(policy.policy_doc, caller, f"dynamodb:{iam_action}", resource):
            return refused_by_front_end(
                "AccessDeniedException",
                f"User: {principal_arn} is not authorized to perform: dynamodb:{iam_action} "
                f"on resource: {resource} with an explicit deny in a resource-based policy",
            )
    return None


def _touched(action: str, request: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """(IAM action, table name or ARN, index) of every part; nothing for operations that touch no items."""
    if action in _ONE_TABLE:
        yield action, request["TableName"], request.get("IndexName")
    elif action in _BATCH:
        for table_name in request["RequestItems"]:
            yield action, table_name, None
    elif action in {"TransactGetItems", "TransactWriteItems"}:
        for part in request["TransactItems"]:
            for kind, operation in part.items():
                yield _IN_TRANSACTION[kind], operation["TableName"], None
    elif action == "ExecuteStatement":
        yield from _touched_by_statement(request["Statement"])
    elif action in _STATEMENTS:
        for statement in request[_STATEMENTS[action]]:
            yield from _touched_by_statement(statement["Statement"])


def _touched_by_statement(statement: str) -> Iterator[tuple[str, str, str | None]]:
    verb = statement.split(maxsplit=1)[0].capitalize()
    for name in partiql.get_query_metadata(statement).get_table_names():
        table_name, _, index_name = name.partition(".")
        yield f"PartiQL{verb}", table_name, index_name or None


def _table_arn(backend: DynamoDBBackend, table_name: str) -> str:
    if table_name.startswith("arn:"):
        return table_name
    return f"arn:{backend.partition}:dynamodb:{backend.region_name}:{backend.account_id}:table/{table_name}"


def principal_of_access_key(account: str, partition: str, access_key: str) -> str:
    """ARN of the IAM user or the role's session that the key belongs to; the account's root for any other key."""
    session = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
    if session is not None:
        return str(session.arn)
    for user in iam_backends[account][partition].users.values():
        if user.has_access_key(access_key):
            return str(user.arn)
    return f"arn:{partition}:iam::{account}:root"
