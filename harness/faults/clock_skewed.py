"""clock-skewed: one region stamps its writes with a clock that is wrong, so the last writer no longer wins."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import ClassVar

import msgspec

from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.canary import CANARY_ACTIONS, Canary
from harness.faults.lever_fault import ON_AWS, LeverFault
from harness.stack import RegionName
from harness.target import Target

LEAST_S = 10.0
"""A skew that is smaller than replication takes cannot be seen by a canary."""
LONGEST_S = 86_400.0
ARRIVES_WITHIN_S = 10.0
PAIRS = 6


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """The lever's body."""

    ahead_s: float


class ClockSkewed(LeverFault, frozen=True, kw_only=True, tag="clock-skewed"):
    """The clock with which `region` stamps writes is `ahead_s` ahead; below 0: behind."""

    region: RegionName
    ahead_s: float = 60.0

    name: ClassVar[str] = "clock-skewed"
    about: ClassVar[About] = About(
        summary="the region's writes carry a wrong time, so of two writes the earlier one may win: updates are lost",
        iam_actions=CANARY_ACTIONS,
        aws="conflicts between replicas are resolved by the last writer; how far AWS's clocks are apart is not "
        f"published. {ON_AWS}",
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ahead_s) and LEAST_S <= abs(self.ahead_s) <= LONGEST_S):
            raise InvalidPlan(
                f"clock-skewed ahead_s {self.ahead_s:g}: at least {LEAST_S:g} s either way, so that it can be proven, "
                f"and at most {LONGEST_S:g}"
            )

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region,)

    def levers(self) -> dict[str, msgspec.Struct]:
        return {f"skew/{self.region}": Skew(ahead_s=float(self.ahead_s))}

    def prove(self, target: Target) -> str | None:
        """Whose writes were lost though they were the later ones; None when the later ones won, as they should."""
        first, second = self._in_turn(target)
        lost = _lost(target, first, second)
        if not lost:
            return None
        return f"{lost} of {PAIRS} writes in {second} were lost to ones made in {first} before them"

    def prove_removed(self, target: Target) -> bool:
        return _lost(target, *self._in_turn(target)) == 0

    def _in_turn(self, target: Target) -> tuple[RegionName, RegionName]:
        """The region whose write seems later than it is comes first."""
        other = next(region for region in target.stack.region_names if region != self.region)
        return (self.region, other) if self.ahead_s > 0 else (other, self.region)


def _lost(target: Target, first: RegionName, second: RegionName) -> int:
    """Of some items written in `first` and then at once in `second`, how many came to hold the earlier write.

    Both writes must be made before either arrives, since a region that has seen a write stamps above it, whatever its
    clock: hence several items, of which some are quick enough.
    """
    with ExitStack() as canaries:
        items = [canaries.enter_context(Canary(target)) for _ in range(PAIRS)]
        for item in items:
            item.write(first, "earlier")
            item.write(second, "later")
        items[-1].wait_s(ARRIVES_WITHIN_S)
        return sum(item.read(first) == item.read(second) == "earlier" for item in items)
