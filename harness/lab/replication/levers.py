"""What may be turned while the lab runs: delays, partitions, stopped replicas, the regions' clocks and endpoints.

One immutable document, replaced whole: readers need no lock. Delays count for writes made from then on; everything
else also for those on their way.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from harness.models.wan import ReplicationDelay
from harness.stack import RegionName


class PairDelay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delay from one region to another, in place of the one for all."""

    origin: RegionName
    destination: RegionName
    delay: ReplicationDelay


class Throttle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A replica that takes at most so many replicated writes a second: the rest waits, nothing is lost."""

    writes_per_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.writes_per_s) and self.writes_per_s > 0):
            raise ValueError(f"writes_per_s = {self.writes_per_s}: must be above 0; to take none, stop the replica")


class Skew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a region's clock, with which it stamps writes, is ahead of the true time; below 0: behind."""

    ahead_s: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.ahead_s):
            raise ValueError(f"ahead_s = {self.ahead_s}: must be finite")


class Coalescing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of an item's writes that are due at a replica in one window of this length, only the last arrives."""

    within_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.within_s) and self.within_s > 0):
            raise ValueError(f"within_s = {self.within_s}: must be above 0")


OutageMode = Literal["refuse", "hang"]


class Outage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A region whose HTTPS endpoints refuse every connection, or answer nothing at all. Its tables go on."""

    mode: OutageMode = "refuse"


class SlowTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of the calls that a region's APIs make of their tables takes so much longer. They take effect at once."""

    delay_s: float
    share: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.delay_s) and self.delay_s > 0):
            raise ValueError(f"delay_s = {self.delay_s}: must be above 0; undo the lever to have none")
        if not 0 < self.share <= 1:
            raise ValueError(f"share = {self.share}: must be above 0 and at most 1")


class Levers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them. Absent from the maps: untouched."""

    delay: ReplicationDelay = ReplicationDelay()
    """Between all regions that have no delay of their own."""
    delays: tuple[PairDelay, ...] = ()
    partitions: tuple[tuple[RegionName, RegionName], ...] = ()
    """Pairs between which nothing replicates, either way."""
    throttled: dict[RegionName, Throttle] = {}
    stopped: tuple[RegionName, ...] = ()
    """Replicas into and out of which nothing replicates; they serve their own clients."""
    skews: dict[RegionName, Skew] = {}
    coalescing: Coalescing | None = None
    outages: dict[RegionName, Outage] = {}
    slow_tables: dict[RegionName, SlowTable] = {}

    def delay_of(self, origin: RegionName, destination: RegionName) -> ReplicationDelay:
        for pair in self.delays:
            if (pair.origin, pair.destination) == (origin, destination):
                return pair.delay
        return self.delay

    def ahead_s(self, region: RegionName) -> float:
        skew = self.skews.get(region)
        return skew.ahead_s if skew else 0.0

    def holds(self, origin: RegionName, destination: RegionName) -> str | None:
        """Why nothing replicates from `origin` to `destination`; None when something does."""
        for region in (origin, destination):
            if region in self.stopped:
                return f"replica stopped in {region}"
        for one, other in self.partitions:
            if {one, other} == {origin, destination}:
                return f"partition between {one} and {other}"
        return None
