from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.statistics import (
    difference_interval,
    prediction_interval,
    quantile,
    student_t_975,
    wilson_interval,
)

_values = st.lists(st.floats(-1e9, 1e9), min_size=1)


def test_a_quantile_is_interpolated_between_neighbours():
    """Of 1, 2, 3, 4 the median lies halfway between 2 and 3."""
    assert quantile([4, 1, 3, 2], 0.5) == 2.5


def test_a_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="0 values"):
        quantile([], 0.5)


@given(_values)
def test_the_ends_are_the_extremes(values):
    assert (quantile(values, 0), quantile(values, 1)) == (min(values), max(values))


@given(_values, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_gives_a_smaller_quantile(values, one, other):
    low, high = sorted((one, other))
    assert quantile(values, low) <= quantile(values, high) + 1e-6


def test_wilsons_interval_as_published():
    """10 of 100 at 95 %: 5.5 % to 17.4 % (Wilson 1927; Newcombe 1998)."""
    assert wilson_interval(10, 100) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))


def test_no_failure_seen_is_not_no_failure():
    low, high = wilson_interval(0, 100)

    assert (low, high) == (0, pytest.approx(0.037, abs=1e-3))


def test_nothing_tried_says_nothing():
    assert wilson_interval(0, 0) == (0, 1)


def test_more_hits_than_trials_are_refused():
    with pytest.raises(ValueError, match="3 hits of 2"):
        wilson_interval(3, 2)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_seen(hits, misses):
    if hits + misses:
        low, high = wilson_interval(hits, hits + misses)
        assert 0 <= low <= hits / (hits + misses) <= high <= 1


def test_the_difference_of_two_shares_is_newcombes():
    """His example: 56 of 70 against 48 of 80, a difference of 0.2, 95 % interval 0.0524 to 0.3339 (method 10)."""
    low_b, high_b = wilson_interval(48, 80)
    low_a, high_a = wilson_interval(56, 70)

    low, high = difference_interval((low_b, 48 / 80, high_b), (low_a, 56 / 70, high_a))

    assert (low, high) == (pytest.approx(0.0524, abs=5e-4), pytest.approx(0.3339, abs=5e-4))


@given(st.floats(0, 100), st.floats(0, 10), st.floats(0, 10))
def test_a_difference_with_itself_has_zero_in_it(value, down, up):
    one = (value - down, value, value + up)
    low, high = difference_interval(one, one)
    assert low <= 0 <= high


@pytest.mark.parametrize(
    ("freedom", "quantile_975"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042), (1000, 1.962)],
)
def test_students_quantile_is_that_of_the_tables(freedom, quantile_975):
    assert student_t_975(freedom) == pytest.approx(quantile_975, rel=0.01)


def test_a_prediction_covers_one_more_value_as_often_as_it_says():
    """10,000 times: three values, and one more of the same kind. 95 % ± 1 % of those are inside.

    The mean of three is itself unsure: without the 1 + 1/n it would be 93 %.
    """
    chance = random.Random(5)
    inside = 0
    for _ in range(10_000):
        *earlier, new = (chance.gauss(160, 8) for _ in range(4))
        low, high = prediction_interval(earlier)
        inside += low <= new <= high

    assert 0.94 <= inside / 10_000 <= 0.96


def test_two_values_tell_no_scatter():
    with pytest.raises(ValueError, match="it takes three"):
        prediction_interval([1.0, 2.0])
