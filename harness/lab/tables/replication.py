"""Global tables of the lab: which tables replicate where, and what happens to a write after it was accepted.

A local write is stamped and sent while its table's lock is held, so stamps have the order of the writes. A write that
arrives is applied, or dropped as older, under the lock of the table it arrives at. Nobody waits for a second table's
lock while holding one, transactions excepted, which take theirs in order of name.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import msgspec
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from harness.clock import Clock
from harness.lab.ports import TruthLog
from harness.lab.replication.levers import Levers
from harness.lab.tables.capacity import TableKey, WriteCaps
from harness.lab.tables.conduct import Conduct, Settled
from harness.lab.tables.gates import Gates
from harness.lab.tables.items import ItemKey, Savepoint, key_of, show, shown
from harness.lab.tables.latencies import Latencies
from harness.lab.tables.members import GlobalTable, ReplicatedWrite
from harness.lab.tables.membership import Membership
from harness.lab.tables.replicator import Replicator, Route
from harness.models.replicas import Replica, Stamp
from harness.models.wan import ReplicationDelay
from harness.stack import RegionName

# moto replaces `Table` objects, so they are never kept; names are: TableKey.


class ReplicationParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Every number of the lab's global tables."""

    delay: ReplicationDelay = ReplicationDelay()
    most_pending: int = 1_000_000
    """Writes on their way, all tables together; above it global tables refuse writes as throttled."""
    stream_records_kept: int = 10_000
    """Per table. moto keeps all of them for ever."""
    policy_change_blocked_s: float = 15.0
    """After a resource's policy was changed, during which it cannot be changed again (Developer Guide)."""


class LocalWrite(NamedTuple):
    """A write that took effect in its region; `before` is what it replaced."""

    table: Table
    key: ItemKey
    before: Item | None
    item: Item | None


class _Transaction(threading.local):
    """Writes of the transaction that this thread is in; None outside of one."""

    writes: list[LocalWrite] | None = None


class _Reading(threading.local):
    """Whether this thread reads an item for a client, not for a write."""

    by_client = False


