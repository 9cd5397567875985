"""The master's part in a test: who lives where, one history of what all users saw, and the verdict on it."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import msgspec

from harness import __version__
from harness.errors import HarnessError
from harness.load.keeper import Keeper
from harness.load.messages import BEGIN, END, KEPT, PONG, SWEEP, Batch, Begin, End, Ended, Kept, Ping, Pong, Refused
from harness.load.messages import pack as packed
from harness.load.options import Setup
from harness.load.places import share
from harness.load.record import Record
from harness.load.sweeping import MAP_FILE, SweepOrder, Swept, write_merged
from harness.probes.preflight import preflight
from harness.target import TargetFile
from harness.workload import place_item, remove_items

if TYPE_CHECKING:
    from locust.env import Environment

ENDED_WITHIN_WALL_S = 40.0
"""For workers to stop their users and to bring the rest; some more than they give themselves."""

_log = logging.getLogger(__name__)


class Master:
    """One for each locust that is not a worker."""

    def __init__(self, environment: Environment, setup: Setup) -> None:
        """Raises what `preflight` does, and TargetError when the application does not work: users would only fail."""
        self._environment = environment
        self._setup = setup
        self._record: Record | None = None
        self._keeper: Keeper | None = None
        preflight(setup.target, setup.vantages[0])
        # Before locust begins to count the run's time.
        self._item_path = self._place_item()
        self._unwritable = False
        self._sweep: SweepOrder | None = None
        self._parts: dict[str, bytes] = {}
        self.exit_codes: set[int] = set()

    @property
    def is_running(self) -> bool:
        return self._record is not None

    @property
    def now_s(self) -> float | None:
        """Stack seconds since the run began; None between runs."""
        return self._record.clock.now_s() if self._record else None

    def start(self) -> None:
        """Before any user is spawned: an item for readers, a record, and each worker's orders."""
        self._record = Record(self._setup)
        self._keeper = Keeper(self._record, self._record.name)
        self._item_path = self._item_path or self._place_item()
        self._keeper.made.append(self._item_path.removeprefix("/data/"))
        workers = self._workers()
        for worker in workers:
            self.tell_to_begin(worker)
        if self._setup.sweep_subnets:
            self._order_sweep(workers)

    def tell_to_begin(self, worker: str) -> None:
        """Also one that comes when the others are under way: its vantages are others' too."""
        if self._record is None or self._keeper is None:
            return
        workers = self._workers()
        if worker not in workers:
            workers.append(worker)
        vantages = share(self._setup.vantages, workers.index(worker), len(workers))
        self._keeper.expect(worker, tuple(vantage.name for vantage in vantages))
        target = self._setup.target
        ca_file = target.endpoints.ca_file
        begin = Begin(
            version=__version__,
            run=self._record.name,
            started_at=self._record.started_at,
            target=TargetFile(
                name=target.name, stack=target.stack, endpoints=target.endpoints, served_region=target.served_region
            ),
            ca_pem=Path(ca_file).read_text("utf-8") if ca_file else None,
            vantages=vantages,
            connections=self._setup.connections,
            item_path=self._item_path,
            every_wall_s=self._setup.every_wall_s,
            seed=self._setup.seed,
        )
        self._send(BEGIN, begin, worker)

    def _order_sweep(self, workers: list[str]) -> None:
        assert self._record is not None
        self._parts = {}
        for number, worker in enumerate(workers):
            self._sweep = SweepOrder(
                run=self._record.name,
                subnets=self._setup.sweep_subnets,
                seed=self._setup.seed,
                part=number,
                parts=len(workers),
                nameserver=self._setup.target.nameservers()[0],
            )
            self._send(SWEEP, self._sweep, worker)

    def swept(self, message: Swept) -> None:
        if self._record and message.run == self._record.name:
            self._parts[message.worker] = message.part

    def _write_map(self, record: Record) -> None:
        if self._sweep is None:
            return
        parts = list(self._parts.values())
        summary = write_merged(record.folder, self._setup.target, self._sweep, parts, record.started_at)
        told = f"{len(parts)} of {self._sweep.parts} workers brought their part of {MAP_FILE}"
        record.note(f"{told}: {summary.verdict.value}")
        self._sweep = None

    def batch(self, batch: Batch) -> None:
        if self._keeper is None:
            return
        try:
            # Once nothing can be written any more, workers are let go all the same: the run is told as cut short.
            kept = self._unwritable or self._keeper.keep(batch)
        except HarnessError as error:
            self._give_up(error)
            kept = True
        if self._unwritable:
            self._keeper.made += batch.made
        if kept:
            self._send(KEPT, Kept(run=batch.run, number=batch.number), batch.worker)

    def _give_up(self, error: HarnessError) -> None:
        """What users see cannot be kept any more: they are stopped, and nothing is judged by half of it."""
        self._unwritable = True
        self.exit_codes.add(error.exit_code)
        _log.error("%s; the load is ended, and run.json says that the run was cut short", error)
        # Locust's own way out, as when a person ends it: it stops users, then fires what makes the exit code.
        gevent.spawn(os.kill, os.getpid(), signal.SIGTERM)

    def pinged(self, ping: Ping, worker: str) -> None:
        self._send(PONG, Pong(sent_at=ping.sent_at, master_at=time.time()), worker)

    def refused(self, message: Refused) -> None:
        _log.error("%s", message.reason)
        if self._keeper:
            self._keeper.refused(message)

    def ended(self, message: Ended) -> None:
        if self._keeper:
            self._keeper.ended(message)

    def end_workers(self) -> None:
        """Each stops its users and brings the rest; one of which nothing is heard is not waited for."""
        if self._record is None or self._keeper is None or self._unwritable:
            return
        self._send(END, End(run=self._record.name))
        deadline = time.monotonic() + ENDED_WITHIN_WALL_S
        while set(self._keeper.waited_for) - set(self._keeper.silent(self._record.clock.now_s())):
            if time.monotonic() > deadline:
                _log.error("workers %s did not end in %g s", ", ".join(self._keeper.waited_for), ENDED_WITHIN_WALL_S)
                return
            gevent.sleep(0.05)

    def finish(self) -> None:
        """After the last user was stopped: items are removed, what was seen is judged, the report is written."""
        record, keeper = self._record, self._keeper
        if record is None or keeper is None:
            return
        self._record = self._keeper = None
        if self._unwritable:
            self._remove(keeper)
            return
        keeper.close()
        self._write_map(record)
        left = self._remove(keeper)
        if left:
            record.note(left)
        self.exit_codes.add(record.close())

    def _remove(self, keeper: Keeper) -> str | None:
        """Items that users made; what is left of them, in words."""
        self._item_path = ""
        removal = remove_items(self._setup.target, keeper.made)
        return f"{len(removal.left)} items were not removed: {removal.reason}" if removal.left else None

    def _place_item(self) -> str:
        return place_item(self._setup.target, "load test", self._setup.target.new_clock())

    def _workers(self) -> list[str]:
        clients = getattr(self._runner, "clients", None)
        return (
            [client.id for client in clients.ready + clients.spawning + clients.running]
            if clients
            else [self._runner.client_id]
        )

    def _send(self, kind: str, message: msgspec.Struct, worker: str | None = None) -> None:
        self._runner.send_message(kind, packed(message), client_id=worker)

    @property
    def _runner(self) -> Any:
        return self._environment.runner
