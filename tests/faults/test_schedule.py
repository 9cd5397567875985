"""A schedule comes to stretches and moves; what it opened is closed, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from builders import EU, US

from harness.errors import InvalidPlan, RollbackFailed
from harness.faults.fault import Injection
from harness.faults.health_broken import HealthBroken
from harness.faults.open_faults import OpenFaults
from harness.faults.schedule import Flap, Hold, Ramp, Step, Stretch, all_at_once, moves, stretches

SICK = HealthBroken(region=EU)
OTHER = HealthBroken(region=US)


def times(steps: tuple[Step, ...]) -> list[tuple[float, float | None]]:
    return [(stretch.from_s, stretch.until_s) for stretch in stretches(steps)]


def test_faults_at_once_are_held_as_long_as_the_schedule() -> None:
    assert times(all_at_once([SICK, OTHER])) == [(0, None), (0, None)]


def test_a_flap_is_one_injection_a_period() -> None:
    """Period 40 s, on for a quarter of it, from 5 s on."""
    assert times((Flap(fault=SICK, period_s=40, duty=0.25, cycles=3, after_s=5),)) == [(5, 15), (45, 55), (85, 95)]


def test_a_ramp_is_one_injection_a_step() -> None:
    assert times((Ramp(faults=(SICK, OTHER), step_s=30),)) == [(0, 30), (30, 60)]


def test_steps_overlap_and_come_in_order_of_time() -> None:
    steps = (Hold(fault=SICK, after_s=20, for_s=60), Hold(fault=OTHER, after_s=10, for_s=30))

    assert [(move.at_s, move.begins, move.stretch.fault) for move in moves(stretches(steps))] == [
        (10, True, OTHER),
        (20, True, SICK),
        (40, False, OTHER),
        (80, False, SICK),
    ]


def test_what_ends_comes_before_what_begins_at_the_same_moment() -> None:
    """Two steps of a ramp are about one resource: the first must be undone before."""
    ramp = moves(stretches((Ramp(faults=(SICK, SICK), step_s=30),)))

    assert [(move.at_s, move.begins) for move in ramp] == [(0, True), (30, False), (30, True), (60, False)]


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Flap(fault=SICK, period_s=40, duty=1.0, cycles=2), "duty 1: between 0 and 1"),
        (lambda: Flap(fault=SICK, period_s=0, cycles=2), "period_s 0: above 0"),
        (lambda: Flap(fault=SICK, period_s=10, cycles=0), "cycles 0"),
        (lambda: Hold(fault=SICK, for_s=0), "for_s 0"),
        (lambda: Hold(fault=SICK, after_s=-1), "after_s -1"),
        (lambda: Ramp(faults=(), step_s=10), "at least one"),
        (lambda: stretches((Flap(fault=SICK, period_s=3600, cycles=20),)), "longer than the 14400 s"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(make, rule: str) -> None:
    with pytest.raises(InvalidPlan, match=rule):
        make()


def test_steps_are_plain_data() -> None:
    steps = (Hold(fault=SICK), Flap(fault=OTHER, period_s=40, cycles=3), Ramp(faults=(SICK,), step_s=5))

    assert msgspec.json.decode(msgspec.json.encode(steps), type=tuple[Step, ...]) == steps


class Told:
    """Makes scopes that write down when they begin and end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fails_to_undo: str | None = None

    @contextmanager
    def inject(self, stretch: Stretch) -> Iterator[Injection]:
        where = stretch.fault.regions[0]
        self.lines.append(f"inject {where}")
        try:
            yield Injection(fault=stretch.fault, fault_id="1", injected_at_s=0, proof="seen")
        finally:
            self.lines.append(f"undo {where}")
            if self.fails_to_undo == where:
                raise RollbackFailed(f"{where} stays broken")


@pytest.fixture
def told() -> Told:
    return Told()


@contextmanager
def both_open(told: Told) -> Iterator[OpenFaults]:
    with OpenFaults(told.inject) as open_faults:
        open_faults.begin(Stretch(fault=SICK, from_s=0))
        open_faults.begin(Stretch(fault=OTHER, from_s=0))
        yield open_faults


def test_what_is_still_open_is_undone_last_first(told: Told) -> None:
    with both_open(told) as open_faults:
        assert open_faults.faults == (SICK, OTHER)

    assert told.lines == [f"inject {EU}", f"inject {US}", f"undo {US}", f"undo {EU}"]


def test_what_was_ended_is_not_undone_twice(told: Told) -> None:
    first, second = Stretch(fault=SICK, from_s=0, until_s=5), Stretch(fault=OTHER, from_s=0)
    with OpenFaults(told.inject) as open_faults:
        open_faults.begin(first)
        open_faults.begin(second)
        open_faults.end(first)
        open_faults.end(first)

        assert open_faults.faults == (OTHER,)

    assert told.lines == [f"inject {EU}", f"inject {US}", f"undo {EU}", f"undo {US}"]


def test_ctrl_c_undoes_all_that_is_open(told: Told) -> None:
    with pytest.raises(KeyboardInterrupt), both_open(told):
        raise KeyboardInterrupt

    assert told.lines[2:] == [f"undo {US}", f"undo {EU}"]


def test_one_that_cannot_be_undone_does_not_keep_the_others_broken(told: Told) -> None:
    told.fails_to_undo = US
    with pytest.raises(RollbackFailed, match=f"{US} stays broken"), both_open(told):
        pass

    assert told.lines[2:] == [f"undo {US}", f"undo {EU}"]
