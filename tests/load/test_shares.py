from __future__ import annotations

from itertools import pairwise

import pytest
from builders import AP, EU, US, a_fault

from harness.load.shares import NOBODY, SLICES_AT_MOST, Shares, bar, broken_windows, rows


def fed(*looks):
    shares = Shares(10.0)
    for at_s, served in looks:
        shares.look(at_s, served)
    return shares.slices


def test_a_slice_is_what_came_between_two_looks():
    (one,) = fed((0, {EU: 5}), (4, {EU: 9}), (10, {EU: 35, US: 10}))

    assert (one.from_s, one.until_s, one.served) == (0, 10, {EU: 30, US: 10})
    assert (one.share(EU), one.share(US), one.share(AP)) == (0.75, 0.25, 0.0)


def test_counters_that_began_again_begin_a_new_table():
    slices = fed((0, {EU: 0}), (10, {EU: 50}), (12, {EU: 3}), (22, {EU: 13}))

    assert [(one.from_s, one.served) for one in slices] == [(12, {EU: 10})]


def test_a_long_run_stays_on_one_page_and_loses_nothing():
    slices = fed(*((10 * number, {EU: number}) for number in range(1000)))

    assert len(slices) <= SLICES_AT_MOST
    assert min(one.until_s - one.from_s for one in slices) > 10  # those that come later are as long as those joined
    assert slices[0].from_s == 0
    assert sum(one.served[EU] for one in slices) == pytest.approx(999, abs=20)
    assert all(one.until_s == other.from_s for one, other in pairwise(slices))


def test_rows_are_newest_first_with_what_was_broken():
    slices = fed((50, {}), (60, {EU: 10}), (70, {EU: 10, US: 10}), (310, {EU: 20, US: 20, NOBODY: 5}))
    windows = broken_windows(a_fault(EU, injected_s=(60, 62), rolled_back_s=(300, 302)))
    newest, during, before = rows(slices, (EU, US), windows)

    assert before["broken"] == "–"
    assert (during["broken"], during[US]) == (f"health-broken in {EU}", bar(1.0))
    assert newest["broken"] == f"health-broken in {EU}"
    assert (newest["requests"], newest[NOBODY]) == ("25", bar(0.2))


def test_a_fault_that_was_not_undone_is_still_in_force():
    (window,) = broken_windows(a_fault(EU, rolled_back_s=None))

    assert (window.from_s, window.until_s) == (62, None)


def test_bars_are_of_one_length():
    assert [bar(share) for share in (0, 0.5, 1)] == ["············ 0%", "▇▇▇▇▇▇······ 50%", "▇▇▇▇▇▇▇▇▇▇▇▇ 100%"]
