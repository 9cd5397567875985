"""A workload, running: clients, readers and pollers of every region, and users' sessions, one thread each.

Threads with absolute deadlines, as the other probes have: see probes/watch.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from harness.events import ItemRead, ItemWrite, Operation, Outcome, Way
from harness.probes.items import PlannedWrite, read, write
from harness.probes.pacing import Pace, Slot
from harness.recorder import Recorder
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import Vantage
from harness.workload.awaited import Awaited
from harness.workload.crew import Crew
from harness.workload.plan import KeySpace, Step, Workload, steps
from harness.workload.preflight import check_table
from harness.workload.session import SessionClient

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, spread evenly however many are taken."""

_LEAD_WALL_S = 0.05
"""Between starting the threads and the first slot, so that none is missed before it could be made."""

_STOP_WITHIN_WALL_S = 30.0
"""Two operations at their time limits, and some."""


class Traffic:
    """Runs a workload from `start` (or entering it) to `stop` (or leaving it); all of it goes to the recorder."""

    def __init__(
        self, target: Target, workload: Workload, recorder: Recorder, sessions: Sequence[Vantage] = ()
    ) -> None:
        """`sessions`: where users live who talk to whichever region DNS gives them."""
        self._target = target
        self._workload = workload
        self._recorder = recorder
        self._clock = recorder.clock
        regions = target.stack.region_names
        self.keys = KeySpace(workload, regions)
        self._awaited: dict[tuple[RegionName, RegionName], Awaited] = {}
        if workload.polls_every_s is not None:
            pairs = [(origin, other) for origin in regions for other in regions if origin != other]
            self._awaited = {pair: Awaited(workload.polled_at_most_s) for pair in pairs}
        self._sessions = [
            SessionClient(target, vantage, recorder, workload.session, self.keys, first_age=number * _GOLDEN % 1)
            for number, vantage in enumerate(sessions)
        ]
        clients = len(regions) * (workload.clients_per_region + 1)
        self._crew = Crew(recorder, clients + len(self._sessions), "workload")
        self._pollers = Crew(recorder, len(self._awaited), "poll")

    def start(self) -> None:
        """Raises TargetError when the table is not fit for it: see `check_table`."""
        check_table(self._target)
        for region in self.keys.clients:
            self._target.aws.dynamodb_once(region)
        start_s = self._clock.now_s() + _LEAD_WALL_S * self._clock.rate
        for region, clients in self.keys.clients.items():
            for client in clients:
                self._crew.start(self._write, client, region, start_s)
        if self._workload.reads_per_s > 0 and self._workload.way is Way.DYNAMODB and self.keys.all:
            for number, region in enumerate(self.keys.clients):
                self._crew.start(self._read, region, number, start_s)
        for session in self._sessions:
            self._crew.start(session.live, self._crew, start_s)
        for number, (origin, other) in enumerate(self._awaited):
            self._pollers.start(self._poll, origin, other, number, start_s)

    def stop(self, *, drain: bool = True) -> None:
        """Ends clients, readers and sessions; then, with `drain`, the pollers once they saw or gave up all writes.

        Raises what a thread died of, if one did, and TargetError when one did not end in time.
        """
        try:
            self._crew.stop(_STOP_WITHIN_WALL_S)
        finally:
            for awaited in self._awaited.values():
                awaited.close() if drain else awaited.abandon()
            drained_wall_s = self._workload.polled_at_most_s / self._clock.rate
            self._pollers.stop(_STOP_WITHIN_WALL_S + drained_wall_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(drain=kind is None)

    def _write(self, client: str, region: RegionName, start_s: float) -> None:
        every_s = 1 / self._workload.writes_per_s
        planned = enumerate(steps(self._workload, self.keys, client))

        def once(slot: Slot) -> None:
            number, step = _after(planned, slot.missed)
            if self._crew.sleep_until_s(slot.due_s + step.delay_share * every_s):
                self._act(client, region, step, f"{self._workload.run}/{client}#{number}")

        self._crew.keep(Pace(start_s=start_s, every_s=every_s), once, who=client)

    def _act(self, client: str, region: RegionName, step: Step, value: str) -> None:
        planned = self._plan(client, region, step, value)
        if planned is None:
            return
        written = write(self._target, self._clock, planned, client=client, region=region)
        # Told before it is recorded, so that the first poll is not held up by the file.
        if not step.hot or planned.way is Way.HTTPS:
            self._expect(written)
        self._recorder.record(written)

    def _plan(self, client: str, region: RegionName, step: Step, value: str) -> PlannedWrite | None:
        """A swap reads first. Where there is nothing to swap it creates; over two values, which no one value names, it
        puts; when it could not read it does nothing."""
        if self._workload.way is Way.HTTPS:
            return PlannedWrite(operation=Operation.PUT, key="", value=self.keys.prefix + value, way=Way.HTTPS)
        if step.operation is not Operation.SWAP:
            return PlannedWrite(operation=step.operation, key=step.key, value=value, attribute=step.attribute)
        found = self._look(step.key, client, region)
        if found.outcome is not Outcome.OK:
            return None
        if found.item is None:
            return PlannedWrite(operation=Operation.CREATE, key=step.key, value=value)
        based_on = whole(found)
        operation = Operation.PUT if based_on is None else Operation.SWAP
        return PlannedWrite(operation=operation, key=step.key, value=value, based_on=based_on)

    def _expect(self, written: ItemWrite) -> None:
        for (origin, _), awaited in self._awaited.items():
            if origin == written.region:
                awaited.expect(written)

    def _read(self, region: RegionName, number: int, start_s: float) -> None:
        """All keys in turn; regions begin at different ones."""
        keys = self.keys.all
        pace = Pace(start_s=start_s, every_s=1 / self._workload.reads_per_s, phase=number * _GOLDEN % 1)
        turn = number * len(keys) // len(self.keys.clients)
        client = f"read:{region}"

        def once(_: Slot) -> None:
            nonlocal turn
            self._look(keys[turn % len(keys)], client, region)
            turn += 1

        self._crew.keep(pace, once, who=client)

    def _look(self, key: str, client: str, region: RegionName) -> ItemRead:
        seen = read(self._target, self._clock, key, client=client, region=region, consistent=True)
        self._recorder.record(seen)
        return seen

    def _poll(self, origin: RegionName, other: RegionName, number: int, start_s: float) -> None:
        """One look a slot while a write of `origin` is not seen in `other`, in turn when several are not.

        So the load is bounded whatever replication does, and the looks at one key grow rarer when more are awaited.
        """
        awaited = self._awaited[origin, other]
        client = f"poll:{origin}>{other}"
        pace = Pace(start_s=start_s, every_s=self._workload.polls_every_s or 0.0, phase=number * _GOLDEN % 1)
        idle = True
        while awaited.wait():
            slot = pace.next_slot(self._clock.now_s())
            if slot.missed and not idle:  # with nothing to look for, no look was missed
                self._pollers.record_gap(slot, client, "the look before took too long")
            self._clock.sleep_until_s(slot.due_s)
            key = awaited.next_key(self._clock.now_s())
            if key is not None:
                way = self._workload.way
                seen = read(self._target, self._clock, key, client=client, region=other, consistent=True, way=way)
                awaited.saw(seen)
                self._recorder.record(seen)
            idle = awaited.is_empty()


def whole(found: ItemRead) -> str | None:
    """The one value of both attributes, which only a put, a create or a swap leaves behind; None when they differ."""
    values = set((found.item or {}).values())
    return values.pop() if len(values) == 1 and len(found.item or {}) == 2 else None


def _after(planned: Iterator[tuple[int, Step]], missed: int) -> tuple[int, Step]:
    for _ in range(missed):
        next(planned)
    return next(planned)
