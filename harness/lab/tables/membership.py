"""Which tables are global, and where: replicas are made, filled and taken away here."""

from __future__ import annotations

import threading
from collections.abc import Callable

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from harness.lab.tables.items import ItemKey, all_items, item_key, shown
from harness.lab.tables.members import GlobalTable, GlobalTableId, ReplicatedWrite, require_measured
from harness.models.replicas import Replica
from harness.stack import RegionName

LockOf = Callable[[str, RegionName, str], threading.RLock]
"""(account, region, table name)"""


class Membership:
    """The global tables of one lab. `deliver` takes a write at a region at once; `changed` is told of every change."""

    def __init__(
        self,
        lock_of: LockOf,
        now_ns: Callable[[RegionName], int],
        deliver: Callable[[RegionName, ReplicatedWrite], None],
        changed: Callable[[], None],
    ) -> None:
        self._lock_of = lock_of
        self._now_ns = now_ns
        self._deliver = deliver
        self._changed = changed
        self._global_tables: dict[GlobalTableId, GlobalTable] = {}
        self._changing = threading.Lock()

    def all(self) -> list[GlobalTable]:
        return list(self._global_tables.values())

    def of(self, account: str, name: str) -> GlobalTable | None:
        return self._global_tables.get((account, name))

    def of_table(self, table: Table) -> GlobalTable | None:
        """None for a table of the same name in a region without a replica."""
        global_table = self.of(table.account_id, table.name)
        return global_table if global_table is not None and table.region_name in global_table.replicas else None

    def make_global(self, table: Table) -> GlobalTable:
        """Makes `table` the first replica of a global table; what it holds counts as written now."""
        region = table.region_name
        require_measured(region)
        global_table = GlobalTable(table.account_id, table.name)
        replica: Replica[ItemKey] = Replica(region)
        with self._lock_of(table.account_id, region, table.name):
            for item in all_items(table):
                replica.write(item_key(item), self._now_ns(region))
            global_table.replicas = {region: replica}
            self._global_tables[global_table.id] = global_table
        return global_table

    def add_replica(self, global_table: GlobalTable, region: RegionName) -> None:
        """From now on `region` gets every write, and what the others hold at once. Its table has to exist, empty.

        The replica is listed first and filled second: a write made between the two arrives twice, none is missed.
        It is filled from every replica, because writes between the others may be on their way.
        """
        require_measured(region)
        with self._changing:
            before = global_table.regions
            global_table.replicas = {**global_table.replicas, region: Replica(region)}
            self._changed()
            for origin in before:
                for write in self._everything_at(global_table, origin):
                    self._deliver(region, write)

    def remove_replica(self, global_table: GlobalTable, region: RegionName) -> None:
        """`region` neither sends nor gets writes any more. What it sent before still arrives at the others."""
        with self._changing, self._lock_of(global_table.account, region, global_table.name):
            remaining = {name: replica for name, replica in global_table.replicas.items() if name != region}
            global_table.replicas = remaining
            if not remaining:
                self._global_tables.pop(global_table.id, None)
            self._changed()

    def _everything_at(self, global_table: GlobalTable, region: RegionName) -> list[ReplicatedWrite]:
        with self._lock_of(global_table.account, region, global_table.name):
            table = dynamodb_backends[global_table.account][region].tables[global_table.name]
            return [
                ReplicatedWrite(table=global_table, key=key, stamp=stamp, item=shown(table, key))
                for key, stamp in global_table.replicas[region].stamps()
            ]
