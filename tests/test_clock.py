from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from harness.clock import ScaledClock, VirtualClock


def test_a_scaled_clock_runs_at_its_rate():
    """20 ms of wall time at rate 50 are at least 1 stack second; a slow machine only makes it more."""
    clock = ScaledClock(50)
    before_s, before_wall_s = clock.now_s(), time.monotonic()

    clock.sleep_until_s(before_s + 1.0)

    assert clock.now_s() - before_s >= 1.0
    assert time.monotonic() - before_wall_s >= 0.02


def test_sleeping_until_what_is_past_returns_at_once():
    clock = ScaledClock(1000)

    started_s = time.monotonic()
    clock.sleep_until_s(clock.now_s() - 3600)

    assert time.monotonic() - started_s < 1


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_not_above_0_is_refused(rate):
    with pytest.raises(ValueError, match="must be above 0"):
        ScaledClock(rate)


def test_clocks_of_one_origin_agree_on_the_calendar_whenever_they_were_started():
    """At rate 1000, a millisecond between two looks is a second of the calendar: they may differ by that."""
    origin = datetime.now(UTC) - timedelta(seconds=10)
    first = ScaledClock(1000, origin)
    time.sleep(0.01)
    second = ScaledClock(1000, origin)

    before = first.calendar()
    between = second.calendar()
    after = first.calendar()

    slack = timedelta(seconds=5)  # 5 ms of wall time: the wall clock and the monotonic one are read one after the other
    assert before - slack <= between <= after + slack


def test_the_calendar_follows_the_stack_seconds():
    clock = ScaledClock(20)

    assert clock.calendar(90) - clock.calendar(30) == timedelta(seconds=60)


def test_a_virtual_clock_stands_still():
    clock = VirtualClock(5)

    assert [clock.now_s(), clock.now_s()] == [5, 5]


def test_sleeping_moves_a_virtual_clock_and_never_back():
    clock = VirtualClock()

    clock.sleep_until_s(10)
    clock.sleep_until_s(3)
    clock.advance_s(2.5)

    assert clock.now_s() == 12.5
