"""Whether an outage was noticed when the rules say: sooner is as wrong as later."""

from __future__ import annotations

import random

import pytest
from builders import EU, Story, a_stack

from harness.checkers.detection import DetectedAsDocumented, detection_bounds_s
from harness.events import HealthObservation
from harness.findings import Finding, Verdict


def judged(*, detect_s: float, response_s: float = 0.0, proven: bool = True) -> Finding:
    history = Story(detect_s=detect_s, proven=proven).history()
    (finding,) = DetectedAsDocumented(region=EU, response_s=response_s).judge(history, history.experiment("e"))
    return finding


def simulated_s(interval_s: float, threshold: int, response_s: float, draw: random.Random) -> float:
    """16 checkers with phases of their own: when the 14th has failed `threshold` times."""
    failed = sorted(draw.uniform(0, interval_s) + response_s for _ in range(16))
    return failed[13] + (threshold - 1) * (interval_s + response_s)


@pytest.mark.parametrize("response_s", [0.0, 4.0])
@pytest.mark.parametrize(("interval_s", "threshold"), [(30, 3), (10, 3), (10, 1)])
def test_the_bounds_hold_what_checkers_of_independent_phases_do(
    interval_s: float, threshold: int, response_s: float
) -> None:
    """Seed 1, 20,000 outages: about one in a thousand beyond either bound, and the bounds are no wider than that."""
    draw = random.Random(1)
    low_s, high_s = detection_bounds_s(a_stack(interval_s=interval_s, threshold=threshold), response_s, 16)
    times_s = [simulated_s(interval_s, threshold, response_s, draw) for _ in range(20_000)]

    assert 5 <= sum(time_s < low_s for time_s in times_s) <= 40
    assert 5 <= sum(time_s > high_s for time_s in times_s) <= 40


def test_three_failures_in_thirty_seconds_each_are_noticed_between_74_and_90_s() -> None:
    """And a black hole 12 s later: three times the 4 s that a checker gives a connection."""
    stack = a_stack(interval_s=30, threshold=3)

    assert detection_bounds_s(stack, 0.0, 16) == pytest.approx((74.1, 89.6), abs=0.1)
    assert detection_bounds_s(stack, 4.0, 16) == pytest.approx((86.1, 101.6), abs=0.1)


def test_in_time_by_the_rules_passes() -> None:
    assert judged(detect_s=80).verdict is Verdict.PASS


def test_too_late_fails_with_the_bounds() -> None:
    """Seen 118 s after: 28 s after the latest that the rules allow."""
    finding = judged(detect_s=115)

    assert finding.verdict is Verdict.FAIL
    assert "between 74.1 and 89.6 s for 16 checkers" in finding.explanation


def test_too_soon_fails_too() -> None:
    """Planted: checkers that call a region sick after one failure of the three that are asked for."""
    assert judged(detect_s=20).verdict is Verdict.FAIL


def test_a_black_hole_that_is_noticed_as_soon_as_a_refusal_fails() -> None:
    """Planted: checkers that do not wait for their timeout. 80 s is right for a refusal, not for a black hole."""
    assert judged(detect_s=80, response_s=0.0).verdict is Verdict.PASS
    assert judged(detect_s=78, response_s=4.0).verdict is Verdict.FAIL


def test_what_was_never_noticed_fails() -> None:
    assert judged(detect_s=1000).verdict is Verdict.FAIL


def test_an_unproven_fault_proves_nothing() -> None:
    assert judged(detect_s=80, proven=False).verdict is Verdict.UNKNOWN


def test_without_polls_nothing_is_known() -> None:
    history = Story().history(without=HealthObservation)
    (finding,) = DetectedAsDocumented(region=EU, response_s=0.0).judge(history, history.experiment("e"))

    assert finding.verdict is Verdict.UNKNOWN
