"""How far apart AWS regions are, and how long a global table takes to replicate between them.

Round trips are medians over one year between every pair of 32 regions (harness/data/aws_region_rtt_ms.json, with its
source). One way is half a round trip.
"""

from __future__ import annotations

import functools
import math
import random
from importlib import resources

import msgspec

from harness.errors import UnknownRegion
from harness.stack import RegionName


class _RttFile(msgspec.Struct, frozen=True):
    p50_rtt: dict[RegionName, dict[RegionName, float]]


@functools.cache
def _matrix() -> dict[RegionName, dict[RegionName, float]]:
    text = resources.files("harness").joinpath("data/aws_region_rtt_ms.json").read_bytes()
    return msgspec.json.decode(text, type=_RttFile).p50_rtt


def rtt_ms(origin: RegionName, destination: RegionName) -> float:
    """Median round trip in milliseconds; a few ms from a region to itself.

    Raises:
        UnknownRegion: the matrix has no such region.
    """
    matrix = _matrix()
    for region in (origin, destination):
        if region not in matrix:
            raise UnknownRegion(f"region {region!r} has no measured round trips; choose from {', '.join(matrix)}")
    return matrix[origin][destination]


def one_way_s(origin: RegionName, destination: RegionName) -> float:
    return rtt_ms(origin, destination) / 2 / 1000


class ReplicationDelay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A write shows at another region after the way there plus a lognormal service time, and not before the floor.

    AWS publishes "usually within a second" and no distribution: the defaults are ours. The
    service time dominates because replication reads a stream in polls; the way is added in full.
    """

    median_s: float = 0.75
    """Median of the service time; 0 for none."""
    sigma: float = 0.35
    """Standard deviation of the service time's logarithm; 0 makes the delay constant."""
    floor_s: float = 0.3
    way_share: float = 1.0
    """Share of the measured one-way time that counts; 0 for a delay that does not depend on the regions."""

    def __post_init__(self) -> None:
        for name in ("median_s", "sigma", "floor_s", "way_share"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"replication delay: {name} = {value}: must be finite and at least 0")

    @classmethod
    def constant(cls, seconds: float) -> ReplicationDelay:
        """Every write takes exactly so long, whatever the regions."""
        return cls(median_s=seconds, sigma=0, floor_s=0, way_share=0)

    def sample_s(self, origin: RegionName, destination: RegionName, random_source: random.Random) -> float:
        """One delay in seconds; draws exactly one number, so that seeds stay comparable when parameters change."""
        service_s = self.median_s * math.exp(self.sigma * random_source.gauss(0.0, 1.0))
        return max(self.floor_s, self.way_share * one_way_s(origin, destination) + service_s)
