"""wan-delayed: writes take longer from one region to another, both ways; nothing is lost."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.canary import CANARY_ACTIONS, Canary
from harness.faults.lever_fault import ON_AWS, LeverFault
from harness.models.wan import ReplicationDelay
from harness.stack import RegionName
from harness.target import Target

LONGEST_S = 600.0


class WanDelayed(LeverFault, frozen=True, kw_only=True, tag="wan-delayed"):
    """Every write between `region` and `other` takes `delay_s`, which begins with writes made from then on."""

    region: RegionName
    other: RegionName
    delay_s: float = 5.0

    name: ClassVar[str] = "wan-delayed"
    about: ClassVar[About] = About(
        summary="writes take longer between two regions: reads are stale for longer, conflicts become likelier",
        iam_actions=CANARY_ACTIONS,
        aws=ON_AWS,
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    def __post_init__(self) -> None:
        if self.region == self.other:
            raise InvalidPlan(f"wan-delayed between {self.region} and itself: name two regions")
        if not 0 < self.delay_s <= LONGEST_S:
            raise InvalidPlan(f"wan-delayed delay_s {self.delay_s:g}: above 0 and at most {LONGEST_S:g}")

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region, self.other)

    def levers(self) -> dict[str, msgspec.Struct]:
        delay = ReplicationDelay.constant(self.delay_s)
        return {f"delay/{self.region}/{self.other}": delay, f"delay/{self.other}/{self.region}": delay}

    def prove(self, target: Target) -> str | None:
        """How long an item took; None when that was less than the delay."""
        took_s = self._took_s(target)
        if took_s is not None and took_s < self.delay_s:
            return None
        told = f"was not there after {self._patience_s:g} s" if took_s is None else f"took {took_s:.1f} s"
        return f"an item from {self.region} to {self.other} {told}"

    def prove_removed(self, target: Target) -> bool:
        took_s = self._took_s(target)
        return took_s is not None and took_s < self.delay_s

    @property
    def _patience_s(self) -> float:
        return 2 * self.delay_s + 10.0

    def _took_s(self, target: Target) -> float | None:
        with Canary(target) as canary:
            written_s = canary.write(self.region, "here")
            return canary.arrives("here", self.other, since_s=written_s, within_s=self._patience_s)
