"""table-slow: a region's API waits for its table, and gives up after 29 s: a gray failure that no error announces.

What does not ask the table, the shallow health route among it, answers at once. A checker waits 2 s for a reply, so a
health route that asks the table fails long before users do, who may call the same delay merely slow.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import msgspec

from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.lever_fault import ON_AWS, LeverFault
from harness.faults.table_denied import NO_SUCH_ITEM
from harness.probes.endpoint import request_in_region
from harness.stack import RegionName
from harness.target import Target

TIMEOUT_S = 29.0
"""Of an integration of API Gateway, by default."""
LONGEST_S = 300.0
LEAST_SHARE = 0.05


class SlowTable(msgspec.Struct, frozen=True, kw_only=True):
    """The lever's body."""

    delay_s: float
    share: float


class TableSlow(LeverFault, frozen=True, kw_only=True, tag="table-slow"):
    """A share of the calls that the region's API makes of its table takes so much longer."""

    region: RegionName
    delay_s: float = 40.0
    share: float = 1.0

    name: ClassVar[str] = "table-slow"
    about: ClassVar[About] = About(
        summary="the region's API waits for its table, up to the 29 s of API Gateway; a shallow health route does not",
        aws=ON_AWS,
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    def __post_init__(self) -> None:
        if not 1 <= self.delay_s <= LONGEST_S:
            raise InvalidPlan(f"table-slow delay_s {self.delay_s:g}: from 1 to {LONGEST_S:g}, or it could not be told")
        if not LEAST_SHARE <= self.share <= 1:
            raise InvalidPlan(f"table-slow share {self.share:g}: from {LEAST_SHARE:g} to 1")

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region,)

    def levers(self) -> dict[str, msgspec.Struct]:
        return {f"slow-table/{self.region}": SlowTable(delay_s=self.delay_s, share=self.share)}

    def prove(self, target: Target) -> str | None:
        """How long the slowest of some requests took; None when that is not as long as it should be."""
        asked = round(1 / self.share) + 1
        slowest_s = self._slowest_s(target, asked)
        if slowest_s < self._told_from_s:
            return None
        return f"the slowest of {asked} requests for an item in {self.region} took {slowest_s:.1f} s"

    def prove_removed(self, target: Target) -> bool:
        return self._slowest_s(target, 2) < self._told_from_s

    @property
    def _told_from_s(self) -> float:
        return 0.9 * min(self.delay_s, TIMEOUT_S)

    def _slowest_s(self, target: Target, asked: int) -> float:
        """Stack seconds, of requests made at once."""
        with ThreadPoolExecutor(asked) as askers:
            return max(askers.map(lambda _: self._took_s(target), range(asked)))

    def _took_s(self, target: Target) -> float:
        clock = target.new_clock()
        request_in_region(target, self.region, "GET", NO_SUCH_ITEM)
        return clock.now_s()
