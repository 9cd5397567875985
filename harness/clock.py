"""Clocks that run in the target's seconds ("stack seconds").

On AWS a stack second is a second. A lab runs its clock at a rate: at rate 20, a health check interval of 30 stack
seconds passes in 1.5 wall seconds. Code that waits or measures takes a `Clock`, never `time`, so it runs unchanged
at every rate and, in unit tests, in virtual time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Stack seconds since the clock was started, and a way to wait for one."""

    @property
    def rate(self) -> float:
        """Stack seconds per wall second."""
        ...

    def now_s(self) -> float:
        """Stack seconds since the start; never goes back."""
        ...

    def sleep_until_s(self, at_s: float) -> None:
        """Returns at `at_s` or later; at once when that is past."""
        ...

    def calendar(self, at_s: float | None = None) -> datetime:
        """The target's date and time, UTC, at `at_s` (default now)."""
        ...


class ScaledClock:
    """Runs at `rate` stack seconds per wall second.

    `origin` is the wall time (UTC) at which the target's calendar and the wall calendar agree; two clocks with the
    same rate and origin agree on `calendar()` whenever each was started, also across processes.
    """

    def __init__(self, rate: float = 1.0, origin: datetime | None = None, *, started: datetime | None = None) -> None:
        """`started`: wall time of second 0; absent: now."""
        if not rate > 0:
            raise ValueError(f"clock rate {rate}: must be above 0")
        self._rate = rate
        now = datetime.now(UTC)
        self.started = started or now
        """Wall time of second 0."""
        self._started_mono_s = time.monotonic() - (now - self.started).total_seconds()
        self._origin = origin or self.started
        self._started_at = self._origin + (self.started - self._origin) * rate

    @property
    def rate(self) -> float:
        return self._rate

    @property
    def origin(self) -> datetime:
        return self._origin

    def now_s(self) -> float:
        return (time.monotonic() - self._started_mono_s) * self._rate

    def sleep_until_s(self, at_s: float) -> None:
        wall_s = (at_s - self.now_s()) / self._rate
        if wall_s > 0:
            time.sleep(wall_s)

    def calendar(self, at_s: float | None = None) -> datetime:
        return self._started_at + timedelta(seconds=self.now_s() if at_s is None else at_s)


class VirtualClock:
    """Stands still until told: sleeping moves it. For unit tests and for driving models."""

    rate = 1.0

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        return self._now_s

    def sleep_until_s(self, at_s: float) -> None:
        self._now_s = max(self._now_s, at_s)

    def advance_s(self, by_s: float) -> None:
        self._now_s += by_s

    def calendar(self, at_s: float | None = None) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now_s if at_s is None else at_s)
