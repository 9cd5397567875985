"""Threads at a steady pace: what they miss is recorded, what they die of is raised, and they are waited for."""

from __future__ import annotations

import threading

import pytest

from harness.clock import VirtualClock
from harness.errors import TargetError
from harness.events import Gap
from harness.probes.pacing import Pace
from harness.workload.crew import Crew


def test_slots_that_pass_during_an_operation_are_a_gap(make_recorder):
    """The operation of slot 0 takes 3.5 s: slots 1, 2 and 3 are missed."""
    clock = VirtualClock()
    recorder = make_recorder(clock)
    crew = Crew(recorder, 1, "test")
    made_s = []

    def once(slot):
        made_s.append(slot.due_s)
        clock.sleep_until_s(slot.due_s + 3.5)
        if len(made_s) == 2:
            crew.stopping.set()

    crew.keep(Pace(start_s=0, every_s=1), once, who="c")

    # The virtual clock stands still while the crew waits for slot 4, 0.5 s of the wall's away.
    assert made_s == [0, 4]
    (gap, _) = recorder.history().of(Gap)
    assert (gap.start_s, gap.end_s, gap.missed, gap.vantage, gap.source) == (1, 4, 3, "c", "items")


def test_what_a_thread_died_of_is_raised(make_recorder):
    crew = Crew(make_recorder(VirtualClock()), 1, "test")

    def work():
        raise KeyError("table")

    crew.start(work)

    with pytest.raises(KeyError):
        crew.stop(within_wall_s=5)


def test_a_thread_that_does_not_end_in_time_is_told(make_recorder):
    crew = Crew(make_recorder(VirtualClock()), 1, "test")
    over = threading.Event()
    crew.start(over.wait, 10)

    with pytest.raises(TargetError, match="1 of the workload's threads did not end"):
        crew.stop(within_wall_s=0.01)
    over.set()


def test_stopping_ends_a_wait_for_a_far_slot_at_once(make_recorder):
    crew = Crew(make_recorder(VirtualClock()), 1, "test")
    made = []
    crew.start(lambda: crew.keep(Pace(start_s=1000, every_s=1), made.append, who="c"))

    crew.stop(within_wall_s=5)

    assert not made
