"""The latency matrix: a row for each region written in, a column for each region that shows it, limits beside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from harness.checkers.replication import CloudWatchLatency, PairLatency, Quantile, subject
from harness.findings import Finding, Verdict
from harness.report.words import count, listed, number, seconds
from harness.stack import RegionName

REPLICATED = "replication-latency"
STEPS_S = (0.5, 1.0, 2.0, 5.0)
"""Upper ends of the colours; one more colour is for what is later. Fixed, so that runs can be compared at a glance."""


class QuantileLine(msgspec.Struct, frozen=True):
    what: str
    estimate: str
    between: str
    """Where the truth lies with 95 % confidence."""
    limit: str
    verdict: Verdict | None
    """Where something was claimed of it."""


class LatencyCell(msgspec.Struct, frozen=True, kw_only=True):
    """One ordered pair."""

    looks: str
    """CSS class of the colour; its number is in the cell too, so nobody needs the colour."""
    lines: tuple[QuantileLine, ...]
    samples: str
    doubts: tuple[str, ...]
    """Why not every write is in the numbers."""
    cloudwatch: str


class LatencyMatrix(msgspec.Struct, frozen=True, kw_only=True):
    regions: tuple[RegionName, ...]
    cells: dict[tuple[RegionName, RegionName], LatencyCell]
    cost: str
    """What polling leaves open."""

    def cell(self, source: RegionName, receiving: RegionName) -> LatencyCell | None:
        return self.cells.get((source, receiving))


def latency_matrix(
    regions: Sequence[RegionName], pairs: Sequence[PairLatency], findings: Sequence[Finding]
) -> LatencyMatrix | None:
    """None when no write could be timed anywhere."""
    if not any(pair.samples for pair in pairs):
        return None
    return LatencyMatrix(
        regions=tuple(regions),
        cells={(pair.source, pair.receiving): _cell(pair, _about(pair, findings)) for pair in pairs},
        cost=_cost(pairs),
    )


def legend() -> list[tuple[str, str]]:
    """CSS class and meaning of each colour."""
    ends = [f"{step_s:g}" for step_s in STEPS_S]
    words = [f"up to {ends[0]} s", *(f"to {end} s" for end in ends[1:]), f"above {ends[-1]} s"]
    return [(f"late{step}", told) for step, told in enumerate(words)]


def spoken(found: Quantile) -> str:
    """ "0.84 s"; "not seen in time" when the quantile is a write that nobody saw."""
    return f"{seconds(found.estimate_s)} s" if math.isfinite(found.estimate_s) else "not seen in time"


def _about(pair: PairLatency, findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.checker == REPLICATED and finding.subject == subject(pair)]


def _cell(pair: PairLatency, findings: Sequence[Finding]) -> LatencyCell:
    told = (("p50", pair.p50), ("p95", pair.p95), ("p99", pair.p99), ("max", pair.max))
    return LatencyCell(
        looks=_looks(pair.p95),
        lines=tuple(_line(what, found, findings) for what, found in told if found),
        samples=count(pair.samples, "write") if pair.samples else "no write could be timed",
        doubts=tuple(_doubts(pair)),
        cloudwatch=_cloudwatch(pair.cloudwatch),
    )


def _looks(p95: Quantile | None) -> str:
    if p95 is None:
        return ""
    return f"late{sum(p95.estimate_s > step_s for step_s in STEPS_S)}"


def _line(what: str, found: Quantile, findings: Sequence[Finding]) -> QuantileLine:
    # The claim begins with the share: "95% of the writes in ...".
    mine = next((one for one in findings if one.claim.startswith(f"{found.share:.0%} of ")), None)
    limit = f"limit {number(mine.limit, 's')}" if mine and mine.limit is not None else ""
    return QuantileLine(what, spoken(found), _between(found), limit, mine.verdict if mine else None)


def _between(found: Quantile) -> str:
    if math.isinf(found.high_s):
        return f"{seconds(found.low_s)} or more"
    return f"{seconds(found.low_s)} to {seconds(found.high_s)}"


def _doubts(pair: PairLatency) -> Iterator[str]:
    if pair.unseen:
        yield f"{len(pair.unseen):,} never seen there"
    if left_out := pair.unwatched + pair.late:
        yield f"{left_out:,} not watched for long enough, left out"
    if pair.throttled_reads or pair.throttled_writes:
        yield f"throttled: {pair.throttled_reads:,} reads, {pair.throttled_writes:,} writes"
    if failed := pair.failed_reads - pair.throttled_reads:
        yield f"{count(failed, 'read')} failed"


def _cloudwatch(metric: CloudWatchLatency | None) -> str:
    if metric is None:
        return "CloudWatch: no data"
    least, most = seconds(metric.minimum_s), seconds(metric.maximum_s)
    return f"CloudWatch: {seconds(metric.average_s)} s on average ({least} to {most})"


def _cost(pairs: Sequence[PairLatency]) -> str:
    open_s = [pair.resolution_s for pair in pairs if pair.resolution_s is not None]
    reads_s = [pair.read_s for pair in pairs if pair.read_s is not None]
    told = [
        *([f"polling leaves {_ms(max(open_s))} of each latency open"] if open_s else []),
        *([f"one look takes {_ms(max(reads_s))}"] if reads_s else []),
    ]
    words = listed(told)
    return f"{words[0].upper()}{words[1:]}; nothing is subtracted for it." if told else ""


def _ms(value_s: float) -> str:
    return f"{value_s * 1000:.0f} ms"
