"""Whether writes reach the other regions in time, judged on quantiles that carry their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from harness.checkers.replication.pairs import PairLatency, replication_latencies
from harness.checkers.replication.quantiles import Quantile
from harness.checkers.statistics import samples_needed
from harness.errors import InvalidPlan
from harness.events import ExperimentEvent, Way
from harness.findings import Finding, Verdict
from harness.history import History

CHECKER = "replication-latency"
NAMED = 20
"""Writes that a finding points at; the explanation has their number."""


class ReplicatedInTime(msgspec.Struct, frozen=True, kw_only=True, tag="replicated-in-time"):
    """For each ordered pair of regions, quantiles of the latency of acknowledged writes are within limits.

    PASS when the whole confidence interval is within the limit, FAIL when none of it is, UNKNOWN in between, and with
    too few writes. Defaults limit p95 alone: a p99 takes 368 writes for each pair to bound it at all.
    """

    p50_at_most_s: float | None = None
    p95_at_most_s: float | None = 5.0
    p99_at_most_s: float | None = None
    at_least_samples: int = 100
    way: Way | None = None
    """Of the writes that count, and of the looks at them; None: however they were made."""
    at_most_throttled_share: float = 0.01
    """Of reads and writes; with more, throttling was measured rather than replication, and nothing passes."""

    def __post_init__(self) -> None:
        if not self._limits():
            raise InvalidPlan("replicated-in-time has no limit: give p50_at_most_s, p95_at_most_s or p99_at_most_s")

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        pairs = replication_latencies(history, experiment, way=self.way)
        if not pairs:
            why = f"the stack is in {history.header.stack.main_region} alone: there is nowhere to replicate to"
            return [Finding.unknown(CHECKER, "Writes reach the other regions in time", why)]
        return [finding for pair in pairs for finding in self._judge_pair(pair)]

    def _limits(self) -> list[tuple[float, float]]:
        limits = ((0.5, self.p50_at_most_s), (0.95, self.p95_at_most_s), (0.99, self.p99_at_most_s))
        return [(share, limit_s) for share, limit_s in limits if limit_s is not None]

    def _judge_pair(self, pair: PairLatency) -> Iterator[Finding]:
        for share, limit_s in self._limits():
            made = " through the application" if self.way is Way.HTTPS else ""
            claim = f"{share:.0%} of the writes{made} in {pair.source} were in {pair.receiving} within {limit_s:g} s"
            found = next((one for one in pair.quantiles if one.share == share), None)
            if found is None or pair.samples < self.at_least_samples:
                yield Finding.unknown(
                    CHECKER, claim, self._too_few(pair, share), subject=subject(pair), samples=pair.samples
                )
            else:
                yield self._judge_quantile(pair, claim, found, limit_s)

    def _too_few(self, pair: PairLatency, share: float) -> str:
        needed = max(self.at_least_samples, samples_needed(share))
        why = f"{pair.samples} writes could be timed, {needed - pair.samples} more are needed"
        if not pair.samples and pair.writes and not pair.reads:
            why += f"; nobody read in {pair.receiving}"
        return "; ".join([why, *_left_out(pair)])

    def _judge_quantile(self, pair: PairLatency, claim: str, found: Quantile, limit_s: float) -> Finding:
        known = math.isfinite(found.high_s)
        verdict = verdict_on(found, limit_s)
        told = [f"p{found.share * 100:g} = {describe(found)} of {pair.samples} writes", *self._doubts(pair, found)]
        if verdict is Verdict.PASS and pair.throttled_share > self.at_most_throttled_share:
            verdict = Verdict.UNKNOWN
            told.append(
                f"more than {self.at_most_throttled_share:.1%} of all calls were throttled, so it proves little"
            )
        return Finding(
            checker=CHECKER,
            claim=claim,
            verdict=verdict,
            explanation="; ".join([*told, *_left_out(pair), *_cost(pair)]),
            measured=found.high_s if known else None,
            limit=limit_s,
            unit="s",
            uncertainty=found.high_s - found.low_s if known else None,
            samples=pair.samples,
            subject=subject(pair),
            evidence=pair.unseen[:NAMED],
        )

    def _doubts(self, pair: PairLatency, found: Quantile) -> Iterator[str]:
        needed = samples_needed(found.share)
        if pair.unseen and len(pair.unseen) == pair.samples:
            yield f"none of the writes was ever seen in {pair.receiving}: is the table global, with a replica there?"
        elif pair.unseen:
            yield f"{len(pair.unseen)} writes were not seen by the end, and count as later than the last look"
        if pair.samples < needed:
            yield f"{needed - pair.samples} more writes are needed to bound it"


def verdict_on(found: Quantile, limit_s: float) -> Verdict:
    if found.high_s <= limit_s:
        return Verdict.PASS
    return Verdict.FAIL if found.low_s > limit_s else Verdict.UNKNOWN


def describe(found: Quantile) -> str:
    """The estimate with its 95 % interval, in seconds."""
    if math.isinf(found.estimate_s):
        return f"more than {found.low_s:.3f} s"
    upper = f"to {found.high_s:.3f} s" if math.isfinite(found.high_s) else "s upwards"
    return f"{found.estimate_s:.3f} s (95 %: {found.low_s:.3f} {upper})"


def _left_out(pair: PairLatency) -> Iterator[str]:
    """What is not in the numbers, so that nothing is lost silently."""
    if pair.unwatched:
        yield f"{pair.unwatched} writes were not watched"
    if pair.late:
        yield f"{pair.late} writes came too late to be watched for long enough"
    if pair.throttled_reads or pair.throttled_writes:
        of_reads = f"{pair.throttled_reads} of {pair.reads} reads"
        yield f"throttled: {of_reads}, {pair.throttled_writes} of {pair.writes} writes"
    if pair.failed_reads > pair.throttled_reads:
        yield f"{pair.failed_reads - pair.throttled_reads} of {pair.reads} reads failed otherwise"
    if pair.unknown_writes:
        yield f"{pair.unknown_writes} writes got no reply"


def _cost(pair: PairLatency) -> Iterator[str]:
    if pair.resolution_s is not None and pair.read_s is not None:
        yield f"polling leaves {pair.resolution_s * 1000:.1f} ms open (one poll takes {pair.read_s * 1000:.1f} ms)"


def subject(pair: PairLatency) -> str:
    """ "us-east-1 → eu-west-1", and the way when it is not the usual one."""
    return f"{pair.source} → {pair.receiving}{' by HTTPS' if pair.way is Way.HTTPS else ''}"
