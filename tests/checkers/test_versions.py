from __future__ import annotations

import math

import pytest
from builders import AP, EU, US, a_history
from data_builders import a_delete, a_read, a_write

from harness.checkers.versions import is_throttled, items_of
from harness.errors import InvalidHistory
from harness.events import Operation, Outcome


def key_of(*events, key="k"):
    return items_of(a_history(*events)).keys[key]


def looks_at(*events, region=EU):
    return key_of(*events).looks[region]


def arrival(*events, of=0, region=EU):
    key = key_of(*events)
    return key.looks[region].arrival(key.writes[of])


def test_a_write_arrived_between_the_last_look_without_and_the_first_look_with_it():
    """Written at 10-11 s; looks at 10.5-10.6 and 11.2-11.4 without it, at 11.5-11.7 with it."""
    found = arrival(
        a_write("v", 10, took_s=1),
        a_read(None, 10.5, took_s=0.1),
        a_read(None, 11.2, took_s=0.2),
        a_read("v", 11.5, took_s=0.2),
        a_read("v", 12),
    )

    assert (found.after_s, found.by_s) == (11.2, 11.7)


def test_a_long_look_without_the_write_counts_from_its_start_even_when_it_ends_after_a_hit():
    """The look from 11 to 13 s lacks it, so at 11 s it was not there, though another look ended with it at 12 s."""
    found = arrival(a_write("v", 10), a_read(None, 10.5), a_read(None, 11, took_s=2), a_read("v", 11.9, took_s=0.1))

    assert (found.after_s, found.by_s) == (11, 12)


def test_looks_that_lack_a_write_after_one_that_showed_it_do_not_date_it():
    found = arrival(a_write("v", 10), a_read(None, 11), a_read("v", 12), a_read(None, 13))

    assert (found.after_s, found.by_s) == (11, 12)


def test_the_next_write_of_the_region_shows_that_the_one_before_it_had_arrived():
    found = arrival(a_write("v", 10), a_write("w", 11), a_read(None, 11.5), a_read("w", 12), of=0)

    assert (found.after_s, found.by_s) == (11.5, 12)


def test_a_write_never_shown_arrives_never():
    found = arrival(a_write("v", 10), a_read(None, 50))

    assert (found.after_s, found.by_s, found.hit) == (50, math.inf, None)


@pytest.mark.parametrize("at_s", [5, 10.5])
def test_looks_that_began_before_the_reply_cannot_tell_that_a_write_is_missing(at_s):
    assert arrival(a_write("v", 10, took_s=1), a_read(None, at_s)) is None


def test_without_a_look_there_is_no_arrival():
    looks = looks_at(a_write("v", 10), a_read(None, 5))

    assert looks.arrival(key_of(a_write("v", 10)).writes[0]) is None


def test_of_two_writes_at_the_same_time_the_other_one_tells_nothing():
    """v at 10-12 s and w at 11-13 s: either may be the later. A look at w neither shows nor lacks v."""
    key = key_of(a_write("v", 10, took_s=2), a_write("w", 11, took_s=2), a_read("w", 20))
    (look,) = key.looks[EU].by_start

    assert not look.shows(key.writes[0])
    assert not look.lacks(key.writes[0])


def test_a_write_without_a_reply_is_never_surely_before_another():
    """u timed out at 10-11 s and may take effect at any time, so who reads it at 20 s may well have w (12 s) behind."""
    unknown = a_write("u", 10, took_s=1, outcome=Outcome.UNKNOWN)
    key = key_of(unknown, a_write("w", 12), a_read("u", 20))

    assert not key.looks[EU].by_start[0].lacks(key.writes[1])


def test_a_newer_write_of_another_region_does_not_show_that_one_had_arrived():
    key = key_of(a_write("v", 10, region=US), a_write("w", 12, region=AP), a_read("w", 20))

    assert not key.looks[EU].by_start[0].shows(key.writes[0])
    assert key.regions == {US, AP}


@pytest.mark.parametrize(("region", "apart_s", "lacks"), [(US, 0.1, True), (AP, 0.1, False), (AP, 0.6, True)])
def test_an_earlier_write_of_another_region_is_surely_older_only_beyond_what_clocks_may_differ(region, apart_s, lacks):
    """Clocks may be 0.5 s apart: within that, the earlier may carry the later stamp and have won."""
    key = key_of(a_write("w", 10, region=region), a_write("v", 10 + apart_s), a_read("w", 20))

    assert key.looks[EU].by_start[0].lacks(key.writes[1]) is lacks


