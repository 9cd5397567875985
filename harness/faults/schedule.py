"""When which fault is in force: one after the other, at once, on and off, or a little worse each time.

A schedule is data; `stretches()` says what it comes to. Every stretch is one injection of its own: with its own
journal entry, its own proof and its own rollback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from harness.errors import InvalidPlan
from harness.faults.blast_radius import LIMIT_S
from harness.faults.catalogue import AnyFault

MOST_CYCLES = 1000


class Hold(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="hold"):
    """One fault, from `after_s` on, for `for_s` or until the schedule is held no longer."""

    fault: AnyFault
    after_s: float = 0.0
    for_s: float | None = None

    def __post_init__(self) -> None:
        _require(self.after_s >= 0, f"after_s {self.after_s:g}: not before the schedule begins")
        _require(self.for_s is None or self.for_s > 0, f"for_s {self.for_s}: above 0, or left out")


class Flap(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="flap"):
    """One fault on and off: in force for `duty` of each period."""

    fault: AnyFault
    period_s: float
    duty: float = 0.5
    cycles: int
    after_s: float = 0.0

    def __post_init__(self) -> None:
        _require(self.period_s > 0, f"period_s {self.period_s:g}: above 0")
        _require(0 < self.duty < 1, f"duty {self.duty:g}: between 0 and 1; to hold a fault all the time, use a hold")
        _require(1 <= self.cycles <= MOST_CYCLES, f"cycles {self.cycles}: from 1 to {MOST_CYCLES}")
        _require(self.after_s >= 0, f"after_s {self.after_s:g}: not before the schedule begins")


class Ramp(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="ramp"):
    """Faults one after the other, each for `step_s`, such as a delay that grows; between two of them there is none."""

    faults: tuple[AnyFault, ...]
    step_s: float
    after_s: float = 0.0

    def __post_init__(self) -> None:
        _require(bool(self.faults), "faults: at least one")
        _require(self.step_s > 0, f"step_s {self.step_s:g}: above 0")
        _require(self.after_s >= 0, f"after_s {self.after_s:g}: not before the schedule begins")


Step = Hold | Flap | Ramp


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """One injection: seconds since the schedule began. `until_s` of None: as long as the schedule is held."""

    fault: AnyFault
    from_s: float
    until_s: float | None = None


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do at a time: to inject what `stretch` says, or to undo it."""

    at_s: float
    stretch: Stretch
    begins: bool


def all_at_once(faults: Iterable[AnyFault]) -> tuple[Step, ...]:
    """Injected one right after the other, held together."""
    return tuple(Hold(fault=fault) for fault in faults)


def stretches(steps: Iterable[Step]) -> tuple[Stretch, ...]:
    """Every injection of the schedule, in order of time.

    Raises:
        InvalidPlan: it would last longer than `LIMIT_S`.
    """
    found = sorted((stretch for step in steps for stretch in _stretches_of(step)), key=lambda stretch: stretch.from_s)
    ends_s = max((stretch.until_s or stretch.from_s for stretch in found), default=0.0)
    _require(ends_s <= LIMIT_S, f"it lasts {ends_s:g} s, longer than the {LIMIT_S:g} s that a schedule may")
    return tuple(found)


def moves(schedule: Sequence[Stretch]) -> list[Move]:
    """What to do when. At one moment, what ends comes before what begins: they may be about one resource."""
    begun = [Move(at_s=stretch.from_s, stretch=stretch, begins=True) for stretch in schedule]
    ended = [
        Move(at_s=stretch.until_s, stretch=stretch, begins=False) for stretch in schedule if stretch.until_s is not None
    ]
    return sorted((*ended, *begun), key=lambda move: (move.at_s, move.begins))


def _stretches_of(step: Step) -> Iterator[Stretch]:
    match step:
        case Hold():
            until_s = None if step.for_s is None else step.after_s + step.for_s
            yield Stretch(fault=step.fault, from_s=step.after_s, until_s=until_s)
        case Flap():
            for cycle in range(step.cycles):
                from_s = step.after_s + cycle * step.period_s
                yield Stretch(fault=step.fault, from_s=from_s, until_s=from_s + step.duty * step.period_s)
        case Ramp():
            for number, fault in enumerate(step.faults):
                from_s = step.after_s + number * step.step_s
                yield Stretch(fault=fault, from_s=from_s, until_s=from_s + step.step_s)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InvalidPlan(f"schedule of faults: {rule}")
