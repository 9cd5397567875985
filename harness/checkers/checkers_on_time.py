"""Whether Route 53's checkers looked as often as they were configured to: late ones make every failover late.

A busy lab, or a bad day of AWS's, stretches the checkers' interval. What is measured from then on says nothing about
the stack: a limit that it missed by no more than the checkers slipped is in doubt, not broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.checkers.limits import Allowances
from harness.checkers.statistics import quantile
from harness.checkers.timeline import fault_windows
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName, Stack

CHECKER = "checkers-on-time"

SHARE = 0.9
"""Of the checkers: the quorum falls with the 14th of 16."""

TIMED = frozenset(
    {
        "time-to-detect",
        "time-until-dns-changed",
        "time-to-recover",
        "failback-detect",
        "failback-dns",
        "failback",
        "detection-as-documented",
        "no-stragglers",
    }
)
"""Checkers of which a limit is made from the checkers' interval. Findings of theirs without a limit are not excused."""
FOLLOWING = frozenset({"flaps-in-dns", "flap-period"})
"""Findings on whether the checkers noticed in time at all: late ones explain that they did not, by whatever number."""


class CheckersOnTime(msgspec.Struct, frozen=True, kw_only=True, tag="checkers-on-time"):
    """Nine of ten looks of the checkers came within the interval, the time of a response and a share of the margin.

    Never FAIL: it is not the stack's fault. `judge()` turns failures that it explains into UNKNOWN, and where there are
    none, it passes.
    """

    allowances: Allowances = Allowances()
    at_least_looks: int = 32

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stack = history.header.stack
        broken = {region for window in fault_windows(history, experiment) for region in window.regions}
        regions = [region for region in stack.region_names if region in broken or not broken]
        return [self._judge(history, experiment, region) for region in regions]

    def _judge(self, history: History, experiment: ExperimentEvent, region: RegionName) -> Finding:
        stack = history.header.stack
        claim = f"Route 53's checkers looked at {region} as often as they should"
        stretches = [list(_periods_s(history, region, *span_s)) for span_s in _spans_s(history, experiment, region)]
        enough = [periods_s for periods_s in stretches if len(periods_s) >= self.at_least_looks]
        samples = sum(map(len, stretches))
        if not enough:
            why = f"{samples} looks of the checkers are too few, at least {self.at_least_looks} in a row are needed"
            return Finding.unknown(CHECKER, claim, why, subject=region, samples=samples)
        period_s = max(quantile(periods_s, SHARE) for periods_s in enough)
        due_s = stack.health_check_interval_s + self.allowances.response_s
        limit_s = due_s + self.allowances.margin_s / stack.failure_threshold
        told = (
            f"every {period_s:.1f} s (nine of ten at most) instead of every {stack.health_check_interval_s:g} s; limit"
            f" {limit_s:.1f} s = interval + {self.allowances.response_s:g} s response +"
            f" {self.allowances.margin_s:g} s margin / {stack.failure_threshold} looks"
        )
        found = Finding.at_most(
            CHECKER,
            claim,
            measured=period_s,
            limit=limit_s,
            unit="s",
            explanation=told,
            samples=samples,
            subject=region,
        )
        if found.verdict is Verdict.PASS:
            return found
        slipped = f"{told}; the checkers slipped, not the stack"
        return msgspec.structs.replace(found, verdict=Verdict.UNKNOWN, explanation=slipped)


def doubted(findings: Sequence[Finding], stack: Stack) -> list[Finding]:
    """The findings, with every missed time limit that the checkers' slip explains turned into UNKNOWN.

    Where every limit was kept all the same, late checkers put nothing in doubt: they make failovers later, not sooner.
    """
    late = [found for found in findings if _slipped(found)]
    if not late:
        return list(findings)
    if all(finding.verdict is Verdict.PASS for finding in findings if finding.checker in TIMED | FOLLOWING):
        return [_harmless(finding) if _slipped(finding) else finding for finding in findings]
    worst = max(late, key=lambda found: found.measured or 0.0)
    slip_s = stack.failure_threshold * ((worst.measured or 0.0) - stack.health_check_interval_s)
    return [_doubted(finding, worst, slip_s) if _is_explained(finding, slip_s) else finding for finding in findings]


def _harmless(late: Finding) -> Finding:
    told = f"{late.explanation}, but every limit was kept all the same"
    return msgspec.structs.replace(late, verdict=Verdict.PASS, limit=None, explanation=told)


def _slipped(found: Finding) -> bool:
    return found.checker == CHECKER and found.verdict is Verdict.UNKNOWN and found.measured is not None


def _is_explained(finding: Finding, slip_s: float) -> bool:
    """Even the latest time that it may have taken missed the limit by no more than the checkers slipped."""
    if finding.verdict is not Verdict.FAIL:
        return False
    if finding.checker not in TIMED:
        return finding.checker in FOLLOWING
    return finding.measured is not None and finding.limit is not None and finding.measured - finding.limit <= slip_s


def _doubted(finding: Finding, worst: Finding, slip_s: float) -> Finding:
    told = (
        f"{finding.explanation}; in doubt: the checkers looked every {worst.measured:.1f} s,"
        f" which explains {slip_s:.1f} s of it"
    )
    return msgspec.structs.replace(finding, verdict=Verdict.UNKNOWN, explanation=told)


def _spans_s(history: History, experiment: ExperimentEvent, region: RegionName) -> Iterator[tuple[float, float]]:
    """While the checkers were to notice that the region broke, and that it was mended; all of it without a fault."""
    windows = [window for window in fault_windows(history, experiment) if region in window.regions]
    if not windows:
        yield experiment.start_s, experiment.end_s
    for window in windows:
        yield window.injected_s, window.rolling_back_s
        if window.undoing_s is not None:
            yield window.undoing_s, window.until_s


def _periods_s(history: History, region: RegionName, from_s: float, until_s: float) -> Iterator[float]:
    """What the polls of the stretch told; a poll that came late may have missed a look and says nothing."""
    interval_s = history.header.stack.health_check_interval_s
    polls = tracks_of(history).health[region]
    before = polls.last_before(from_s, lambda poll: poll.healthy is not None)
    last_s = before[1].start_s if before else None
    for _, poll in polls.between(from_s, until_s):
        if last_s is not None and poll.start_s - last_s <= interval_s / 2:
            yield from poll.probe_periods_s
        last_s = poll.start_s if poll.healthy is not None else last_s
