"""How items and stream records are read: never half of a transaction, and never while moto's dictionaries change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler

from harness.lab.tables.items import copy_of_items, twin_of
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.replication import Replication, named_tables


def install_reads(patches: Patches, replication: Replication, unhooked: type[Table]) -> None:
    for name in ("get_item", "describe"):
        patches.wrap(Table, name, _locked(replication))
    patches.wrap(Table, "query", _query(replication, unhooked))
    patches.wrap(Table, "scan", _scan(replication, unhooked))
    for name in ("get_item", "batch_get_item"):
        patches.wrap(DynamoHandler, name, _client_reads(replication))
    patches.wrap(DynamoDBBackend, "get_item", _misreadable(replication))
    patches.wrap(DynamoHandler, "transact_get_items", _transact_get_items(replication))
    patches.wrap(StreamShard, "add", _add_record(replication.parameters.stream_records_kept))
    patches.wrap(StreamShard, "get", _get_records(replication))


def _locked(replication: Replication) -> Callable[[Function], Function]:
    """Waits for a transaction to end, which may yet be rolled back."""

    def wrapper(original: Function) -> Function:
        def locked(table: Table, *args: Any, **kwargs: Any) -> Any:
            with replication.lock_of_table(table):
                return original(table, *args, **kwargs)

        return locked

    return wrapper


def _client_reads(replication: Replication) -> Callable[[Function], Function]:
    """moto's writes read items by the same path; only what a client asked for may be misread."""

    def wrapper(original: Function) -> Function:
        def read(handler: DynamoHandler) -> Any:
            replication.reading.by_client = True
            try:
                return original(handler)
            finally:
                replication.reading.by_client = False

        return read

    return wrapper


def _misreadable(replication: Replication) -> Callable[[Function], Function]:
    """Gives an older item now and then while that defect is planted."""

    def wrapper(original: Function) -> Function:
        def get_item(
            backend: DynamoDBBackend, table_name: str, keys: dict[str, Any], projection: list[list[str]] | None = None
        ) -> Item | None:
            item: Item | None = original(backend, table_name, keys, projection)
            misread = (
                replication.misread(backend.get_table(table_name), keys) if replication.reading.by_client else None
            )
            if misread is None:
                return item
            older = misread.item
            return older.project(projection) if older is not None and projection else older

        return get_item

    return wrapper


def _query(replication: Replication, unhooked: type[Table]) -> Callable[[Function], Function]:
    """moto compares every item of the table, 40 ms with 5,000 of them; a query needs one hash key's."""

    def wrapper(original: Function) -> Function:
        def query(table: Table, hash_key: DynamoType | None, *args: Any, **kwargs: Any) -> Any:
            twin = twin_of(table, unhooked)
            with replication.lock_of_table(table):
                # moto passes it by position. The items of an index's key may lie anywhere in the table.
                in_index = args[_INDEX_NAME] is not None
                twin.items = copy_of_items(table) if in_index else _items_under(table, hash_key)
            return original(twin, hash_key, *args, **kwargs)

        return query

    return wrapper


_INDEX_NAME = 6
"""Place of `index_name` among the arguments that follow `hash_key` in moto's Table.query."""


def _items_under(table: Table, hash_key: DynamoType | None) -> dict[Any, Any]:
    items: dict[Any, Any] = defaultdict(dict)
    if hash_key in table.items:
        entry = table.items[hash_key]
        items[hash_key] = dict(entry) if table.has_range_key else entry
    return items


def _scan(replication: Replication, unhooked: type[Table]) -> Callable[[Function], Function]:
    """Reads a snapshot, so that a long scan does not hold up the writers."""

    def wrapper(original: Function) -> Function:
        def scan(table: Table, *args: Any, **kwargs: Any) -> Any:
            twin = twin_of(table, unhooked)
            with replication.lock_of_table(table):
                twin.items = copy_of_items(table)
            return original(twin, *args, **kwargs)

        return scan

    return wrapper


def _transact_get_items(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def transact_get_items(handler: DynamoHandler) -> Any:
            backend = handler.dynamodb_backend
            with replication.locked(backend, named_tables(backend, handler.body["TransactItems"])):
                return original(handler)

        return transact_get_items

    return wrapper


def _add_record(kept: int) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def add(shard: StreamShard, old: Item | None, new: Item | None) -> None:
            original(shard, old, new)
            if not shard.items:
                return  # moto handed the records to a Lambda function
            shard.items[-1].record["awsRegion"] = shard.table.region_name
            if len(shard.items) > 2 * kept:
                excess = len(shard.items) - kept
                del shard.items[:excess]
                shard.starting_sequence_number += excess

        return add

    return wrapper


def _get_records(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def get(shard: StreamShard, start: int, quantity: int) -> Any:
            with replication.lock_of_table(shard.table):
                if start < shard.starting_sequence_number:
                    raise DynamodbException(
                        ERROR_TYPE_PREFIX + "TrimmedDataAccessException",
                        "The operation attempted to read past the oldest stream record in a shard.",
                    )
                return original(shard, start, quantity)

        return get

    return wrapper
