"""The scheduler in the foreground: waits for the next plan that is due, runs it, and says what it had to leave out.

One day at a time: what comes due while another day runs is missed, not queued, because nobody is there for it any more.
So is what came due while the scheduler did not run, or the machine slept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from harness.gameday.load import LoadedPlan
from harness.gameday.when import firings, refusal
from harness.run import save_json

LATE_AT_MOST = timedelta(minutes=1)
SLICE_S = 30.0
"""The wall clock is looked at so often while waiting: it may be set, and the machine may sleep."""
MISSED_AT_MOST = 20
"""So many are told by name; a plan that is due each minute would fill the screen."""


class Wall(Protocol):
    def now(self) -> datetime: ...
    def sleep(self, for_s: float) -> None: ...


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    at: datetime
    why: str


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    at: datetime
    exit_code: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    at: datetime


Told = Missed | Ran | Waiting


class _Seen(msgspec.Struct, kw_only=True):
    """Until when each plan's firings were dealt with, by its path."""

    until: dict[str, datetime] = {}


class Scheduler:
    """`run_day` runs a plan and returns its exit code; `tell` hears of everything; `memory` outlives the process."""

    def __init__(
        self,
        plans: Sequence[LoadedPlan],
        *,
        wall: Wall,
        run_day: Callable[[LoadedPlan], int],
        tell: Callable[[Told], None],
        memory: Path,
    ) -> None:
        self._plans = plans
        self._wall = wall
        self._run_day = run_day
        self._tell = tell
        self._memory = memory
        self._seen = _read(memory)

    def run(self, *, at_most_days: int | None = None) -> None:
        """Until it is interrupted, nothing is due any more, or so many days were run."""
        self._skip_past("the scheduler was not running")
        ran = 0
        while at_most_days is None or ran < at_most_days:
            found = self._next()
            if found is None:
                return
            loaded, at = found
            self._tell(Waiting(title=loaded.plan.title, at=at))
            self._wait_until(at)
            ran += self._due(loaded, at)

    def _due(self, loaded: LoadedPlan, at: datetime) -> bool:
        """Whether it was run."""
        now = self._wall.now()
        if now - at > LATE_AT_MOST:
            self._skip_past("the machine slept, or its clock was set")
            return False
        self._remember(loaded, at)
        why = refusal(loaded.plan.window, now)
        if why:
            self._tell(Missed(title=loaded.plan.title, at=at, why=why))
            return False
        code = self._run_day(loaded)
        self._tell(Ran(title=loaded.plan.title, at=at, exit_code=code))
        self._skip_past(f"another game day was running: {loaded.plan.title}")
        return True

    def _next(self) -> tuple[LoadedPlan, datetime] | None:
        coming = [(at, number) for number, loaded in enumerate(self._plans) if (at := self._next_of(loaded))]
        if not coming:
            return None
        at, number = min(coming)
        return self._plans[number], at

    def _next_of(self, loaded: LoadedPlan) -> datetime | None:
        return next(firings(loaded.plan.window, self._since(loaded)), None)

    def _since(self, loaded: LoadedPlan) -> datetime:
        """A plan that was never seen has missed nothing."""
        return self._seen.until.setdefault(str(loaded.path.resolve()), self._wall.now())

    def _skip_past(self, why: str) -> None:
        """Tells each firing that is past, and that nobody will catch up on it."""
        now = self._wall.now()
        for loaded in self._plans:
            past = list(_until(firings(loaded.plan.window, self._since(loaded)), now))
            for at in past[-MISSED_AT_MOST:]:
                self._tell(Missed(title=loaded.plan.title, at=at, why=refusal(loaded.plan.window, at) or why))
            self._remember(loaded, now)

    def _wait_until(self, at: datetime) -> None:
        while (left_s := (at - self._wall.now()).total_seconds()) > 0:
            self._wall.sleep(min(left_s, SLICE_S))

    def _remember(self, loaded: LoadedPlan, until: datetime) -> None:
        self._seen.until[str(loaded.path.resolve())] = until
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        save_json(self._memory, self._seen)


def _until(times: Iterator[datetime], now: datetime) -> Iterator[datetime]:
    for at in times:
        if at > now:
            return
        yield at


def _read(memory: Path) -> _Seen:
    """What was lost with a damaged file is only which firings were missed."""
    try:
        return msgspec.json.decode(memory.read_bytes(), type=_Seen)
    except (OSError, msgspec.MsgspecError):
        return _Seen()
