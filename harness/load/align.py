"""How far a worker's wall clock is from its master's, from pings: the one that came back soonest knows best."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import msgspec

from harness.clock import ScaledClock
from harness.load.messages import Pong


class Offset(msgspec.Struct, frozen=True):
    """To be added to the worker's wall clock; the truth is within `uncertainty_s` of it."""

    seconds: float
    uncertainty_s: float


UNKNOWN = Offset(0.0, math.inf)
SAME = Offset(0.0, 0.0)


class AlignedClock:
    """A worker's clock, set by its master's again whenever that is better known. A `Clock`."""

    def __init__(self, clock: ScaledClock, offset: Callable[[], Offset]) -> None:
        self._clock = clock
        self._offset = offset

    @property
    def rate(self) -> float:
        return self._clock.rate

    def now_s(self) -> float:
        return self._clock.now_s() + self._offset().seconds * self._clock.rate

    def sleep_until_s(self, at_s: float) -> None:
        self._clock.sleep_until_s(at_s - self._offset().seconds * self._clock.rate)

    def calendar(self, at_s: float | None = None) -> datetime:
        return self._clock.calendar(self.now_s() if at_s is None else at_s)


def offset_of(pong: Pong, received_at: float) -> Offset:
    """The master answered at some time between the ping's leaving and the pong's coming."""
    return Offset(pong.master_at - (pong.sent_at + received_at) / 2, max(0.0, received_at - pong.sent_at) / 2)


def better(one: Offset, other: Offset) -> Offset:
    return min(one, other, key=lambda offset: offset.uncertainty_s)
