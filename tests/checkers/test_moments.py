from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.moments import Look, Moment, Sight, final_change, first_change, verdict_of
from harness.findings import Verdict


def looks(letters: str) -> list[Look]:
    """One look every 10 s, each lasting 1 s: s still, l lost, c changed."""
    sights = {"s": Sight.STILL, "l": Sight.LOST, "c": Sight.CHANGED}
    return [Look(n, n * 10.0, n * 10.0 + 1, sights[letter]) for n, letter in enumerate(letters)]


@pytest.mark.parametrize(
    ("letters", "after_s", "by_s"),
    [
        ("sscc", 10, 21),  # between the last STILL's start and the first CHANGED's end
        ("scsc", 20, 31),  # an interrupted stretch does not count
        ("sclc", 0, 11),  # a lost look interrupts nothing
        ("sslc", 20, 31),  # nor can the change be dated before one that was lost
        ("cc", 0, 1),
        ("ss", 10, None),
        ("scs", 20, None),
        ("sll", 20, None),
        ("", 0, None),
    ],
)
def test_the_final_change_lies_between_the_looks_around_it(letters, after_s, by_s):
    moment = final_change(looks(letters), 0)

    assert (moment.after_s, moment.by_s) == (after_s, by_s)


def test_the_first_change_counts_even_when_it_does_not_last():
    moment = first_change(looks("sscs"), 0)

    assert (moment.after_s, moment.by_s, moment.evidence) == (10, 21, (1, 2))


def test_nothing_happens_before_the_clock_starts():
    """The look before was at 10 s, the clock starts at 15 s."""
    assert final_change(looks("ssc"), 15).after_s == 15


@given(st.text("slc", max_size=30))
def test_a_moment_is_an_interval_and_its_evidence_encloses_it(letters):
    moment = final_change(looks(letters), 0)

    assert moment.by_s is None or moment.after_s <= moment.by_s
    assert moment.by_s is None or letters[moment.evidence[-1]] == "c"
    assert list(moment.evidence) == sorted(moment.evidence)


@pytest.mark.parametrize(
    ("after_s", "by_s", "verdict"),
    [
        (5, 10, Verdict.PASS),
        (5, 10.1, Verdict.UNKNOWN),
        (10, 12, Verdict.UNKNOWN),
        (10.1, 12, Verdict.FAIL),
        (10.1, None, Verdict.FAIL),
        (9, None, Verdict.UNKNOWN),
    ],
)
def test_only_a_change_that_was_surely_late_fails(after_s, by_s, verdict):
    assert verdict_of(Moment(after_s=after_s, by_s=by_s), 0, 10) is verdict
