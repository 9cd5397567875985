"""The documented rules of Route 53 health checks, and the times that follow from them."""

from __future__ import annotations

import statistics
from random import Random

import pytest

from harness.models.health import (
    CheckerState,
    DelayedStatus,
    HealthCheck,
    HealthCheckType,
    calculated_status,
    endpoint_status,
    first_probe_s,
    is_quorum_healthy,
    next_probe_s,
    simulate_detection,
    simulate_recovery,
)


def check(**changes: object) -> HealthCheck:
    return HealthCheck(health_check_id="hc", type=HealthCheckType.HTTPS, **changes)  # type: ignore[arg-type]


def calculated(**changes: object) -> HealthCheck:
    return HealthCheck(health_check_id="hc", type=HealthCheckType.CALCULATED, **changes)  # type: ignore[arg-type]


def mean_and_spread(times_s: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(times_s, n=20)
    return statistics.fmean(times_s), cuts[0], cuts[-1]


def test_a_checker_flips_at_the_third_failure_in_a_row():
    state = CheckerState()

    assert [state.observe(False, 3) for _ in range(3)] == [False, False, True]
    assert not state.healthy


def test_one_success_makes_a_checker_count_its_failures_anew():
    state = CheckerState()
    for success in (False, False, True, False, False):
        state.observe(success, 3)

    assert state.healthy


def test_a_checker_recovers_by_the_same_threshold():
    state = CheckerState(healthy=False)

    assert [state.observe(True, 3) for _ in range(3)] == [False, False, True]
    assert state.healthy


def test_the_interval_runs_from_the_response_to_the_next_request():
    assert next_probe_s(104.0, 30.0) == 134.0


def test_checkers_start_anywhere_within_one_interval_and_the_same_seed_starts_them_alike():
    starts = [first_probe_s(100, 30, Random(seed)) for seed in range(200)]

    assert 100 <= min(starts) < 101
    assert 129 < max(starts) <= 130
    assert starts == [first_probe_s(100, 30, Random(seed)) for seed in range(200)]


@pytest.mark.parametrize(
    ("healthy", "total", "expected"),
    [(3, 16, True), (2, 16, False), (9, 50, False), (10, 50, True), (0, 16, False), (1, 1, True), (0, 0, True)],
)
def test_a_check_is_healthy_while_more_than_18_percent_of_its_checkers_say_so(healthy, total, expected):
    """18 % of 16 is 2.88: three are enough, two are not. 9 of 50 are exactly 18 %, which is not more."""
    assert is_quorum_healthy(healthy, total) is expected


@pytest.mark.parametrize(
    ("inverted", "disabled", "healthy_checkers", "expected"),
    [
        (False, False, 16, True),
        (False, False, 0, False),
        (True, False, 16, False),
        (True, False, 0, True),
        (False, True, 0, True),
        (True, True, 0, False),
    ],
)
def test_inverted_flips_the_status_and_disabled_counts_as_healthy_before_it_is_flipped(
    inverted, disabled, healthy_checkers, expected
):
    assert endpoint_status(check(inverted=inverted, disabled=disabled), healthy_checkers, 16) is expected


@pytest.mark.parametrize(("inverted", "expected"), [(False, True), (True, False)])
def test_without_data_a_check_is_healthy_and_an_inverted_one_unhealthy(inverted, expected):
    assert endpoint_status(check(inverted=inverted), 0, 0) is expected


@pytest.mark.parametrize(
    ("threshold", "children", "expected"),
    [
        (2, [True, True, False], True),
        (2, [True, False, False], False),
        (0, [False, False], True),
        (3, [True, True], False),
    ],
)
def test_a_calculated_check_counts_its_healthy_children(threshold, children, expected):
    assert calculated_status(calculated(health_threshold=threshold), children) is expected


def test_a_disabled_child_counts_as_healthy():
    disabled_child = endpoint_status(check(disabled=True), 0, 16)

    assert calculated_status(calculated(health_threshold=1), [disabled_child])


def test_a_calculated_check_can_be_inverted():
    assert not calculated_status(calculated(health_threshold=1, inverted=True), [True])


def test_dns_learns_of_a_change_between_one_and_ten_seconds_later():
    delays = [DelayedStatus(True, Random(seed)).change(False, 100.0) - 100.0 for seed in range(300)]

    assert 1.0 <= min(delays) < 1.5
    assert 9.5 < max(delays) <= 10.0


def test_dns_believes_the_old_status_until_the_change_arrives():
    view = DelayedStatus(True, Random(1), (5.0, 5.0))
    view.change(False, 100.0)

    assert (view.deliver(104.9), view.healthy) == (False, True)
    assert (view.deliver(105.0), view.healthy) == (True, False)


def test_a_later_change_never_overtakes_an_earlier_one():
    for seed in range(100):
        view = DelayedStatus(True, Random(seed))
        earlier_s, later_s = view.change(False, 100.0), view.change(True, 101.0)
        view.deliver(1000.0)

        assert earlier_s <= later_s
        assert view.healthy


@pytest.mark.parametrize(
    ("interval_s", "threshold", "expected"),
    [
        (10, 1, (8.4, 6.7, 9.7)),
        (10, 2, (18.5, 16.8, 19.8)),
        (10, 3, (28.6, 26.9, 29.9)),
        (30, 1, (24.9, 19.7, 28.6)),
        (30, 2, (55.0, 49.8, 58.7)),
        (30, 3, (85.1, 79.9, 88.8)),
    ],
)
def test_detection_of_a_fast_failure_takes_as_long_as_the_rules_imply(interval_s, threshold, expected):
    """Mean, p5, p95. 14 of 16 must flip: the 14th of 16 uniform phases, 14/17 x 30.1 s, plus two more periods."""
    times_s = simulate_detection(interval_s=interval_s, threshold=threshold, seed=7, runs=2000)

    assert mean_and_spread(times_s) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("interval_s", "threshold", "expected"),
    [(10, 3, (40.3, 38.6, 41.6)), (30, 1, (28.8, 23.6, 32.5)), (30, 3, (96.8, 91.6, 100.5))],
)
def test_detection_of_a_black_hole_waits_for_a_timeout_at_every_probe(interval_s, threshold, expected):
    """The period grows by the connect timeout: (30 + 4) s instead of (30 + 0.1) s."""
    times_s = simulate_detection(interval_s=interval_s, threshold=threshold, seed=7, runs=2000, fail="black-hole")

    assert mean_and_spread(times_s) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("interval_s", "threshold", "expected"),
    [
        (10, 1, (1.9, 0.7, 3.6)),
        (10, 3, (22.1, 20.9, 23.8)),
        (30, 2, (35.5, 31.9, 40.6)),
        (30, 3, (65.6, 62.0, 70.7)),
    ],
)
def test_recovery_is_faster_than_detection_because_three_checkers_suffice(interval_s, threshold, expected):
    """The 3rd of 16 uniform phases, 3/17 x 30.1 s, plus two more periods."""
    times_s = simulate_recovery(interval_s=interval_s, threshold=threshold, seed=7, runs=2000)

    assert mean_and_spread(times_s) == pytest.approx(expected, abs=0.5)


def test_24_checkers_detect_within_a_second_of_what_16_do():
    means = [
        statistics.fmean(simulate_detection(interval_s=30, threshold=3, checkers=checkers, seed=7, runs=1000))
        for checkers in (16, 24)
    ]

    assert means[0] == pytest.approx(means[1], abs=1.0)


def test_the_same_seed_gives_the_same_times():
    first, second = (simulate_detection(interval_s=10, threshold=3, seed=3, runs=20) for _ in range(2))

    assert first == second
