"""Replication latency per ordered pair of regions, from acknowledged writes of cold keys and the looks at them.

A write took effect in its own region at some time from its call to its reply, and became visible elsewhere after the
last look that lacked it began and before the first look that showed it (or a later one of the same region) ended. So

    last_miss.start - write.end  <  latency  <=  first_hit.end - write.start

and not below 0. Nothing tighter is surely true: a look shows the item as it was at some time between its own start and
end. What polling costs (a poll's own duration, and the pause between polls) is in that width; it is not subtracted,
but stated as `resolution_s`. A write that no look showed by the end is right-censored: its upper bound is infinite.

Only cold keys count, those written in one region: there the order of writes is known, and none is overwritten by
another region before it was seen.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import msgspec

from harness.checkers.replication.quantiles import Bounds, Quantile
from harness.checkers.replication.turnbull import Distribution, Interval, estimate
from harness.checkers.statistics import quantile
from harness.checkers.timeline import fault_windows
from harness.checkers.versions import Arrival, Items, Write, is_throttled, items_of
from harness.events import ExperimentEvent, ItemRead, ItemWrite, Outcome, ReplicationMetric, Way
from harness.history import History
from harness.stack import RegionName

SETTLE_S = 5.0
"""Writes of the last so many seconds before a fault, or before the last look, are left out when one of them was not
seen in time: they were not looked at for long enough, and to keep only those that were seen favours the quick ones."""

CDF_POINTS = 200


class CdfPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the writes that took no longer: surely (their upper bound), as estimated, possibly (their lower)."""

    latency_s: float
    surely: float
    estimate: float
    possibly: float


class CloudWatchLatency(msgspec.Struct, frozen=True, kw_only=True):
    """AWS's own metric over the same stretch: ReplicationLatency, as the source region published it."""

    average_s: float
    minimum_s: float
    maximum_s: float
    samples: float


class PairLatency(msgspec.Struct, frozen=True, kw_only=True):
    """How late one region is with another's writes."""

    way: Way | None
    """Of the writes and of the looks; None: however they were made."""
    source: RegionName
    receiving: RegionName
    samples: int
    """Acknowledged writes with a latency, those included that were not seen by the end."""
    unseen: tuple[int, ...]
    """Indexes of the writes that no look showed by the end: right-censored, and in the quantiles as such."""
    unwatched: int
    """Writes that no look could tell of, deletes of what was not there among them: left out."""
    late: int
    """Writes too short before a fault, or before the last look while some of them were not seen: left out."""
    p50: Quantile | None
    p95: Quantile | None
    p99: Quantile | None
    max: Quantile | None
    """All four None without samples."""
    cdf: tuple[CdfPoint, ...]
    resolution_s: float | None
    """Median width of the intervals: what polling, and the calls' own durations, leave open."""
    read_s: float | None
    """Median duration of a look in the receiving region: a poll's own cost."""
    write_s: float | None
    """Median duration of a write in the source region."""
    reads: int
    """Attempts in the receiving region, all keys; of them `failed_reads` got no answer, `throttled_reads` for rate."""
    failed_reads: int
    throttled_reads: int
    writes: int
    """Attempts in the source region, all keys; of them `failed_writes` were refused, `throttled_writes` for rate."""
    failed_writes: int
    unknown_writes: int
    throttled_writes: int
    cloudwatch: CloudWatchLatency | None

    @property
    def quantiles(self) -> tuple[Quantile, ...]:
        return tuple(found for found in (self.p50, self.p95, self.p99, self.max) if found)

    @property
    def throttled_share(self) -> float:
        attempts = self.reads + self.writes
        return (self.throttled_reads + self.throttled_writes) / attempts if attempts else 0.0


def replication_latencies(
    history: History, experiment: ExperimentEvent, *, way: Way | None = None, settle_s: float = SETTLE_S
) -> tuple[PairLatency, ...]:
    """One for each ordered pair of the stack's regions, from the writes of the experiment before its first fault.

    `way`: only of writes made, and looked for, in this way.

    Raises:
        InvalidHistory: two writes carry the same value.
    """
    items, regions = items_of(history), history.header.stack.region_names
    broken = bool(fault_windows(history, experiment))
    until_s = experiment.steady_until_s if broken else experiment.end_s
    stretch = _Stretch(items, experiment.start_s, until_s, broken=broken, way=way)
    metrics = [one for one in history.of(ReplicationMetric) if experiment.start_s <= one.start_s <= until_s]
    return tuple(
        _pair(stretch, source, receiving, metrics, settle_s)
        for source in regions
        for receiving in regions
        if receiving != source
    )


class _Stretch:
    """What was done and seen from one time to another, by region."""

    def __init__(self, items: Items, from_s: float, until_s: float, *, broken: bool, way: Way | None) -> None:
        self.items = items
        self.from_s, self.until_s, self.broken, self.way = from_s, until_s, broken, way
        self.reads = [read for _, read in items.reads if self.holds(read)]
        self.writes = [write for _, write in items.writes if self.holds(write)]

    def holds(self, event: ItemRead | ItemWrite) -> bool:
        return self.from_s <= event.start_s <= self.until_s and self.way in {None, event.way}


