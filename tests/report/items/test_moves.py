from __future__ import annotations

import math

from builders import EU, US

from harness.checkers.session import Session
from harness.report.items.moves import SHOWN_AT_MOST, moves_of, moves_sentence


def a_session(
    client: str = "c", *, stale_s: tuple[float, float] = (0.0, 0.0), reads: int = 4, failed: int = 0
) -> Session:
    stale = stale_s[1] > 0
    return Session(
        client=client,
        from_region=EU,
        to_region=US,
        moved_s=100.0,
        own_keys=1,
        reads=reads,
        failed_reads=failed,
        own_missed=2 if stale else 0,
        went_back=1 if stale else 0,
        stale_low_s=stale_s[0],
        stale_high_s=stale_s[1],
        stale_reads=(7,) if stale else (),
    )


def test_who_saw_old_data_for_longest_stands_first() -> None:
    moves = moves_of([a_session("well"), a_session("short", stale_s=(1, 2)), a_session("long", stale_s=(3, 4))])

    assert moves
    assert [(move.client, move.stale_for) for move in moves.shown] == [
        ("long", "3.00 to 4.00 s"),
        ("short", "1.00 to 2.00 s"),
        ("well", "not at all"),
    ]


def test_old_data_to_the_end_is_worst() -> None:
    moves = moves_of([a_session("long", stale_s=(50, 51)), a_session("ever", stale_s=(3, math.inf))])

    assert moves
    assert (moves.shown[0].client, moves.shown[0].stale_for) == ("ever", "3.00 s or more: not fresh by the end")


def test_missing_writes_and_steps_back_are_counted_of_all_reads() -> None:
    moves = moves_of([a_session(stale_s=(1, 2), failed=3)])

    assert moves
    assert moves.shown[0].own_missed == "2 of 4 reads, 3 failed"
    assert moves.shown[0].went_back == "1 of 4 reads, 3 failed"


def test_who_read_nothing_of_its_own_proves_nothing() -> None:
    moves = moves_of([a_session(reads=0)])

    assert moves
    assert moves.shown[0].stale_for == "not known: it read nothing of its own"
    assert moves.summary == "nobody that moved looked at what was theirs"


def test_many_moves_are_cut_short_and_counted() -> None:
    moves = moves_of([a_session(stale_s=(1, 2))] * (SHOWN_AT_MOST + 3))

    assert moves
    assert len(moves.shown) == SHOWN_AT_MOST
    assert moves.left_out == "and 3 more moves, 3 of them with old data"


def test_nobody_moved() -> None:
    assert moves_of([]) is None


def test_the_sentence_tells_the_longest() -> None:
    told = moves_sentence([a_session("ann"), a_session("ben", stale_s=(1, 2.2)), a_session(reads=0)])

    assert told == "after 1 of 2 moves of 2 clients old data was seen, for at most 2.20 s"


def test_the_sentence_does_not_hide_that_it_never_ended() -> None:
    told = moves_sentence([a_session("ann", stale_s=(3, math.inf)), a_session("ben", stale_s=(8, 9))])

    assert told.endswith("old data was seen, still 3.00 s later, and not fresh by the end")


def test_the_sentence_says_when_all_was_well() -> None:
    assert moves_sentence([a_session()]) == "after none of 1 move of 1 client was old data seen"
