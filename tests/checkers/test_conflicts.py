from __future__ import annotations

import math

import pytest
from builders import AP, EU, US, a_history, an_experiment
from item_builders import deleted, saw, wrote
from simulated_table import simulate

from harness.checkers.conflict_check import ConflictsCounted
from harness.checkers.conflicts import conflict_ledger, lost_updates
from harness.checkers.consistency.rules import Stretch
from harness.events import Operation, Outcome
from harness.findings import Verdict


def conflicts(*events, **fields):
    return conflict_ledger(a_history(events), **fields).conflicts


def the_only_conflict(*events, **fields):
    (found,) = conflicts(*events, **fields)
    return found


# what a conflict is


def test_writes_of_two_regions_that_overlap_are_a_conflict():
    """0-2 s and 1-4 s overlap for 1 s."""
    found = the_only_conflict(wrote("v", (0, 2)), wrote("w", (1, 4), region=US))

    assert (found.operations, found.regions, found.overlap_s) == ((1, 2), (EU, US), 1)


def test_a_write_inside_another_overlaps_for_its_own_time():
    assert the_only_conflict(wrote("v", (0, 9)), wrote("w", (1, 4), region=US)).overlap_s == 3


def test_a_write_that_cannot_have_arrived_yet_is_in_conflict():
    """The second begins 0.5 s after the first is over; replication may take 1 s."""
    found = the_only_conflict(wrote("v", (0, 2)), wrote("w", (2.5, 4), region=US))

    assert found.overlap_s == -0.5
    assert not conflicts(wrote("v", (0, 2)), wrote("w", (2.5, 4), region=US), within_s=0.4)


def test_a_write_that_was_read_there_before_is_not_in_conflict():
    events = wrote("v", (0, 2)), wrote("w", (2.5, 4), region=US)

    assert not conflicts(*events, saw("v", (2.1, 2.4), region=US))
    assert conflicts(*events, saw("v", (2.1, 2.6), region=US))


@pytest.mark.parametrize("other", [{"region": EU}, {"region": US, "key": "l"}, {"region": US, "outcome": Outcome.FAIL}])
def test_one_region_two_keys_and_refused_writes_make_no_conflict(other):
    assert not conflicts(wrote("v", (0, 2)), wrote("w", (1, 4), **other))


def test_every_pair_is_listed_in_order_of_start():
    """Three regions at once: three pairs."""
    writes = [wrote(f"v{n}", (n / 10, 1), region=region) for n, region in enumerate((EU, US, AP))]

    assert [found.operations for found in conflicts(*writes)] == [(1, 2), (1, 3), (2, 3)]


# who wins


@pytest.mark.parametrize(
    "looks",
    [[saw("w", (2, 3))], [saw("v", (2, 3), region=AP), saw("w", (4, 5), region=AP)]],
    ids=["where the loser was made", "elsewhere"],
)
def test_the_one_that_a_region_showed_after_the_other_has_won(looks):
    found = the_only_conflict(wrote("v", (0, 1)), wrote("w", (0.5, 1), region=US), *looks)

    assert (found.winner, found.loser_acknowledged) == (2, True)


def test_what_the_winners_region_shows_proves_nothing_before_the_loser_has_arrived():
    found = the_only_conflict(wrote("v", (0, 1)), wrote("w", (0.5, 1), region=US), saw("w", (1, 1.2), region=US))

    assert (found.winner, found.loser_acknowledged) == (None, None)


def test_the_loser_may_be_one_that_nobody_acknowledged():
    found = the_only_conflict(
        wrote("v", (0, 1), outcome=Outcome.UNKNOWN), wrote("w", (0.5, 1), region=US), saw("v", (2, 3)), saw("w", (4, 5))
    )

    assert (found.winner, found.loser_acknowledged) == (2, False)


def test_by_the_clocks_the_later_one_wins_when_nobody_looked():
    """0.6 s apart; clocks agree within 0.5 s."""
    assert the_only_conflict(wrote("v", (0, 1)), wrote("w", (1.6, 2), region=US)).winner == 2
    assert the_only_conflict(wrote("v", (0, 1)), wrote("w", (1.4, 2), region=US)).winner is None


def test_a_table_that_goes_back_and_forth_has_no_winner():
    looks = saw("w", (2, 3)), saw("v", (2, 3), region=US)

    assert the_only_conflict(wrote("v", (0, 1)), wrote("w", (0.5, 1), region=US), *looks).winner is None


def test_a_delete_wins_when_the_item_is_gone_and_nothing_else_deleted_it():
    events = wrote("v", (0, 1)), deleted("d", (0.5, 1), region=US), saw(None, (3, 4))

    assert the_only_conflict(*events).winner == 2
    assert conflicts(*events, deleted("e", (2, 2.5)), within_s=0.1)[0].winner is None