def _pair(
    stretch: _Stretch,
    source: RegionName,
    receiving: RegionName,
    metrics: list[ReplicationMetric],
    settle_s: float,
) -> PairLatency:
    reads = [read for read in stretch.reads if read.region == receiving]
    writes = [write for write in stretch.writes if write.region == source]
    looks = [read for read in reads if read.outcome is Outcome.OK]
    last_s = max((look.start_s for look in looks), default=stretch.from_s)
    timed = _timed(stretch, source, receiving, last_s - settle_s)
    intervals = [latency_interval(write, arrival) for write, arrival in timed.arrivals]
    distribution = estimate(intervals) if intervals else None
    bounds = Bounds(intervals, distribution) if distribution else None
    return PairLatency(
        way=stretch.way,
        source=source,
        receiving=receiving,
        samples=len(intervals),
        unseen=tuple(write.index for write, arrival in timed.arrivals if arrival.hit is None),
        unwatched=timed.unwatched,
        late=timed.late,
        p50=bounds.quantile(0.5) if bounds else None,
        p95=bounds.quantile(0.95) if bounds else None,
        p99=bounds.quantile(0.99) if bounds else None,
        max=bounds.largest() if bounds else None,
        cdf=_cdf(intervals, distribution) if distribution else (),
        resolution_s=_median(high - low for low, high in intervals if math.isfinite(high)),
        read_s=_median(look.end_s - look.start_s for look in looks),
        write_s=_median(write.end_s - write.start_s for write in writes if write.outcome is Outcome.OK),
        reads=len(reads),
        failed_reads=len(reads) - len(looks),
        throttled_reads=sum(map(is_throttled, reads)),
        writes=len(writes),
        failed_writes=sum(write.outcome is Outcome.FAIL for write in writes),
        unknown_writes=sum(write.outcome is Outcome.UNKNOWN for write in writes),
        throttled_writes=sum(map(is_throttled, writes)),
        cloudwatch=_cloudwatch(metrics, source, receiving),
    )


class _Timed(msgspec.Struct, frozen=True):
    """The cold writes of one region that can be timed in another."""

    arrivals: list[tuple[Write, Arrival]]
    unwatched: int
    late: int


def _timed(stretch: _Stretch, source: RegionName, receiving: RegionName, settled_s: float) -> _Timed:
    """Those up to `settled_s`, and those after it too when each of them was seen before anything was broken."""
    found: list[tuple[Write, Arrival | None]] = []
    idle = 0
    for key, write in stretch.items.acknowledged(source):
        if len(key.regions) > 1 or not stretch.holds(write.event):
            continue
        if key.is_idle(write):
            # The next write's arrival would show it too, but that says when the next one came.
            idle += 1
        else:
            looks = key.looks.get(receiving)
            found.append((write, looks.arrival(write) if looks else None))
    late = [arrival for write, arrival in found if write.event.start_s > settled_s]
    if not stretch.broken and all(arrival and arrival.hit for arrival in late):
        settled_s = stretch.until_s
    watched = [(write, arrival) for write, arrival in found if arrival]
    timed = [(write, arrival) for write, arrival in watched if write.event.start_s <= settled_s]
    return _Timed(timed, unwatched=idle + len(found) - len(watched), late=len(watched) - len(timed))


def latency_interval(write: Write, arrival: Arrival) -> Interval:
    """The tightest bounds that are surely true: see the top of this module."""
    return max(0.0, arrival.after_s - write.event.end_s), max(0.0, arrival.by_s - write.event.start_s)


def _cdf(intervals: list[Interval], distribution: Distribution) -> tuple[CdfPoint, ...]:
    """At evenly spread ranks of all bounds, so that the steep parts have most of the points."""
    lows, highs = sorted(low for low, _ in intervals), sorted(high for _, high in intervals)
    at_s = sorted({bound for bound in lows + highs if math.isfinite(bound)})
    step = max(1, math.ceil(len(at_s) / CDF_POINTS))
    chosen = sorted({*at_s[::step], at_s[-1]})
    return tuple(
        CdfPoint(
            latency_s=latency_s,
            surely=_share_within(highs, latency_s),
            estimate=distribution.share_within(latency_s),
            possibly=_share_within(lows, latency_s),
        )
        for latency_s in chosen
    )


def _share_within(ordered: list[float], value: float) -> float:
    return bisect_right(ordered, value) / len(ordered)


def _cloudwatch(
    metrics: Iterable[ReplicationMetric], source: RegionName, receiving: RegionName
) -> CloudWatchLatency | None:
    found = [one for one in metrics if (one.region, one.receiving_region) == (source, receiving) and one.samples > 0]
    if not found:
        return None
    samples = sum(one.samples for one in found)
    return CloudWatchLatency(
        average_s=sum(one.average_ms * one.samples for one in found) / samples / 1000,
        minimum_s=min(one.minimum_ms for one in found) / 1000,
        maximum_s=max(one.maximum_ms for one in found) / 1000,
        samples=samples,
    )


def _median(values: Iterator[float]) -> float | None:
    found = list(values)
    return quantile(found, 0.5) if found else None
