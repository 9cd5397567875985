from __future__ import annotations

from builders import EU, US, Story, a_fault, a_history, an_experiment

from harness.checkers.checks import DetectedInTime, judge
from harness.checkers.timeline import failover_times
from harness.report.failovers import JudgedFailover, judged_failovers, telling


def judged(times: int, region: str = EU, name: str = "e", claimed: bool = True) -> list[JudgedFailover]:
    """A region that breaks so often without anybody being there to move."""
    faults = [
        a_fault(region, injected_s=(60 * n, 60 * n + 1), rolled_back_s=(60 * n + 9, 60 * n + 10), fault_id=str(n))
        for n in range(times)
    ]
    history = a_history(an_experiment(name, end_s=6000), *faults)
    findings = judge(history, name, (DetectedInTime(region=region),)) if claimed else []
    return judged_failovers(name, failover_times(history, history.experiment(name)), findings)


def test_a_few_times_are_all_shown() -> None:
    three = judged(3)

    assert telling(three) == three


def test_of_many_times_without_a_move_one_is_shown() -> None:
    many = judged(14)

    assert telling(many) == many[:1]


def test_times_that_moved_somebody_are_shown() -> None:
    moved = judged_failovers("e", failover_times(Story().history()), [])

    assert telling([*judged(14), *moved]) == moved


def test_regions_and_experiments_are_looked_at_apart() -> None:
    mixed = [*judged(2), *judged(2, US), *judged(2, name="f")]

    assert telling(mixed) == mixed


def test_where_nobody_moved_and_nothing_was_claimed_there_is_no_failover() -> None:
    assert telling(judged(1, claimed=False)) == []
