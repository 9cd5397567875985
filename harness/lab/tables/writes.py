"""The paths by which items enter, change and leave moto's tables, with the lab's replication hooked into each.

Put, BatchWrite, Transact and PartiQL all end in `Table.put_item` or `Table.delete_item`; UpdateItem changes the item in
place. Every hook holds the table's lock from the first look to the last change: stock moto loses updates under
concurrent writers, because a condition and its write are not one step.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import partiql
from moto.dynamodb.responses import DynamoHandler

from harness.lab.tables.items import item_key, show, snapshot_of, twin_of
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.replication import Replication, named_tables


def install_writes(patches: Patches, replication: Replication, unhooked: type[Table]) -> None:
    patches.wrap(Table, "put_item", _put_item(replication))
    patches.wrap(Table, "delete_item", _delete_item(replication))
    patches.set(Table, "__deepcopy__", _deepcopy(replication))
    patches.wrap(DynamoDBBackend, "update_item", _update_item(replication, unhooked))
    patches.wrap(DynamoDBBackend, "transact_write_items", _transact_write_items(replication))
    patches.wrap(DynamoDBBackend, "execute_statement", _execute_statement(replication))
    patches.wrap(DynamoDBBackend, "execute_transaction", _execute_transaction(replication))
    for name in ("put_item", "update_item", "delete_item"):
        patches.wrap(DynamoHandler, name, _handler_locked(replication))


def _put_item(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def put_item(table: Table, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Item:
            replication.admit(table)
            with replication.lock_of_table(table):
                old = _current(table, item_attrs)
                item = original(table, item_attrs, *args, **kwargs)
                replication.wrote(table, item_key(item), old, item)
                return item

        return put_item

    return wrapper


def _delete_item(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def delete_item(table: Table, hash_key: DynamoType, range_key: DynamoType | None = None) -> Item | None:
            replication.admit(table)
            with replication.lock_of_table(table):
                item = original(table, hash_key, range_key)
                if item is not None:
                    replication.wrote(table, item_key(item), item, None)
                return item

        return delete_item

    return wrapper


class _OneTable:
    """All that moto's update_item asks of its backend."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_table(self, _name: str) -> Table:
        return self._table


def _update_item(replication: Replication, unhooked: type[Table]) -> Callable[[Function], Function]:
    """Updates a copy and shows it when done, where moto changes the item that readers and other regions hold.

    So a failed update leaves no trace, and one that creates its item is one stream record (moto writes two).
    """

    def wrapper(original: Function) -> Function:
        def update_item(
            backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any
        ) -> Item:
            table = backend.get_table(table_name)
            replication.admit(table)
            with replication.lock_of_table(table):
                old = _current(table, key)
                scratch = twin_of(table, unhooked)
                scratch.stream_shard = None
                scratch.items = defaultdict(dict)
                if old is not None:
                    show(scratch, item_key(old), copy.deepcopy(old))
                item = original(_OneTable(scratch), table_name, key, *args, **kwargs)
                show(table, item_key(item), item)
                if table.stream_shard is not None:
                    table.stream_shard.add(old, item)
                replication.wrote(table, item_key(item), old, item)
                return item

        return update_item

    return wrapper


def _current(table: Table, key: dict[str, Any]) -> Item | None:
    """None also for a key that lacks a part: moto then says what is wrong with it."""
    if any(name not in key for name in table.table_key_attrs):
        return None
    hash_key, *range_key = (DynamoType(key[name]) for name in table.table_key_attrs)
    return table.get_item(hash_key, range_key[0] if range_key else None)


def _transact_write_items(replication: Replication) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
            with replication.transaction(backend, named_tables(backend, transact_items)):
                original(backend, transact_items)

        return transact_write_items

    return wrapper


def _deepcopy(replication: Replication) -> Function:
    """moto copies each table once per item of a transaction (seconds, with a run's items and records) and on failure
    puts the copies in place of tables that others are about to write to. The lab rolls back by itself, so moto gets
    the table itself; a backup gets a snapshot.
    """

    def deepcopy(table: Table, _memo: dict[int, Any]) -> Table:
        return table if replication.in_transaction else snapshot_of(table)

    return deepcopy


def _execute_transaction(replication: Replication) -> Callable[[Function], Function]:
    """PartiQL transactions take effect whole or not at all; in moto their statements are independent."""

    def wrapper(original: Function) -> Function:
        def execute_transaction(backend: DynamoDBBackend, statements: list[dict[str, Any]]) -> Any:
            with replication.transaction(backend, list(backend.tables)):
                return original(backend, statements)

        return execute_transaction

    return wrapper


def _execute_statement(replication: Replication) -> Callable[[Function], Function]:
    """moto reads every table of the region for one statement, so all of them keep still meanwhile."""

    def wrapper(original: Function) -> Function:
        def execute_statement(backend: DynamoDBBackend, statement: str, *args: Any, **kwargs: Any) -> Any:
            for name in partiql.get_query_metadata(statement).get_table_names():
                backend.get_table(name.partition(".")[0])  # moto fails with a KeyError when there is none
            with replication.locked(backend, list(backend.tables)):
                return original(backend, statement, *args, **kwargs)

        return execute_statement

    return wrapper


def _handler_locked(replication: Replication) -> Callable[[Function], Function]:
    """moto fetches the old item (ReturnValues) before it writes: both under one lock, so the pair is true."""

    def wrapper(original: Function) -> Function:
        def locked(handler: DynamoHandler) -> Any:
            name = handler.body["TableName"].rsplit("/", 1)[-1]
            with replication.lock_of(handler.current_account, handler.region, name):
                return original(handler)

        return locked

    return wrapper
