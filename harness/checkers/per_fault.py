"""What checkers of a fault share: which faults they speak of, and that an unproven fault proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from harness.checkers.limits import Limit
from harness.checkers.moments import Moment, describe, in_time, verdict_of
from harness.checkers.statistics import quantile
from harness.checkers.timeline import FailoverTimes, failover_times
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName


def for_each_fault(
    history: History,
    experiment: ExperimentEvent,
    region: RegionName,
    *,
    checker: str,
    claim: str,
    judge: Callable[[FailoverTimes], Iterator[Finding]],
) -> list[Finding]:
    """What `judge` says of each proven fault on `region`; UNKNOWN of an unproven one, or when there is none."""
    found = failover_times(history, experiment, region)
    if not found:
        return [Finding.unknown(checker, claim, f"no fault was injected in {region}", subject=region)]
    findings: list[Finding] = []
    for times in found:
        if times.window.proven:
            findings += judge(times)
        else:
            why = f"the fault {times.window.fault!r} was not proven to bite in {region}, so nothing follows from it"
            findings.append(Finding.unknown(checker, claim, why, subject=region))
    return findings


def all_in_time(
    checker: str,
    claim: str,
    moments: Sequence[tuple[VantageName, Moment]],
    *,
    from_s: float,
    limit: Limit,
    region: RegionName,
) -> Iterator[Finding]:
    """One finding on the slowest vantage, with the spread of all, and one for each vantage that was not in time."""
    verdicts = [(name, moment, verdict_of(moment, from_s, limit.at_most_s)) for name, moment in moments]
    by_severity = sorted(verdicts, key=lambda row: (row[2].severity, _by_s(row[1]), row[0]))
    if not by_severity:
        why = f"no vantage was on {region} when the fault began; watch from places near {region}"
        yield Finding.unknown(checker, claim, why, subject=region)
        return
    name, slowest, _ = by_severity[-1]
    overall = in_time(checker, claim, slowest, from_s=from_s, limit=limit, subject=region, samples=len(moments))
    told = f"{_spread(moments, from_s)}; slowest {name}: {describe(slowest, from_s)}; {limit.sentence}"
    yield msgspec.structs.replace(overall, explanation=told)
    for name, moment, verdict in verdicts:
        if verdict is not Verdict.PASS:
            yield in_time(checker, claim, moment, from_s=from_s, limit=limit, subject=name, samples=1)


def _spread(moments: Sequence[tuple[VantageName, Moment]], from_s: float) -> str:
    seen = [moment.by_s - from_s for _, moment in moments if moment.by_s is not None]
    count = f"{len(seen)} of {len(moments)} vantages"
    if not seen:
        return count
    return f"{count}: p50 {quantile(seen, 0.5):.1f} s, p95 {quantile(seen, 0.95):.1f} s, max {max(seen):.1f} s"


def _by_s(moment: Moment) -> float:
    return float("inf") if moment.by_s is None else moment.by_s
