"""Every defect that can be planted in a global table is caught by name; a correct table never is."""

from __future__ import annotations

from functools import cache

import pytest
from simulated_table import Defect, simulate

from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules

RULES = Rules(clock_uncertainty_s=0.1, settle_s=5.0)

CAUGHT_BY = {
    Defect.FIRST_WRITER_WINS: {"later-wins", "nothing-lost"},
    Defect.SKEWED_CLOCK: {"later-wins"},
    Defect.DROPPED: {"converged"},
    Defect.REORDERED: {"never-back", "later-wins"},
    Defect.MERGED: {"whole"},
    Defect.RESURRECTED: {"deleted-stays-away"},
    Defect.STOPPED: {"converged", "later-wins"},
    Defect.FORGOTTEN: {"own-writes-seen", "nothing-lost"},
    Defect.READS_GO_BACK: {"never-back"},
    Defect.TIES_DIFFER: {"converged"},
}


@cache
def broken(defect, seed):
    history = simulate(seed=seed, defect=defect, keys=40)
    return {found.property.value for found in judge_plainly(history, RULES).violations}


@pytest.mark.parametrize("seed", range(20))
def test_a_correct_table_breaks_nothing(seed):
    assert broken(Defect.NONE, seed) == set()


@pytest.mark.parametrize(("defect", "names"), CAUGHT_BY.items(), ids=lambda value: getattr(value, "value", ""))
def test_a_planted_defect_is_caught_by_name(defect, names):
    """In each of three runs at least one property says so, and over them all of those named."""
    runs = [broken(defect, seed) for seed in range(3)]

    assert all(runs)
    assert names <= set.union(*runs)


def test_one_dropped_replication_in_a_hundred_is_caught():
    """Only the last write of a key tells: with 400 cold keys, some four of 800 dropped ones are last."""
    history = simulate(seed=1, defect=Defect.DROPPED, defect_share=0.01, keys=400, operations=1600)

    assert "converged" in {found.property.value for found in judge_plainly(history, RULES).violations}


def test_every_defect_is_listed():
    assert set(CAUGHT_BY) | {Defect.NONE} == set(Defect)
