from __future__ import annotations

from builders import AP, EU, US, a_history
from data_builders import a_write
from item_builders import saw

from harness.checkers.conflicts import conflict_ledger, lost_updates
from harness.events import AnyEvent, Operation, Outcome
from harness.report.items.ledger import SHOWN_AT_MOST, ConflictsView, conflicts_sentence, conflicts_view, lost_sentence

CONFLICT = (
    a_write("old", 10.0, took_s=0.1, client="ann"),
    a_write("new", 10.05, took_s=0.1, region=EU, client="ben"),
    saw("old", (10.12, 10.14), region=US),
    saw("new", (12.0, 12.1), region=US),
)
"""Under way together for 50 ms; the US had the old one and then showed the new one."""
SWAPPED_TWICE = (
    a_write("base", 1.0),
    a_write("one", 20.0, operation=Operation.SWAP, based_on="base"),
    a_write("two", 20.5, region=EU, operation=Operation.SWAP, based_on="base"),
)


def view_of(*events: AnyEvent, claimed: bool = False) -> ConflictsView | None:
    history = a_history(events)
    return conflicts_view(history, conflict_ledger(history), lost_updates(history), claimed=claimed)


def some_view(*events: AnyEvent) -> ConflictsView:
    view = view_of(*events)
    assert view
    return view


def test_a_conflict_names_both_writes_and_who_won() -> None:
    (line,) = some_view(*CONFLICT).conflicts

    assert (line.key, line.first, line.second) == (
        "k",
        "put in us-east-1 by ann, event 1",
        "put in eu-west-1 by ben, event 2",
    )
    assert (line.overlap, line.winner, line.loser_acknowledged) == ("50 ms", "the second, of eu-west-1", "yes")


def test_a_conflict_whose_outcome_nobody_saw_says_so() -> None:
    (line,) = some_view(*CONFLICT[:2]).conflicts

    assert (line.winner, line.loser_acknowledged) == ("nobody saw", "–")


def test_writes_that_did_not_overlap_tell_how_far_apart_they_were() -> None:
    (line,) = some_view(a_write("old", 10.0), a_write("new", 10.5, region=EU)).conflicts

    assert line.overlap == "none, 0.50 s later"


def test_a_write_without_reply_is_told_as_such() -> None:
    (line,) = some_view(CONFLICT[0], a_write("new", 10.05, region=EU, outcome=Outcome.UNKNOWN)).conflicts

    assert line.second == "put in eu-west-1 by writer, no reply, event 2"


def test_conflicts_are_counted_by_pair_of_regions_the_most_frequent_first() -> None:
    more = [
        a_write(f"{region}{at_s}", at_s, region=region, key=f"k{at_s}") for at_s in (30.0, 40.0) for region in (EU, AP)
    ]

    pairings = some_view(*CONFLICT, *more).pairings

    assert [(one.regions, one.conflicts, one.acknowledged_losers, one.unknown) for one in pairings] == [
        (f"{AP} and {EU}", 2, 0, 2),
        (f"{EU} and {US}", 1, 1, 0),
    ]


def test_many_conflicts_are_cut_short_and_counted() -> None:
    many = [
        a_write(f"{region}{at_s}", at_s, region=region)
        for at_s in range(0, 10 * SHOWN_AT_MOST + 30, 10)
        for region in (US, EU)
    ]
    view = some_view(*many)

    assert (len(view.conflicts), view.conflicts_left_out) == (SHOWN_AT_MOST, 3)


def test_what_all_keys_begin_with_is_told_once() -> None:
    events = [
        a_write(f"{region}{key}", 10.0, region=region, key=f"harness#run#hot#{key}")
        for key in (0, 1)
        for region in (US, EU)
    ]
    view = some_view(*events)

    assert (view.prefix, [line.key for line in view.conflicts]) == ("harness#run#hot#", ["…0", "…1"])


def test_one_key_alone_keeps_its_name() -> None:
    assert some_view(*CONFLICT).prefix == ""


def test_lost_updates_are_a_class_of_their_own() -> None:
    view = some_view(*SWAPPED_TWICE)

    (line,) = view.lost
    assert (line.what, line.lost) == ("2 × swap, each replaced 'base'", 1)
    assert line.writes == (
        "swap in us-east-1 by writer, event 2",
        "swap in eu-west-1 by writer, event 3",
    )
    assert view.lost_summary.startswith("1 of 2 acknowledged conditional writes (50.0%) lost its effect")


def test_two_creations_found_no_item() -> None:
    created = [a_write(region, 10.0, region=region, operation=Operation.CREATE) for region in (US, EU)]

    assert some_view(*created).lost[0].what == "2 × create, each found no item"


def test_the_sentence_counts_losers_of_acknowledged_writes() -> None:
    assert conflicts_sentence(conflict_ledger(a_history(CONFLICT))) == (
        "1 conflict between regions on 1 key; 1 of 2 acknowledged writes (50.0%) lost to a concurrent one: by design"
    )


def test_without_conflicts_the_sentence_says_of_how_many_writes() -> None:
    assert conflicts_sentence(conflict_ledger(a_history(a_write("v", 1.0)))) == (
        "no two regions wrote a key at once, in 1 acknowledged write"
    )


def test_without_conditional_writes_nothing_is_said_of_them() -> None:
    assert lost_sentence(lost_updates(a_history(CONFLICT))) == ""


def test_conditional_writes_that_all_held_are_told() -> None:
    assert lost_sentence(lost_updates(a_history(SWAPPED_TWICE[:2]))) == (
        "none of 1 acknowledged conditional write was lost"
    )


def test_without_conflicts_there_is_no_ledger_unless_they_were_to_be_counted() -> None:
    assert view_of(a_write("v", 1.0)) is None
    assert view_of(a_write("v", 1.0), claimed=True)
