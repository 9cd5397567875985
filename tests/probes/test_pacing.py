"""Slots by absolute deadlines, and how late looks were."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import VirtualClock
from harness.events import Gap, HttpReply, Outcome
from harness.probes.pacing import Pace, pacing, percentile


def test_slots_do_not_drift_with_the_length_of_the_looks():
    """Every look takes 1.3 s; the slots stay at 2, 7, 12."""
    clock = VirtualClock()
    pace = Pace(start_s=0, every_s=5, phase=0.4)

    due_s = []
    for _ in range(3):
        slot = pace.next_slot(clock.now_s())
        clock.sleep_until_s(slot.due_s + 1.3)
        due_s.append(slot.due_s)

    assert due_s == [2, 7, 12]


def test_slots_that_pass_during_a_look_are_missed_and_counted():
    """The look of slot 0 ends at 17 s: slots 5, 10 and 15 are missed, the next is at 20 s."""
    pace = Pace(start_s=0, every_s=5)
    pace.next_slot(0)

    slot = pace.next_slot(17)

    assert (slot.due_s, slot.missed, slot.missed_from_s) == (20, 3, 5)


def test_after_missed_slots_the_pace_goes_on_as_before():
    pace = Pace(start_s=0, every_s=5)
    pace.next_slot(0)
    pace.next_slot(17)

    assert pace.next_slot(21).due_s == 25
    assert pace.next_slot(22).missed == 0


def test_a_slot_is_never_given_twice():
    pace = Pace(start_s=0, every_s=5)

    assert [pace.next_slot(0).due_s, pace.next_slot(0).due_s] == [0, 5]


@given(
    every_s=st.floats(0.01, 1000), phase=st.floats(0, 1), looks=st.lists(st.floats(0, 5000), min_size=1, max_size=30)
)
def test_every_slot_is_either_made_or_missed(every_s, phase, looks):
    """However long the looks take: slots made and slots missed are all the slots there were."""
    clock = VirtualClock()
    pace = Pace(start_s=0, every_s=every_s, phase=phase)
    made = missed = 0
    for took_s in looks:
        slot = pace.next_slot(clock.now_s())
        made, missed = made + 1, missed + slot.missed
        assert slot.due_s >= clock.now_s() - 1e-6
        clock.sleep_until_s(slot.due_s + took_s)

    assert slot.due_s == pytest.approx((made + missed - 1 + phase) * every_s)


@pytest.mark.parametrize("every_s", [0, -1, math.nan])
def test_a_pace_that_is_none_is_refused(every_s):
    with pytest.raises(ValueError, match="above 0"):
        Pace(start_s=0, every_s=every_s)


def _reply(late_s):
    return HttpReply(
        start_s=1, end_s=2, source="https", vantage="v", method="GET", path="/", outcome=Outcome.OK, late_s=late_s
    )


def test_lateness_is_summed_up_in_wall_milliseconds(make_recorder):
    """At the header's rate 1 a stack second is 1,000 ms; of 1 to 100 ms, p50 is 50 and p99 is 99."""
    recorder = make_recorder(VirtualClock())
    for late_ms in range(1, 101):
        recorder.record(_reply(late_ms / 1000))
    recorder.record(Gap(start_s=1, end_s=2, source="https", vantage="v", missed=3, reason="slow"))

    found = pacing(recorder.history())

    assert (found.looks, found.missed) == (100, 3)
    assert found.late_p50_wall_ms == pytest.approx(50)
    assert found.late_p99_wall_ms == pytest.approx(99)
    assert found.late_max_wall_ms == pytest.approx(100)


def test_without_looks_lateness_is_not_a_number(make_recorder):
    assert math.isnan(pacing(make_recorder(VirtualClock()).history()).late_p99_wall_ms)


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 2), (0.75, 3), (0.76, 4), (1.0, 4)])
def test_percentiles_are_by_nearest_rank(share, value):
    assert percentile([1, 2, 3, 4], share) == value
