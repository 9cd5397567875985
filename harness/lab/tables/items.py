"""How moto keeps a table's items, in one place: by hash key, or by hash key and then range key.

Items are never changed in place (writes.py sees to it), so one `Item` may be shown by several replicas, by a
transaction's snapshot and by a reader at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

ItemKey = tuple[Any, ...]
"""(type, value) of the hash key, then of the range key if there is one; equal when DynamoDB takes the keys as equal."""


def item_key(item: Item) -> ItemKey:
    """Numbers compare by value: {"N": "1"} and {"N": "1.0"} are one key."""
    hash_part = (item.hash_key.type, item.hash_key.cast_value)
    if item.range_key is None:
        return hash_part
    return (*hash_part, item.range_key.type, item.range_key.cast_value)


def key_of(table: Table, attributes: dict[str, Any]) -> ItemKey:
    """The key among `attributes`, which are as a request has them."""
    parts = [DynamoType(attributes[name]) for name in table.table_key_attrs]
    return tuple(value for part in parts for value in (part.type, part.cast_value))


def _typed(key: ItemKey) -> list[DynamoType]:
    pairs = zip(key[::2], key[1::2], strict=True)
    return [DynamoType({kind: str(value) if kind == "N" else value}) for kind, value in pairs]


def shown(table: Table, key: ItemKey) -> Item | None:
    hash_key, *range_key = _typed(key)
    if not range_key:
        return table.items.get(hash_key)
    return table.items.get(hash_key, {}).get(range_key[0])


def show(table: Table, key: ItemKey, item: Item | None) -> None:
    """Makes `item` what the table holds under `key`; None removes it."""
    hash_key, *range_key = _typed(key)
    if not range_key:
        _put_or_pop(table.items, hash_key, item)
    else:
        _put_or_pop(table.items[hash_key], range_key[0], item)


def _put_or_pop(items: dict[Any, Item], key: DynamoType, item: Item | None) -> None:
    if item is None:
        items.pop(key, None)
    else:
        items[key] = item


def all_items(table: Table) -> Iterator[Item]:
    for entry in table.items.values():
        if isinstance(entry, dict):
            yield from entry.values()
        else:
            yield entry


def copy_of_items(table: Table) -> dict[Any, Any]:
    """The same items in dictionaries of their own: about 50 µs for 10,000 of them."""
    copied: dict[Any, Any] = defaultdict(dict)
    if table.has_range_key:
        copied.update({hash_key: dict(entry) for hash_key, entry in table.items.items()})
    else:
        copied.update(table.items)
    return copied


def twin_of(table: Table, kind: type[Table] | None = None) -> Table:
    """A table that shares all its parts with `table`; made without moto's constructor, which would keep it for ever."""
    twin = object.__new__(kind or type(table))
    twin.__dict__.update(table.__dict__)
    return twin


def snapshot_of(table: Table) -> Table:
    """A table that later writes to `table` do not touch. It shares the items: they are never changed in place."""
    snapshot = twin_of(table)
    snapshot.items = copy_of_items(table)
    if table.stream_shard is not None:
        snapshot.stream_shard = object.__new__(type(table.stream_shard))
        snapshot.stream_shard.__dict__.update(table.stream_shard.__dict__)
        snapshot.stream_shard.items = list(table.stream_shard.items)
        snapshot.stream_shard.table = snapshot
    return snapshot


class Savepoint:
    """What a table held at one moment, to go back to without replacing moto's objects: stream readers keep those."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._items = copy_of_items(table)
        self._next_sequence_number = _next_sequence_number(table)

    def restore(self) -> None:
        self._table.items = self._items
        shard = self._table.stream_shard
        if shard is not None:
            del shard.items[max(0, self._next_sequence_number - shard.starting_sequence_number) :]


def _next_sequence_number(table: Table) -> int:
    shard = table.stream_shard
    return 0 if shard is None else shard.starting_sequence_number + len(shard.items)


def unhooked_table() -> type[Table]:
    """A kind of table with moto's own methods, for the lab to work on aside; to be made before the hooks are in.

    moto registers each subclass of its models under the second part of its module's name.
    """
    methods = {name: Table.__dict__[name] for name in ("get_item", "put_item", "delete_item")}
    return type("UnhookedTable", (Table,), {**methods, "__module__": __name__})


class Forgetful(list[Any]):
    """moto lists every object it ever made, for a debugging page; a lab that runs for hours cannot afford that."""

    def append(self, _instance: Any) -> None:
        return
