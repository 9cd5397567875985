"""partition: nothing replicates between two regions, either way; both go on serving their own users."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.canary import CANARY_ACTIONS, Canary
from harness.faults.lever_fault import ON_AWS, LeverFault
from harness.stack import RegionName
from harness.target import Target

CANARY_WAIT_S = 10.0
"""Replication usually takes less than a second; an item that is not there after ten was not let through."""


class _Nothing(msgspec.Struct, frozen=True):
    """The lever has nothing to say."""


class Partition(LeverFault, frozen=True, kw_only=True, tag="partition"):
    """No write of `region` reaches `other`, and none of `other` reaches `region`."""

    region: RegionName
    other: RegionName

    name: ClassVar[str] = "partition"
    about: ClassVar[About] = About(
        summary="nothing replicates between two regions; both serve their own users, who see the other's writes late",
        iam_actions=CANARY_ACTIONS,
        aws=ON_AWS,
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    def __post_init__(self) -> None:
        if self.region == self.other:
            raise InvalidPlan(f"partition between {self.region} and itself: name two regions")

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region, self.other)

    def levers(self) -> dict[str, msgspec.Struct]:
        # A partition has no direction: the same lever whoever is named first.
        one, two = sorted(self.regions)
        return {f"partition/{one}/{two}": _Nothing()}

    def prove(self, target: Target) -> str | None:
        if self._comes_through(target):
            return None
        return f"an item written in {self.region} was not in {self.other} {CANARY_WAIT_S:g} s later"

    def prove_removed(self, target: Target) -> bool:
        return self._comes_through(target)

    def _comes_through(self, target: Target) -> bool:
        with Canary(target) as canary:
            written_s = canary.write(self.region, "here")
            return canary.arrives("here", self.other, since_s=written_s, within_s=CANARY_WAIT_S) is not None
