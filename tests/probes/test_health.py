"""Health polls, against a Route 53 API on loopback, and the rule that makes one status of many checkers' words."""

from __future__ import annotations

import socket

import pytest

from harness.clock import VirtualClock
from harness.events import Outcome
from harness.probes.health import CheckSettings, HealthPoll, aggregate

FAILURE = "Failure: HTTP Status Code 503, Service Temporarily Unavailable."
SUCCESS = "Success: HTTP Status Code 200, OK."


@pytest.mark.parametrize(
    ("healthy", "total", "expected"),
    [(16, 16, True), (3, 16, True), (2, 16, False), (0, 16, False), (9, 50, False), (10, 50, True), (1, 5, True)],
)
def test_more_than_18_percent_of_the_checkers_make_a_check_healthy(healthy, total, expected):
    """3 of 16 are 18.75 %, 2 of 16 are 12.5 %; 9 of 50 are exactly 18 %, which is not more."""
    assert aggregate(healthy, total, CheckSettings()) is expected


@pytest.mark.parametrize("healthy", [0, 16])
def test_inverted_flips_the_status(healthy):
    assert aggregate(healthy, 16, CheckSettings(inverted=True)) is (healthy == 0)


def test_a_disabled_check_is_healthy_whatever_its_checkers_said_last():
    assert aggregate(0, 16, CheckSettings(disabled=True))
    assert not aggregate(16, 16, CheckSettings(disabled=True, inverted=True))


def test_a_check_without_data_is_healthy_until_there_is_some():
    assert aggregate(0, 0, CheckSettings())
    assert not aggregate(0, 0, CheckSettings(inverted=True))


@pytest.fixture
def poll(make_whole_target, two_region_stack):
    reader = HealthPoll(make_whole_target(), VirtualClock())
    return lambda: reader.look(two_region_stack.regions[0])


def test_a_poll_counts_the_checkers(poll, route53):
    route53.statuses = [SUCCESS] * 2 + [FAILURE] * 14

    seen = poll()

    assert (seen.outcome, seen.region, seen.health_check_id) == (Outcome.OK, "eu-west-1", "check-eu-west-1")
    assert (seen.checkers_healthy, seen.checkers_total, seen.healthy) == (2, 16, False)


def test_a_poll_applies_inverted(poll, route53):
    route53.inverted = True

    assert poll().healthy is False


def test_the_settings_are_read_once_a_minute(poll, route53):
    poll()
    poll()

    assert sum(path.endswith("/status") for path in route53.paths) == 2
    assert sum(not path.endswith("/status") for path in route53.paths) == 1


def test_changed_settings_are_seen_a_minute_later(make_whole_target, route53, two_region_stack):
    clock = VirtualClock()
    reader = HealthPoll(make_whole_target(), clock)
    assert reader.look(two_region_stack.regions[0]).healthy
    route53.disabled, route53.inverted = True, True

    clock.advance_s(60)

    assert reader.look(two_region_stack.regions[0]).healthy is False


def test_a_poll_that_fails_is_data(make_target, two_region_stack):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    seen = HealthPoll(make_target(aws_url=url), VirtualClock()).look(two_region_stack.regions[0])

    assert (seen.outcome, seen.healthy) == (Outcome.FAIL, None)
    assert "check-eu-west-1" in seen.error


def test_a_poll_tells_how_long_each_checker_took_to_look_again(poll, route53):
    """The first poll knows of no look before; then one of two checkers looked again after 31 s."""
    route53.statuses = [SUCCESS] * 2
    first = poll()
    route53.checked = {0: 31}

    assert (first.probe_periods_s, poll().probe_periods_s, poll().probe_periods_s) == ((), (31.0,), ())