def test_a_put_wins_against_a_delete_when_it_is_shown_where_it_was_deleted():
    assert (
        the_only_conflict(wrote("v", (0, 1)), deleted("d", (0.5, 1), region=US), saw("v", (3, 4), region=US)).winner
        == 1
    )


# rates


def test_the_ledger_counts_acknowledged_losers_once():
    """One write loses to two others: 1 of 4 acknowledged writes."""
    events = wrote("v", (0, 1)), wrote("w", (0, 1), region=US), wrote("x", (0, 1), region=AP)
    ledger = conflict_ledger(a_history(events, saw("w", (2, 3)), saw("x", (4, 5)), wrote("y", (9, 9), key="l")))

    assert (ledger.acknowledged, ledger.writes_in_conflict) == (4, 3)
    assert (ledger.acknowledged_losers, ledger.lost_share) == (2, 0.5)


def test_nothing_written_has_no_rate():
    ledger = conflict_ledger(a_history())

    assert (ledger.conflicts, ledger.acknowledged) == ((), 0)
    assert math.isnan(ledger.lost_share)


def test_only_conflicts_of_the_stretch_are_counted():
    events = [wrote(f"v{n}", (n * 10, n * 10 + 1), region=region) for n in range(3) for region in (EU, US)]
    ledger = conflict_ledger(a_history(events), stretch=Stretch(from_s=5, until_s=15))

    assert [found.start_s for found in ledger.conflicts] == [10]
    assert ledger.acknowledged == 2


def test_winners_in_a_correct_table_never_come_before_losers_in_time():
    """Clocks differ by at most 0.4 s: no write wins that was over longer than that before the loser began."""
    history = simulate(seed=5, operations=3000, spacing_s=0.01, skew_s=0.4)
    won_by_the_first = [one for one in conflict_ledger(history).conflicts if one.winner == one.operations[0]]

    assert won_by_the_first
    assert all(one.overlap_s > -0.4 for one in won_by_the_first)


# lost updates


def swap(value, at_s, region, based_on="old", **fields):
    return wrote(value, at_s, region=region, operation=Operation.SWAP, based_on=based_on, **fields)


def create(value, at_s, region, **fields):
    return wrote(value, at_s, region=region, operation=Operation.CREATE, **fields)


def test_two_swaps_of_one_value_lose_an_update():
    updates = lost_updates(a_history(swap("v", (0, 1), EU), swap("w", (50, 51), US), swap("x", (60, 61), EU, "w")))
    (found,) = updates.found

    assert (found.operation, found.operations, found.regions, found.based_on) == (
        Operation.SWAP,
        (1, 2),
        (EU, US),
        "old",
    )
    assert (updates.lost, updates.conditional_writes) == (1, 3)


def test_a_swap_that_was_not_acknowledged_loses_nothing():
    events = (
        swap("v", (0, 1), EU),
        swap("w", (0, 1), US, outcome=Outcome.UNKNOWN),
        swap("x", (0, 1), AP, outcome=Outcome.FAIL),
    )

    assert lost_updates(a_history(events)).lost == 0


def test_an_item_created_in_three_regions_at_once_loses_two_updates():
    updates = lost_updates(a_history(create(f"v{n}", (0, 1), region) for n, region in enumerate((EU, US, AP))))
    (found,) = updates.found

    assert (found.operation, found.operations, found.lost) == (Operation.CREATE, (1, 2, 3), 2)
    assert updates.lost_share == pytest.approx(2 / 3)


def test_an_item_created_again_later_loses_nothing():
    assert lost_updates(a_history(create("v", (0, 1), EU), create("w", (9, 10), US))).lost == 0


# the check


def judged(*events, **fields):
    history = a_history(an_experiment(), *events)
    return ConflictsCounted(**fields).judge(history, history.experiment("e"))


def test_conflicts_are_facts_and_pass():
    counted, updates = judged(
        create("v", (0, 1), EU),
        create("w", (0, 1), US),
        saw("w", (2, 3)),
        at_least_writes=2,
        at_least_conditional_writes=2,
    )

    assert (counted.verdict, counted.measured, counted.evidence) == (Verdict.PASS, 0.5, (2, 3))
    assert "1 of 2 acknowledged writes lost one; of 0 pairs the outcome was not seen: 50.00%" in counted.explanation
    assert (updates.verdict, updates.measured, updates.evidence) == (Verdict.PASS, 0.5, (2, 3))


def test_too_few_writes_tell_no_rate():
    for finding, more in zip(judged(wrote("v", (0, 1))), (99, 20), strict=False):
        assert finding.verdict is Verdict.UNKNOWN
        assert f"{more} more are needed" in finding.explanation