@pytest.mark.parametrize(
    ("events", "idle"),
    [
        pytest.param([], True, id="never there"),
        pytest.param([a_write("v", 5)], False, id="there"),
        pytest.param([a_write("v", 5), a_delete("e", 7)], True, id="deleted before"),
        pytest.param([a_write("v", 5, took_s=3), a_delete("e", 7)], False, id="perhaps deleted before"),
        pytest.param([a_write("v", 5, outcome=Outcome.UNKNOWN), a_delete("e", 7)], False, id="perhaps there"),
        pytest.param([a_write("v", 12)], True, id="there later"),
    ],
)
def test_a_delete_of_what_was_surely_not_there_is_idle(events, idle):
    key = key_of(*events, a_delete("d", 10))

    assert key.is_idle(next(write for write in key.writes if write.event.value == "d")) is idle


def test_an_update_shows_itself_and_the_put_it_left_in_place():
    update = a_write("u", 11, operation=Operation.UPDATE, item={"a": "u", "b": "p"})
    key = key_of(a_write("p", 10), update, a_read(("u", "p"), 20))
    (look,) = key.looks[EU].by_start

    assert [look.shows(write) for write in key.writes] == [True, True]


def test_an_item_that_still_has_only_the_put_lacks_the_update():
    update = a_write("u", 11, operation=Operation.UPDATE, item={"a": "u", "b": "p"})
    key = key_of(a_write("p", 10), update, a_read("p", 20))

    assert key.looks[EU].by_start[0].lacks(key.writes[1])


def test_an_item_seen_before_and_gone_shows_the_delete():
    assert arrival(a_write("v", 10), a_delete("d", 12), a_read("v", 13), a_read(None, 14), of=1).by_s == 14


def test_an_item_never_seen_and_absent_does_not_show_the_delete():
    """It may not have been created there yet."""
    assert arrival(a_write("v", 10), a_delete("d", 12), a_read(None, 14), of=1) is None


def test_an_absent_item_lacks_a_write_after_the_delete():
    """Put, deleted, put again: absent after the first was seen means the delete was seen and the second put was not."""
    found = arrival(
        a_write("v", 10), a_delete("d", 12), a_write("w", 14), a_read("v", 13), a_read(None, 15), a_read("w", 16), of=2
    )

    assert (found.after_s, found.by_s) == (15, 16)


def test_a_look_that_overlaps_the_one_before_it_learns_nothing_from_it():
    """The look at v lasts until 15 s, so it may have been later than the one at 14 s that found nothing."""
    look = looks_at(a_write("v", 10), a_delete("d", 12), a_read("v", 13, took_s=2), a_read(None, 14)).by_start[1]

    assert look.beginning


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(a_read("nobody's", 20), id="a value nobody wrote"),
        pytest.param(a_read(("v", "nobody's"), 20), id="a value nobody wrote beside one that somebody did"),
        pytest.param(a_read("v", 5), id="a value before it was written"),
        pytest.param(a_read("refused", 20), id="a value whose write was refused"),
    ],
)
def test_what_no_write_explains_neither_shows_nor_lacks_anything(read):
    refused = a_write("refused", 9, outcome=Outcome.FAIL, error="ConditionalCheckFailedException")
    key = key_of(a_write("v", 10), a_write("w", 30), refused, read)
    (look,) = key.looks[EU].by_start

    assert not look.explained
    assert not any(look.shows(write) or look.lacks(write) for write in key.writes)


def test_an_item_that_vanishes_undeleted_went_back_to_before_it_was_written():
    key = key_of(a_write("v", 10), a_read("v", 11), a_read(None, 12))

    assert key.looks[EU].by_start[1].lacks(key.writes[0])


def test_an_item_with_attributes_of_the_applications_own_is_known_by_the_writes_reply():
    write = a_write("v", 10, item={"name": "v", "createdAt": "today"})
    read = a_read("v", 11)
    read = type(read)(**{**{name: getattr(read, name) for name in read.__struct_fields__}, "item": write.item})
    key = key_of(write, read)

    assert key.looks[EU].by_start[0].shows(key.writes[0])


def test_two_writes_of_one_value_are_refused_by_name():
    with pytest.raises(InvalidHistory, match=r"'v' was written twice.*'k' at 1\.000 s.*'other' at 2\.000 s"):
        items_of(a_history(a_write("v", 1), a_write("v", 2, key="other")))


@pytest.mark.parametrize(
    ("error", "throttled"),
    [
        ("ProvisionedThroughputExceededException: x", True),
        ("ThrottlingException: x", True),
        ("throttled", True),
        ("status 429", True),
        ("AccessDeniedException: x", False),
        (None, False),
    ],
)
def test_throttling_is_told_from_other_refusals(error, throttled):
    assert is_throttled(a_read(None, 1, outcome=Outcome.FAIL, error=error)) is throttled


def test_a_read_that_was_answered_was_not_throttled_whatever_it_says():
    assert not is_throttled(a_read("v", 1, error="ThrottlingException"))
