from __future__ import annotations

import math
import random

import pytest
from builders import EU, US, a_header, a_history, a_stack, an_experiment
from data_builders import a_delete, a_read, a_write
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.session import SessionContinuity, sessions
from harness.events import Operation, Outcome
from harness.findings import Verdict

USER = "user"


def wrote(value, at_s, **fields):
    return a_write(value, at_s, client=USER, **fields)


def read(shows, at_s, **fields):
    return a_read(shows, at_s, client=USER, **fields)


def history_of(*events):
    return a_history(an_experiment(), *events, header=a_header(stack=a_stack(US, EU)))


def session_of(*events):
    (found,) = sessions(history_of(*events))
    return found


def judged(*events, check=None):
    (finding,) = (check or SessionContinuity()).judge(history_of(*events), an_experiment())
    return finding


def stale_until(low_s, high_s):
    """A client wrote v then w in the US, moved at 20 s, and saw v until `low_s`, w at `high_s` after the move."""
    return [wrote("v", 10), wrote("w", 12), read("v", 20), read("v", 20 + low_s), read("w", 20 + high_s)]


def test_a_client_that_sees_its_own_write_at_once_is_never_stale():
    found = session_of(wrote("v", 10), read("v", 20, took_s=0.1))

    assert (found.from_region, found.to_region, found.moved_s, found.own_keys, found.reads) == (US, EU, 20, 1, 1)
    assert (found.stale, found.stale_low_s, found.stale_high_s) == (False, 0, 0)


def test_staleness_lasts_from_the_move_to_between_the_last_stale_and_the_next_fresh_read():
    """Moved at 20 s; stale at 20 and 21 s, fresh at 22-22.5 s: until 1 to 2.5 s after the move."""
    found = session_of(
        wrote("v", 10),
        wrote("w", 12),
        read("v", 20),
        read("v", 21, took_s=0.2),
        read("w", 22, took_s=0.5),
        read("w", 30),
    )

    assert (found.own_missed, found.went_back) == (2, 0)
    assert (found.stale_low_s, found.stale_high_s) == (1, 2.5)


def test_a_client_that_never_sees_its_write_is_stale_for_ever():
    found = session_of(wrote("v", 10), read(None, 20), read(None, 50))

    assert (found.stale_low_s, found.stale_high_s) == (30, math.inf)


def test_a_fresh_read_between_stale_ones_does_not_end_it():
    found = session_of(wrote("v", 10), read(None, 20), read("v", 21), read(None, 22), read("v", 23))

    assert (found.stale_low_s, found.stale_high_s) == (2, 3)


def test_the_slowest_key_counts():
    """The first key is fresh 2 s after the move, the second 5 s after it."""
    found = session_of(
        [wrote("v", 10), wrote("w", 11, key="l"), read(None, 20), read(None, 21, key="l")],
        [read("v", 22), read("w", 25, key="l")],
    )

    assert (found.own_keys, found.stale_low_s, found.stale_high_s) == (2, 1, 5)


def test_another_clients_later_write_is_as_good_as_its_own():
    assert not session_of(wrote("v", 10), a_write("w", 15, region=EU), read("w", 20)).stale


def test_another_clients_concurrent_write_may_have_won():
    assert not session_of(wrote("v", 10, took_s=2), a_write("w", 11, region=EU), read("w", 20)).stale


def test_another_clients_earlier_write_is_stale():
    assert session_of(a_write("w", 5, region=EU), wrote("v", 10), read("w", 20)).own_missed == 1


def test_its_own_deleted_item_seen_again_is_stale():
    deleted = a_delete("d", 12)
    deleted = type(deleted)(**{**{name: getattr(deleted, name) for name in deleted.__struct_fields__}, "client": USER})

    assert session_of(wrote("v", 10), deleted, read("v", 20), read(None, 21)).own_missed == 1


def test_reads_that_show_less_than_what_was_read_before_went_back():
    """It wrote another key, read w of somebody else in the US, and in Europe the older v."""
    found = session_of(
        wrote("own", 9, key="l"),
        a_write("v", 5),
        a_write("w", 10),
        read("w", 12, region=US),
        read("v", 20),
        read("w", 21),
    )

    assert (found.own_missed, found.went_back, found.stale_high_s) == (0, 1, 1)


def test_what_it_saw_in_the_new_region_itself_is_left_to_the_consistency_checks():
    """It had seen w in Europe, went to the US, and sees v in Europe when it is back: Europe's own reads went back."""
    found = sessions(
        history_of(
            [a_write("v", 5), a_write("w", 10), read("w", 12), wrote("own", 14, key="l"), read("v", 20), read("w", 21)],
        )
    )

    assert [(one.to_region, one.went_back) for one in found] == [(EU, 0)]


def test_a_key_that_it_wrote_last_in_the_new_region_is_none_it_brings_along():
    """v in the US, w in Europe, another key in the US, and back in Europe v is shown: w is Europe's own to show."""
    found = sessions(
        history_of(
            [wrote("v", 10), wrote("w", 20, region=EU), wrote("x", 30, key="l"), read("v", 40), read("x", 41, key="l")]
        )
    )

    assert [(one.moved_s, one.to_region, one.own_keys, one.own_missed) for one in found] == [
        (20, EU, 1, 0),
        (30, US, 1, 0),
        (40, EU, 1, 0),
    ]


def test_an_item_whose_delete_was_seen_and_that_is_back_went_back():
    found = session_of(
        [wrote("own", 9, key="l"), a_write("v", 5), read("v", 6, region=US)],
        [a_delete("d", 10), read(None, 12, region=US), read("v", 20)],
    )

    assert found.went_back == 1