class Replication:
    """The global tables of one lab."""

    def __init__(
        self, clock: Clock, seed: int, parameters: ReplicationParameters, truth: TruthLog | None = None
    ) -> None:
        self.clock = clock
        self.parameters = parameters
        self._seed = seed
        self._random_sources: dict[tuple[RegionName, RegionName], random.Random] = {}
        self._locks: dict[TableKey, threading.RLock] = {}
        self._transaction = _Transaction()
        self.reading = _Reading()
        self.conduct = Conduct(seed)
        self.latencies = Latencies(clock)
        self.members = Membership(self.lock_of, self._now_ns, self._apply, self.gates_changed)
        self.caps = WriteCaps(clock)
        self.gates = Gates(clock, Levers(delay=parameters.delay), self.members.all, truth, self.caps.least_in)
        self.replicator: Replicator[ReplicatedWrite] = Replicator(
            clock, self._delay_s, self._apply, flow=self.gates, look=self._look
        )

    # Writes

    def lock_of(self, account: str, region: RegionName, name: str) -> threading.RLock:
        key = (account, region, name)
        return self._locks.get(key) or self._locks.setdefault(key, threading.RLock())

    def lock_of_table(self, table: Table) -> threading.RLock:
        return self.lock_of(table.account_id, table.region_name, table.name)

    def admit(self, table: Table) -> None:
        """Raises AWS's throttling error when the table takes no more, or more is on its way than the lab holds."""
        self.caps.take((table.account_id, table.region_name, table.name))
        if self.replicator.pending >= self.parameters.most_pending and self.members.of_table(table):
            raise DynamodbException(
                ERROR_TYPE_PREFIX + "ProvisionedThroughputExceededException",
                f"The lab holds {self.parameters.most_pending} replicated writes and takes no more until some arrive",
            )

    def wrote(self, table: Table, key: ItemKey, before: Item | None, item: Item | None) -> None:
        """Told, with the table's lock held, of every local write that took effect, and what it replaced."""
        if self._transaction.writes is not None:
            self._transaction.writes.append(LocalWrite(table, key, before, item))
        else:
            self._publish(LocalWrite(table, key, before, item))

    def _publish(self, local: LocalWrite) -> None:
        global_table = self.members.of_table(local.table)
        if global_table is None:
            return
        origin = local.table.region_name
        write = self._stamped(global_table, origin, local)
        self.conduct.changed(origin, write, local.before)
        forgotten_after_s = self.conduct.forgotten_after_s()
        if forgotten_after_s is not None:
            own = Route(origin, origin, global_table.id)
            undoing = msgspec.structs.replace(write, undoes=True)
            self.replicator.send(own, local.key, undoing, delay_s=forgotten_after_s, in_order=False)
            return
        for destination in global_table.replicas:
            if destination != origin:
                route = Route(origin, destination, global_table.id)
                for late_s, in_order in self.conduct.sendings():
                    self.replicator.send(route, local.key, write, late_s=late_s, in_order=in_order)

    def _stamped(self, table: GlobalTable, origin: RegionName, local: LocalWrite) -> ReplicatedWrite:
        replica = table.replicas[origin]
        stamp_before = replica.stamp_of(local.key)
        write = ReplicatedWrite(
            table=table,
            key=local.key,
            stamp=replica.write(local.key, self.conduct.clock_ns(table, origin, self._now_ns(origin))),
            item=local.item,
            written_s=self.clock.now_s(),
            before=local.before,
            stamp_before=stamp_before,
        )
        if not self.conduct.keeps_stamp_of(write):
            replica.forget(local.key)
        return write

    @contextmanager
    def locked(self, backend: DynamoDBBackend, names: Iterable[str]) -> Iterator[None]:
        """Holds several tables of one region still; always taken in the same order, so that nobody waits for ever."""
        with ExitStack() as stack:
            for name in sorted(names):
                stack.enter_context(self.lock_of(backend.account_id, backend.region_name, name))
            yield

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside of `transaction`."""
        return self._transaction.writes is not None

    @contextmanager
    def transaction(self, backend: DynamoDBBackend, names: Sequence[str]) -> Iterator[None]:
        """All writes inside take effect and are published together; on an error none is.

        The tables stay locked, so that nobody reads what may yet be rolled back.
        """
        with self.locked(backend, names):
            savepoints = [Savepoint(backend.tables[name]) for name in names]
            writes: list[LocalWrite] = []
            self._transaction.writes = writes
            try:
                yield
            except BaseException:
                self._transaction.writes = None
                for savepoint in savepoints:
                    savepoint.restore()
                raise
            self._transaction.writes = None
            for write in writes:
                self._publish(write)

    def _apply(self, region: RegionName, write: ReplicatedWrite) -> None:
        """Last writer wins, for one write that arrives at `region`. Nothing happens where the replica is gone."""
        with self.lock_of(write.table.account, region, write.table.name):
            replica = write.table.replicas.get(region)
            table = dynamodb_backends[write.table.account][region].tables.get(write.table.name)
            if replica is None or table is None:
                return
            if write.undoes:
                self._take_back(replica, table, write)
                return
            old, stamp_before = shown(table, write.key), replica.stamp_of(write.key)
            settled = self.conduct.settle(region, replica, write, old)
            if settled is not None:
                self._show(table, write, old, settled.item)
            self.latencies.arrived(region, write, won=settled is not None)
            if settled is not None and not self.conduct.keeps_stamp_of(write):
                replica.forget(write.key)
                self._send_back(region, write, old, stamp_before)

    def _show(self, table: Table, write: ReplicatedWrite, old: Item | None, new: Item | None) -> None:
        show(table, write.key, new)
        if table.stream_shard is not None and not (old is None and new is None):
            table.stream_shard.add(old, new)
        self.conduct.changed(table.region_name, write, old)

    def _take_back(self, replica: Replica[ItemKey], table: Table, write: ReplicatedWrite) -> None:
        """A planted defect: the write was never made, unless it has been overwritten since."""
        if replica.stamp_of(write.key) != write.stamp:
            return
        if write.stamp_before is None:
            replica.forget(write.key)
        else:
            replica.show(write.key, write.stamp_before)
        self._show(table, write, shown(table, write.key), write.before)

    def _send_back(self, region: RegionName, delete: ReplicatedWrite, old: Item | None, stamp: Stamp | None) -> None:
        """A planted defect: the replica that took a delete offers the item that it had to the one that deleted it."""
        if stamp is not None and self.conduct.sends_back(old, delete):
            offered = ReplicatedWrite(table=delete.table, key=delete.key, stamp=stamp, item=old)
            self.replicator.send(Route(region, delete.stamp.region, delete.table.id), delete.key, offered)

    def _now_ns(self, region: RegionName) -> int:
        """What the region's own clock shows."""
        return int((self.clock.now_s() + self.gates.levers.ahead_s(region)) * 1e9)

    def _delay_s(self, origin: RegionName, destination: RegionName) -> float:
        """Each ordered pair of regions draws from a source of its own, so that one pair's traffic leaves others be."""
        pair = (origin, destination)
        if pair not in self._random_sources:
            self._random_sources[pair] = random.Random(f"{self._seed}:{origin}>{destination}")
        return self.gates.levers.delay_of(origin, destination).sample_s(origin, destination, self._random_sources[pair])

    def misread(self, table: Table, key: dict[str, Any]) -> Settled | None:
        """What a client's read of `key` wrongly gives; None: nothing wrong."""
        global_table = self.members.of_table(table)
        if global_table is None or not self.conduct.defects:
            return None
        return self.conduct.misread(global_table, table.region_name, key_of(table, key))

    # Levers, policies and defects

    def _look(self) -> None:
        """On the replicator's thread, a few times a wall second at least."""
        self.gates.look()
        self.latencies.publish_past()

    def set_levers(self, levers: Levers) -> None:
        self.gates.levers = levers
        self.replicator.wake()

    def gates_changed(self) -> None:
        """Told of every resource policy that was put or deleted, and of replicas that come and go."""
        self.gates.changed()
        self.replicator.wake()


def named_tables(backend: DynamoDBBackend, parts: Iterable[dict[str, Any]]) -> list[str]:
    """Names of the tables that the parts of a transaction touch; a part may name its table by ARN."""
    names = {operation["TableName"].rsplit("/", 1)[-1] for part in parts for operation in part.values()}
    return [name for name in names if name in backend.tables]
