"""A user's session: at a vantage, with whichever region DNS gives there, and so moving when the stack fails over."""

from __future__ import annotations

import itertools

from harness.clock import Clock
from harness.events import Gap, Operation
from harness.probes.items import SOURCE, PlannedWrite, read, write
from harness.probes.pacing import Pace, Slot
from harness.probes.resolve import cache_of, resolve
from harness.recorder import Recorder
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import Vantage
from harness.workload.crew import Crew
from harness.workload.plan import KeySpace, SessionPlan


class Nowhere(Exception):
    """DNS gives no region; the message says why."""


class Whereabouts:
    """Which region serves a vantage by DNS, through the vantage's own cache."""

    def __init__(self, target: Target, vantage: Vantage, clock: Clock, first_age: float = 0.0) -> None:
        self._target = target
        self._vantage = vantage
        self._clock = clock
        self._cache = cache_of(vantage, first_age=first_age)

    def region(self) -> RegionName:
        """Raises Nowhere."""
        found = resolve(self._target, self._vantage, self._cache, clock=self._clock)
        if found.use is None:
            raise Nowhere(f"DNS: {found.error}")
        addresses = found.use.answer.value.addresses
        region = self._target.region_of_addresses(addresses)
        if region is None:
            raise Nowhere(f"DNS: {', '.join(addresses)} belong to no one region of the stack")
        return region


class SessionClient:
    """Writes its own keys in turn and reads them back in turn, each time in the region that DNS gives it then.

    It asks the region's table, not its API: whether the application serves is what the HTTPS probes see.
    """

    def __init__(
        self,
        target: Target,
        vantage: Vantage,
        recorder: Recorder,
        plan: SessionPlan,
        keys: KeySpace,
        *,
        first_age: float = 0.0,
    ) -> None:
        """`first_age`: of its resolver's first answer, see ResolverCache."""
        self.name = f"session:{vantage.name}"
        self.keys = keys.own(self.name, plan.keys)
        self._target = target
        self._recorder = recorder
        self._clock = recorder.clock
        self._plan = plan
        self._run = keys.run
        self._where = Whereabouts(target, vantage, recorder.clock, first_age)
        self._numbers = itertools.count()
        self._writes = 0
        self._reads = 0

    def live(self, crew: Crew, start_s: float) -> None:
        """Until the crew is stopped."""
        crew.keep(Pace(start_s=start_s, every_s=self._plan.reads_every_s), self.act, who=self.name)

    def act(self, slot: Slot) -> None:
        """One write or one read. Where DNS gives no region, neither is made, and that is recorded."""
        number = next(self._numbers)
        try:
            region = self._where.region()
        except Nowhere as error:
            now_s = self._clock.now_s()
            self._recorder.record(
                Gap(start_s=slot.due_s, end_s=now_s, source=SOURCE, vantage=self.name, missed=1, reason=str(error))
            )
            return
        if number % self._plan.slots_per_write == 0:
            self._write(region)
        else:
            self._read(region)

    def _write(self, region: RegionName) -> None:
        planned = PlannedWrite(
            operation=Operation.PUT,
            key=self.keys[self._writes % len(self.keys)],
            value=f"{self._run}/{self.name}#{self._writes}",
        )
        self._writes += 1
        self._recorder.record(write(self._target, self._clock, planned, client=self.name, region=region))

    def _read(self, region: RegionName) -> None:
        written = self.keys[: max(1, self._writes)]
        key = written[self._reads % len(written)]
        self._reads += 1
        self._recorder.record(read(self._target, self._clock, key, client=self.name, region=region, consistent=True))
