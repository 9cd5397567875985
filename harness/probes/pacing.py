"""A steady pace by absolute deadlines, and how well it was kept.

Sleeping for a period drifts by what each look takes; a slot's due time here depends on the slot's number only.
"""

from __future__ import annotations

import math

import msgspec

from harness.events import Gap, HttpReply
from harness.history import History


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    due_s: float
    missed: int = 0
    """Slots before this one that passed while the last look still ran."""
    missed_from_s: float = 0.0
    """Due time of the first of them."""


class Pace:
    """Slots at `start_s` + (n + `phase`) × `every_s`. A slot that has passed is missed, never made up for."""

    def __init__(self, *, start_s: float, every_s: float, phase: float = 0.0) -> None:
        if not every_s > 0:
            raise ValueError(f"pace of one look every {every_s} s: must be above 0")
        self._first_s = start_s + phase * every_s
        self._every_s = every_s
        self._next = 0

    def next_slot(self, now_s: float) -> Slot:
        """The first slot after the one before that is not past at `now_s`."""
        expected = self._next
        number = max(expected, math.ceil((now_s - self._first_s) / self._every_s))
        self._next = number + 1
        return Slot(due_s=self._due_s(number), missed=number - expected, missed_from_s=self._due_s(expected))

    def _due_s(self, number: int) -> float:
        return self._first_s + number * self._every_s


class PacingSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How late HTTPS looks began, in wall milliseconds, and how many were not made."""

    looks: int
    missed: int
    late_p50_wall_ms: float
    late_p99_wall_ms: float
    late_max_wall_ms: float


def pacing(history: History) -> PacingSummary:
    """NaN for each percentile when the history has no HTTPS look."""
    to_wall_ms = 1000 / history.header.clock_rate
    late_wall_ms = sorted(reply.late_s * to_wall_ms for reply in history.of(HttpReply))
    return PacingSummary(
        looks=len(late_wall_ms),
        missed=sum(gap.missed for gap in history.of(Gap)),
        late_p50_wall_ms=percentile(late_wall_ms, 0.50),
        late_p99_wall_ms=percentile(late_wall_ms, 0.99),
        late_max_wall_ms=percentile(late_wall_ms, 1.0),
    )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
