"""How long requests took, from each place to each region that served it. Facts for the page; nothing is judged."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from harness.checkers.statistics import quantile
from harness.checkers.tracks import tracks_of
from harness.events import HttpReply, Outcome, VantageName
from harness.history import History
from harness.stack import RegionName

P95_NEEDS = 20
"""Below so many samples the p95 would be the slowest one by another name."""


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    p50_s: float
    p95_s: float | None
    """None below `P95_NEEDS` samples."""
    samples: int


class OriginLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Good requests of one vantage that one region served, in stack seconds."""

    vantage: VantageName
    region: RegionName
    first_byte: Quantiles | None
    """From the start of the look, resolving and connecting included, to the reply's first byte."""
    total: Quantiles
    """To its last."""


def origin_latencies(
    history: History, *, from_s: float = float("-inf"), until_s: float = float("inf")
) -> list[OriginLatency]:
    """Of requests that start in [from_s, until_s), in order of vantage and region."""
    tracks = tracks_of(history)
    rows = []
    for vantage in tracks.vantages:
        served: defaultdict[RegionName, list[HttpReply]] = defaultdict(list)
        for _, reply in tracks.https[vantage].between(from_s, until_s):
            if reply.outcome is Outcome.OK and reply.region is not None:
                served[reply.region].append(reply)
        rows += [_row(vantage, region, served[region]) for region in sorted(served)]
    return rows


def _row(vantage: VantageName, region: RegionName, replies: list[HttpReply]) -> OriginLatency:
    firsts_s = [first_s for reply in replies if (first_s := _until_first_byte_s(reply)) is not None]
    return OriginLatency(
        vantage=vantage,
        region=region,
        first_byte=_quantiles(firsts_s) if firsts_s else None,
        total=_quantiles([reply.end_s - reply.start_s for reply in replies]),
    )


def _until_first_byte_s(reply: HttpReply) -> float | None:
    """None when the reply does not tell; what was not done, such as resolving what is cached, took no time."""
    if reply.first_byte_s is None:
        return None
    return sum(part_s or 0.0 for part_s in (reply.dns_s, reply.connect_s, reply.tls_s, reply.first_byte_s))


def _quantiles(values_s: list[float]) -> Quantiles:
    enough = len(values_s) >= P95_NEEDS
    return Quantiles(
        p50_s=quantile(values_s, 0.5), p95_s=quantile(values_s, 0.95) if enough else None, samples=len(values_s)
    )
