"""Whether Route 53 noticed an outage when its documented rules say it would: not later, and not sooner either.

A checker counts its interval from the last response. One that is refused has its answer at once; one that gets none
waits for its timeout (4 s to connect), so each failure that the threshold asks for takes that much longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from harness.checkers.moments import Moment, describe
from harness.checkers.per_fault import for_each_fault
from harness.checkers.statistics import binomial_tail
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName, Stack

CHECKER = "detection-as-documented"

HEALTHY_SHARE = 0.18
"""More than this share of the checkers must call an endpoint healthy (Route 53 Developer Guide)."""
UNLIKELY = 1e-3
"""A detection outside the bounds would be seen once in so many, if the rules held: 0.1 %, on either side."""


class DetectedAsDocumented(msgspec.Struct, frozen=True, kw_only=True, tag="detected-as-documented"):
    """From the end of the injecting call until the quorum called the region sick, between two documented bounds."""

    region: RegionName
    response_s: float
    """How long a checker waits before it knows that one look failed: 0 refused, 4 no answer to a connection."""
    late_s: float = 10.0
    """How much later than it happened a poll may show it."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        how = "at once" if not self.response_s else f"after {self.response_s:g} s each"
        claim = f"Route 53 noticed the outage of {self.region}, whose checkers fail {how}, when its rules say"
        polls = tracks_of(history).health[self.region]

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            checkers = max((poll.checkers_total for poll in polls.events), default=0)
            looks = len(polls.between(times.window.injected_s, times.window.rolling_back_s))
            if not checkers or not looks:
                yield Finding.unknown(CHECKER, claim, "no checker was seen to look", subject=self.region)
                return
            yield self._judged(claim, times.detected, times.window.injected_s, history.header.stack, checkers, looks)

        return for_each_fault(history, experiment, self.region, checker=CHECKER, claim=claim, judge=judge)

    def _judged(  # noqa: PLR0917
        self, claim: str, detected: Moment, from_s: float, stack: Stack, checkers: int, looks: int
    ) -> Finding:
        low_s, high_s = detection_bounds_s(stack, self.response_s, checkers)
        told = (
            f"{describe(detected, from_s)}; by the rules between {low_s:.1f} and {high_s:.1f} s for {checkers} "
            f"checkers ({stack.failure_threshold} failures × {stack.health_check_interval_s:g} s, {self.response_s:g} "
            f"s to know of each), and {self.late_s:g} s later at most until a poll shows it"
        )
        seen = detected.by_s is not None
        too_soon = seen and detected.by_s is not None and detected.by_s - from_s < low_s
        too_late = detected.after_s - from_s > high_s + self.late_s
        return Finding(
            checker=CHECKER,
            claim=claim,
            verdict=Verdict.FAIL if too_soon or too_late else Verdict.PASS if seen else Verdict.UNKNOWN,
            explanation=told,
            measured=None if detected.by_s is None else detected.by_s - from_s,
            limit=low_s if too_soon else high_s + self.late_s,
            unit="s",
            uncertainty=None if detected.by_s is None else detected.by_s - max(detected.after_s, from_s),
            samples=looks,
            subject=self.region,
            evidence=detected.evidence,
        )


def detection_bounds_s(stack: Stack, response_s: float, checkers: int) -> tuple[float, float]:
    """When enough checkers have failed often enough: earliest and latest, but for one case in a thousand each.

    Each checker's first failing look begins anywhere within an interval, independently of the others; the quorum
    flips with the look of the one by which no more than 18 % still call it healthy.
    """
    interval_s, threshold = stack.health_check_interval_s, stack.failure_threshold
    needed = checkers - math.floor(HEALTHY_SHARE * checkers)
    after_first_s = (threshold - 1) * (interval_s + response_s) + response_s
    low, high = (_when_enough(checkers, needed, share) for share in (UNLIKELY, 1 - UNLIKELY))
    return after_first_s + low * interval_s, after_first_s + high * interval_s


def _when_enough(checkers: int, needed: int, probability: float) -> float:
    """The share of an interval within which `needed` of `checkers` have begun, with this probability."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_tail(checkers, middle, needed) < probability else (low, middle)
    return low
