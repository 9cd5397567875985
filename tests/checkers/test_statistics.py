from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.statistics import quantile, wilson_interval

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
