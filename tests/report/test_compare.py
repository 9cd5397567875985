"""Two runs' numbers: what changed, what may be chance, and what nobody can tell."""

from __future__ import annotations

import random

import pytest

from harness.checkers.measures import Measure, Spread, What
from harness.report.compare import Change, Compared, compare, scatter_of

EARLIER = [160.0, 158.0, 163.0, 161.0, 157.0, 162.0]


def once(estimate: float, *, low: float | None = None, what: What = What.RECOVER) -> Measure:
    """One observation of a run."""
    return Measure(
        experiment="failover",
        what=what,
        subject="eu-west-1",
        estimate=estimate,
        low=estimate - 2 if low is None else low,
        high=estimate,
        samples=8,
        spread=Spread.RESOLUTION,
    )


def sample(estimate: float, half: float = 0.1, *, high: float | None = -1.0) -> Measure:
    return Measure(
        experiment="replication",
        what=What.REPLICATION_P95,
        subject="us-east-1 → eu-west-1",
        estimate=estimate,
        low=estimate - half,
        high=estimate + half if high == -1.0 else high,
        samples=100,
        spread=Spread.SAMPLE,
    )


def compared(before: Measure, after: Measure, *earlier: float) -> Compared:
    (found,) = compare([before], [after], {before.key: earlier})
    return found


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (1.05, Change.NOT_SHOWN),
        (1.3, Change.WORSE),
        (0.7, Change.BETTER),
        (1.13, Change.NOT_SHOWN),
        (1.15, Change.WORSE),
    ],
)
def test_samples_differ_when_the_interval_of_their_difference_excludes_zero(after: float, change: Change) -> None:
    """Both ± 0.1: the difference is known to ± 0.1 · √2 = 0.141, less than the 0.2 at which intervals part."""
    assert compared(sample(1.0), sample(after)).change is change


def test_a_sample_without_an_upper_end_tells_nothing() -> None:
    found = compared(sample(1.0, high=None), sample(9.0))

    assert found.change is Change.UNTOLD
    assert "too few samples in the first" in found.told


@pytest.mark.parametrize(
    ("after", "change"), [(165.0, Change.NOT_SHOWN), (220.0, Change.WORSE), (100.0, Change.BETTER)]
)
def test_single_observations_are_held_against_the_scatter_of_earlier_runs(after: float, change: Change) -> None:
    assert compared(once(160), once(after), *EARLIER).change is change


def test_single_observations_without_earlier_runs_tell_nothing() -> None:
    """However far apart: with one observation each nobody knows how much they vary for no reason."""
    found = compared(once(100), once(300), 100.0, 101.0, 99.0, 100.0)

    assert found.change is Change.UNTOLD
    assert "1 more earlier run is needed" in found.told


def test_an_observation_that_was_looked_at_too_rarely_is_not_worse_for_sure() -> None:
    assert compared(once(160), once(220, low=150), *EARLIER).change is Change.NOT_SHOWN


def test_what_changed_comes_first_and_nothing_is_left_out() -> None:
    detect = once(80, what=What.DETECT)
    found = compare([sample(1.0), detect], [sample(2.0), once(160)], {})

    assert [(one.change, one.measure.what) for one in found] == [
        (Change.WORSE, What.REPLICATION_P95),
        (Change.NEW, What.RECOVER),
        (Change.GONE, What.DETECT),
    ]


def test_runs_of_one_kind_are_seldom_called_changed() -> None:
    """1,000 pairs of runs that differ by chance alone, each with six earlier ones: about one in twenty is flagged."""
    chance = random.Random(7)
    flagged = 0
    for _ in range(1000):
        *earlier, before, after = (once(value, low=value) for value in (chance.gauss(160, 8) for _ in range(8)))
        scatter = scatter_of([[one] for one in [*earlier, before]])
        (found,) = compare([before], [after], scatter)
        flagged += found.change in {Change.WORSE, Change.BETTER}

    assert 0.03 <= flagged / 1000 <= 0.07


def test_a_slower_stack_is_called_worse_when_it_is_much_slower() -> None:
    """Two probes more at 30 s each: 60 s on top of a scatter of 8 s is found each time."""
    chance = random.Random(9)
    for _ in range(100):
        earlier = [once(chance.gauss(160, 8)) for _ in range(6)]
        (found,) = compare([earlier[-1]], [once(chance.gauss(220, 8))], scatter_of([[one] for one in earlier]))
        assert found.change is Change.WORSE
