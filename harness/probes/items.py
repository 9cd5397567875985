"""One write or one read of one item in one region: through DynamoDB, or through the region's application over HTTPS.

A write is made once. If it fails in a way that leaves open whether it took effect, its outcome is UNKNOWN; a retry
would hide that. The items are of the workload's shape: key "pk", attributes "a" and "b". The application makes items of
a shape of its own, with a key of its own choice; such an item is recorded as the application shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import Clock
from harness.events import Item, ItemRead, ItemWrite, Operation, Outcome, Way
from harness.probes.items_https import get_item, post_item
from harness.probes.refusals import Failure, why_failed
from harness.stack import RegionName
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "pk"
ATTRIBUTES = ("a", "b")
SOURCE = "items"


class PlannedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is about to do to one item."""

    operation: Operation
    key: str
    value: str
    """Unique in the run."""
    attribute: str = ATTRIBUTES[0]
    """UPDATE: the one that it sets."""
    based_on: str | None = None
    """SWAP: both attributes must still hold this value."""
    way: Way = Way.DYNAMODB
    """HTTPS only ever makes new items: PUT, and the application chooses the key."""

    def __post_init__(self) -> None:
        if (self.operation is Operation.SWAP) is not (self.based_on is not None):
            raise ValueError(
                f"{self.operation.value} of {self.key} based on {self.based_on!r}: a swap, and only a swap"
            )
        if self.way is Way.HTTPS and self.operation is not Operation.PUT:
            raise ValueError(f"{self.operation.value} of {self.key}: the application only makes new items (put)")


def write(target: Target, clock: Clock, planned: PlannedWrite, *, client: str, region: RegionName) -> ItemWrite:
    """One attempt. Whatever goes wrong is in the event.

    By HTTPS the event's key is the application's choice; "" when its reply, and so the key, never came.

    Raises:
        CredentialsMissing: there are no AWS credentials at all.
    """
    _make_ready(target, region, planned.way)
    start_s = clock.now_s()
    key, outcome, item, error = _attempt(target, planned, region)
    return ItemWrite(
        start_s=start_s,
        end_s=clock.now_s(),
        source=SOURCE,
        client=client,
        region=region,
        way=planned.way,
        operation=planned.operation,
        key=key,
        value=planned.value,
        item=item,
        based_on=planned.based_on,
        outcome=outcome,
        error=error,
    )


def read(
    target: Target,
    clock: Clock,
    key: str,
    *,
    client: str,
    region: RegionName,
    consistent: bool = False,
    way: Way = Way.DYNAMODB,
) -> ItemRead:
    """One attempt; OK without an item when there is none. The application's reads are eventually consistent.

    Raises:
        CredentialsMissing: there are no AWS credentials at all.
    """
    consistent = consistent and way is Way.DYNAMODB
    _make_ready(target, region, way)
    start_s = clock.now_s()
    found = _get(target, key, region, consistent) if way is Way.DYNAMODB else get_item(target, region, key)
    failed = isinstance(found, Failure)
    return ItemRead(
        start_s=start_s,
        end_s=clock.now_s(),
        source=SOURCE,
        client=client,
        region=region,
        way=way,
        key=key,
        consistent=consistent,
        item=None if isinstance(found, Failure) else found,
        # A read that failed changed nothing: it is never UNKNOWN.
        outcome=Outcome.FAIL if failed else Outcome.OK,
        error=found.error if isinstance(found, Failure) else None,
    )


def _make_ready(target: Target, region: RegionName, way: Way) -> None:
    """Making a client takes 0.3 s, which would otherwise be part of the first operation's time."""
    if way is Way.DYNAMODB:
        target.aws.dynamodb_once(region)


def _attempt(target: Target, planned: PlannedWrite, region: RegionName) -> tuple[str, Outcome, Item | None, str | None]:
    """(key, outcome, item right after, error)."""
    if planned.way is Way.HTTPS:
        made = post_item(target, region, planned.value)
        if isinstance(made, Failure):
            return "", made.outcome, None, made.error
        return made.key, Outcome.OK, made.item, None
    client, table_name = target.aws.dynamodb_once(region), target.stack.in_region(region).table_name
    try:
        item = _OPERATIONS[planned.operation](client, table_name, planned)
    except Exception as error:  # noqa: BLE001  # why_failed raises again what is not the way's or AWS's fault
        failure = why_failed(error)
        return planned.key, failure.outcome, None, failure.error
    return planned.key, Outcome.OK, item, None


def _put(client: DynamoDBClient, table_name: str, planned: PlannedWrite, **condition: Any) -> Item:
    item = dict.fromkeys(ATTRIBUTES, planned.value)
    client.put_item(TableName=table_name, Item=_stored({KEY: planned.key, **item}), **condition)
    return item


def _create(client: DynamoDBClient, table_name: str, planned: PlannedWrite) -> Item:
    return _put(client, table_name, planned, ConditionExpression=f"attribute_not_exists({KEY})")


def _swap(client: DynamoDBClient, table_name: str, planned: PlannedWrite) -> Item:
    return _put(
        client,
        table_name,
        planned,
        ConditionExpression=" AND ".join(f"{name} = :old" for name in ATTRIBUTES),
        ExpressionAttributeValues=_stored({":old": str(planned.based_on)}),
    )


def _update(client: DynamoDBClient, table_name: str, planned: PlannedWrite) -> Item:
    """An item that is not there comes into being with this attribute alone."""
    reply = client.update_item(
        TableName=table_name,
        Key=_stored({KEY: planned.key}),
        UpdateExpression=f"SET {planned.attribute} = :new",
        ExpressionAttributeValues=_stored({":new": planned.value}),
        ReturnValues="ALL_NEW",
    )
    return _without_key(reply["Attributes"])


def _delete(client: DynamoDBClient, table_name: str, planned: PlannedWrite) -> None:
    client.delete_item(
        TableName=table_name,
        Key=_stored({KEY: planned.key}),
        ConditionExpression="attribute_exists(#key)",
        ExpressionAttributeNames={"#key": KEY},
    )


_OPERATIONS = {
    Operation.PUT: _put,
    Operation.CREATE: _create,
    Operation.SWAP: _swap,
    Operation.UPDATE: _update,
    Operation.DELETE: _delete,
}


def _get(target: Target, key: str, region: RegionName, consistent: bool) -> Item | Failure | None:
    client, table_name = target.aws.dynamodb_once(region), target.stack.in_region(region).table_name
    try:
        reply = client.get_item(TableName=table_name, Key=_stored({KEY: key}), ConsistentRead=consistent)
    except Exception as error:  # noqa: BLE001  # why_failed raises again what is not the way's or AWS's fault
        return why_failed(error)
    return _without_key(reply["Item"]) if "Item" in reply else None


def _stored(attributes: dict[str, str]) -> dict[str, Any]:
    """Strings as DynamoDB's API writes them."""
    return {name: {"S": text} for name, text in attributes.items()}


def _without_key(attributes: dict[str, Any]) -> Item:
    """Attributes of other types, which no write of ours makes, as their JSON text."""
    return {
        name: typed["S"] if "S" in typed else msgspec.json.encode(typed).decode()
        for name, typed in attributes.items()
        if name != KEY
    }
