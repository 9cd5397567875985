"""The numbers of a run, each with the interval in which the truth lies."""

from __future__ import annotations

from builders import EU, Story, a_history, an_experiment

from harness.checkers.measures import Measure, Spread, What, measures_of, slowest_of
from harness.checkers.moments import Moment
from harness.checkers.statistics import wilson_interval
from harness.history import History


def by_kind(history: History) -> dict[What, Measure]:
    return {measure.what: measure for measure in measures_of(history)}


def test_a_failover_is_measured_by_its_slowest_user() -> None:
    history = a_history(Story().events())
    found = by_kind(history)

    assert set(found) >= {What.DETECT, What.RECOVER, What.HOME, What.FAILED}
    recover = found[What.RECOVER]
    assert (recover.subject, recover.spread) == (EU, Spread.RESOLUTION)
    assert recover.high == recover.estimate
    assert recover.low < recover.estimate
    assert found[What.DETECT].estimate < recover.estimate


def test_a_share_of_requests_is_a_sample() -> None:
    failed = by_kind(a_history(Story().events()))[What.FAILED]

    low, high = wilson_interval(round(failed.estimate * failed.samples), failed.samples)
    assert (failed.spread, failed.unit) == (Spread.SAMPLE, "share")
    assert (failed.low, failed.high) == (low, high)


def test_a_fault_that_was_not_proven_has_no_numbers() -> None:
    assert measures_of(a_history(Story(proven=False).events())) == []


def test_the_slowest_is_the_last_to_be_seen_and_nobody_may_be_missing() -> None:
    early, late = Moment(after_s=10, by_s=20), Moment(after_s=5, by_s=30)
    never = Moment(after_s=40, by_s=None)

    assert slowest_of([early, late]) is late
    assert slowest_of([late, early]) is late
    assert slowest_of([early, never]) is None
    assert slowest_of([]) is None


def test_an_experiment_without_a_fault_has_no_recovery() -> None:
    assert measures_of(a_history(an_experiment())) == []
