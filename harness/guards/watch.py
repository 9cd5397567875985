"""GuardWatch: looks at every guard while a run goes on, on a thread of its own, and says when one tripped.

Threads, because an AWS call for an alarm may hang for as long as its timeouts allow, and neither the run nor the stop
file may wait for it: alarms have a thread of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from harness.aws import aws_errors
from harness.errors import GuardTripped, TargetError
from harness.events import AnyEvent
from harness.guards.hours import outside_hours, within_freeze
from harness.guards.kinds import (
    Alarm,
    AllowedHours,
    AnyGuard,
    CostCeiling,
    EveryVantageServed,
    Freeze,
    StopFile,
    UntouchedRegionsWell,
    kind_of,
)
from harness.guards.prices import Usage, cost_of
from harness.guards.steady import SteadyView
from harness.recorder import Recorder
from harness.target import Target

LOOK_EVERY_WALL_S = 0.2
ALARM_EVERY_WALL_S = 5.0
ALARM_READS_AT_MOST = 3
"""So many failed reads in a row trip the guard: a blind guard does not say that all is well."""


class Tripped(msgspec.Struct, frozen=True, kw_only=True):
    """Which guard, and why."""

    guard: str
    why: str

    def __str__(self) -> str:
        return f"guard {self.guard!r}: {self.why}"


class GuardWatch:
    """Guards `guards` from entering it to leaving it. Enter it after the probes, so that it ends before them.

    Raises:
        GuardTripped: on entering, when a guard does not hold before anything was broken.
    """

    def __init__(
        self,
        guards: Sequence[AnyGuard],
        target: Target,
        recorder: Recorder,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._guards = tuple(guards)
        self._target = target
        self._recorder = recorder
        self._wall = wall
        self._view = SteadyView()
        self._usage = Usage()
        self._alarms = _Alarms(target)
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stop_listening: Callable[[], None] | None = None
        self.tripped: Tripped | None = None
        """The first that tripped; it stays so."""

    def check(self) -> None:
        """Raises GuardTripped once a guard has tripped. Called wherever the run waits; costs nothing."""
        if self.tripped:
            raise GuardTripped(f"stopped by {self.tripped}")

    def look(self) -> Tripped | None:
        """Evaluates every guard now. Those about alarms call AWS."""
        return self._look_at(self._guards)

    def _look_at(self, guards: Sequence[AnyGuard]) -> Tripped | None:
        for guard in guards:
            try:
                why = self._why(guard)
            except Exception as error:  # noqa: BLE001  # a guard that cannot look must not be taken for one that is well
                why = f"it could not be evaluated: {error!r}"
            if why:
                return Tripped(guard=kind_of(guard), why=why)
        return None

    def _why(self, guard: AnyGuard) -> str | None:
        now_s = self._recorder.clock.now_s()
        match guard:
            case EveryVantageServed():
                return self._view.unserved(guard, now_s)
            case UntouchedRegionsWell():
                return self._view.unwell(guard, now_s)
            case Alarm():
                return self._alarms.why(guard)
            case StopFile():
                return f"{guard.path} exists; remove it to go on" if Path(guard.path).exists() else None
            case AllowedHours():
                return outside_hours(guard, self._wall())
            case Freeze():
                return within_freeze(guard, self._wall())
            case CostCeiling():
                return self._too_dear(guard)

    def _too_dear(self, guard: CostCeiling) -> str | None:
        cost = cost_of(self._usage, guard.prices)
        if cost <= guard.at_most:
            return None
        return f"the run's traffic is estimated at {cost:.4f} {guard.prices.currency}; at most {guard.at_most:g}"

    def __enter__(self) -> Self:
        if not self._guards:
            return self
        for event in self._recorder.history():
            self._usage.count(event, regions=len(self._target.stack.regions))
        self._stop_listening = self._recorder.listen(self._see)
        self.tripped = self.look()
        if self.tripped:
            self._stop_listening()
            self.check()
        alarms = [guard for guard in self._guards if isinstance(guard, Alarm)]
        for guards in ([guard for guard in self._guards if not isinstance(guard, Alarm)], alarms):
            if guards:
                self._threads.append(threading.Thread(target=self._watch, args=(guards,), name="guards", daemon=True))
                self._threads[-1].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(1.0)  # One that hangs in a call for an alarm changes nothing any more.
        if self._stop_listening:
            self._stop_listening()

    def _see(self, event: AnyEvent) -> None:
        self._view.see(event)
        self._usage.count(event, regions=len(self._target.stack.regions))

    def _watch(self, guards: Sequence[AnyGuard]) -> None:
        while self.tripped is None and not self._ending.wait(LOOK_EVERY_WALL_S):
            tripped = self._look_at(guards)
            self.tripped = self.tripped or tripped


class _Alarms:
    """Reads alarms, each at most every `ALARM_EVERY_WALL_S`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._due: dict[Alarm, datetime] = {}
        self._failures: dict[Alarm, int] = {}

    def why(self, guard: Alarm) -> str | None:
        now = datetime.now(UTC)
        due = self._due.get(guard)
        if due and (now - due).total_seconds() < ALARM_EVERY_WALL_S:
            return None
        self._due[guard] = now
        try:
            state = self._state(guard)
        except TargetError as error:
            # Never read well: no alarm to rely on from the start.
            self._failures[guard] = self._failures.get(guard, ALARM_READS_AT_MOST) + 1
            return f"it cannot be read: {error}" if self._failures[guard] >= ALARM_READS_AT_MOST else None
        self._failures[guard] = 0
        if state is None:
            return f"there is no alarm {guard.name!r} in {guard.region}"
        return f"alarm {guard.name!r} in {guard.region} is in state ALARM" if state == "ALARM" else None

    def _state(self, guard: Alarm) -> str | None:
        with aws_errors(f"reading alarm {guard.name} in {guard.region}"):
            found = self._target.cloudwatch(guard.region).describe_alarms(
                AlarmNames=[guard.name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        alarms = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        return str(alarms[0]["StateValue"]) if alarms else None