def test_from_its_next_write_of_a_key_on_it_reads_another_sessions_work():
    """After v2, written in Europe, a read without it is not about the move any more."""
    found = session_of(wrote("v", 10), wrote("v2", 20, region=EU), read(None, 21))

    assert (found.reads, found.stale) == (0, False)


def test_a_refused_write_does_not_end_its_wait_for_the_old_one():
    refused = wrote("v2", 20, region=EU, operation=Operation.CREATE, outcome=Outcome.FAIL)

    assert session_of(wrote("v", 10), refused, read(None, 21)).own_missed == 1


def test_unanswered_writes_are_not_expected_but_may_show():
    unsure = wrote("u", 11, outcome=Outcome.UNKNOWN)

    assert not session_of(wrote("v", 10), unsure, read("u", 20)).stale
    assert not session_of(wrote("v", 10), unsure, read("v", 20)).stale


def test_failed_reads_tell_nothing_and_are_counted():
    found = session_of(wrote("v", 10), read(None, 20, outcome=Outcome.FAIL), read("v", 21))

    assert (found.reads, found.failed_reads, found.stale, found.moved_s) == (1, 1, False, 20)


def test_reads_of_what_it_never_knew_do_not_count():
    assert session_of(wrote("v", 10), read(None, 20, key="other")).reads == 0


def test_what_no_write_explains_is_left_to_the_consistency_checks():
    assert session_of(wrote("v", 10), read("nobody's", 20)).reads == 0


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([wrote("v", 10), read("v", 20, region=US)], id="stayed"),
        pytest.param([a_write("v", 10), read("v", 15, region=US), read("v", 20)], id="never wrote"),
        pytest.param([wrote("v", 10, outcome=Outcome.UNKNOWN), read("v", 20)], id="nothing acknowledged"),
    ],
)
def test_clients_that_do_not_move_or_have_written_nothing_are_no_sessions(events):
    assert sessions(history_of(events)) == ()


def test_trying_the_old_region_again_does_not_make_it_forget():
    """US, Europe, a vain try in the US, Europe: two moves to Europe, both with the write in mind."""
    found = sessions(
        history_of(
            wrote("v", 10),
            read(None, 20),
            read(None, 21, region=US, outcome=Outcome.FAIL),
            read(None, 22),
            read("v", 23),
        )
    )

    assert [(one.to_region, one.moved_s, one.own_missed) for one in found] == [(EU, 20, 1), (EU, 22, 1)]


def test_clients_are_told_apart_and_come_in_order_of_their_moves():
    other = [a_write("x", 10, key="l", client="other"), a_read("x", 18, key="l", client="other")]

    assert [one.client for one in sessions(history_of(wrote("v", 10), read("v", 20), *other))] == ["other", USER]


@given(seed=st.integers(0, 10**6))
def test_stale_reads_and_their_duration_agree(seed):
    """Random writes and reads of one client and another's, in two regions."""
    chance = random.Random(seed)
    events = []
    for number in range(chance.randrange(2, 25)):
        fields = {
            "key": chance.choice("kl"),
            "region": chance.choice((US, EU)),
            "client": chance.choice((USER, "other")),
        }
        events.append(a_write(f"v{number}", chance.uniform(0, 100), took_s=chance.uniform(0, 2), **fields))
        shows = chance.choice([None, *(f"v{n}" for n in range(number + 1))])
        events.append(a_read(shows, chance.uniform(0, 100), **{**fields, "region": chance.choice((US, EU))}))

    for one in sessions(history_of(events)):
        assert one.stale == (one.own_missed + one.went_back > 0) == (one.stale_high_s > 0)
        assert 0 <= one.stale_low_s <= one.stale_high_s
        assert max(one.own_missed, one.went_back) <= len(one.stale_reads) <= one.reads


# The check.


def test_fresh_in_time_passes():
    finding = judged(stale_until(1, 2))

    assert (finding.verdict, finding.measured, finding.uncertainty, finding.samples) == (Verdict.PASS, 2, 1, 1)
    assert "1 of 1 clients that moved saw old data: 2 of 3 reads missed their own write, 0 went back" in (
        finding.explanation
    )
    assert f"{USER} from {US} to {EU}, stale at 1.000 s after its move, fresh by 2.000 s" in finding.explanation


def test_stale_beyond_the_limit_fails_and_points_at_the_reads():
    events = stale_until(6, 7)
    finding = judged(events)
    history = history_of(events)

    assert finding.verdict is Verdict.FAIL
    assert [history[index].start_s for index in finding.evidence] == [20, 26]


def test_a_limit_between_the_last_stale_and_the_first_fresh_read_is_unknown():
    assert judged(stale_until(4, 7)).verdict is Verdict.UNKNOWN


def test_never_seen_fresh_is_unknown_while_it_may_still_have_been_in_time():
    """Stale at 1 s after the move and not looked at again."""
    finding = judged(wrote("v", 10), read(None, 20), read(None, 21))

    assert (finding.verdict, finding.measured) == (Verdict.UNKNOWN, None)
    assert "not fresh by the end" in finding.explanation


def test_no_stale_read_at_all_passes():
    assert judged(wrote("v", 10), read("v", 20)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "events", [[], [wrote("v", 10), read(None, 20, key="other")], [wrote("v", 601), read(None, 602)]]
)
def test_without_a_session_in_the_experiment_that_was_tested_it_is_unknown(events):
    finding = judged(events)

    assert finding.verdict is Verdict.UNKNOWN
    assert "1 more needed" in finding.explanation


def test_too_few_sessions_are_unknown_and_say_how_many_more():
    assert "2 more needed" in judged(stale_until(1, 2), check=SessionContinuity(at_least_sessions=3)).explanation


def test_failed_reads_are_told():
    finding = judged(wrote("v", 10), read(None, 20, outcome=Outcome.FAIL), read("v", 21))

    assert "1 reads failed" in finding.explanation
