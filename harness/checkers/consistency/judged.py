"""What an engine says of a history: the violations, and of how much it could judge."""

from __future__ import annotations

import msgspec

from harness.checkers.consistency.quiescence import Quiescence
from harness.checkers.consistency.violations import Property, Violation


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """How much there was to judge. Reads are those that got an answer; writes, acknowledged ones."""

    reads: int
    consistent_reads: int
    own_reads: int
    """Consistent reads by a client of a key that it had written in that region before."""
    keys_written: int
    keys_rewritten: int
    """Written at least twice."""
    keys_deleted: int
    keys_settled: int
    """Written, and read in every region when all had settled."""
    unsettled_key: str | None
    """The first written key that was not."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    violations: tuple[Violation, ...]
    samples: Samples
    quiescence: Quiescence

    def of(self, broken: Property) -> tuple[Violation, ...]:
        return tuple(found for found in self.violations if found.property is broken)


def in_order(violations: list[Violation], from_s: float) -> tuple[Violation, ...]:
    """By property, then as they came to light; without those that had come to light before `from_s`."""
    order = {broken: place for place, broken in enumerate(Property)}
    shown = [found for found in violations if found.end_s >= from_s]
    return tuple(sorted(shown, key=lambda found: (order[found.property], found.end_s, found.key, found.operations)))
