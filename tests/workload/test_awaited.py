"""What is still worth polling for."""

from __future__ import annotations

import threading

import pytest

from harness.events import Operation, Outcome
from harness.workload.awaited import Awaited


@pytest.fixture
def awaited():
    return Awaited(at_most_s=30)


def test_a_write_is_awaited_until_it_is_seen(awaited, a_write, a_read):
    awaited.expect(a_write("v1"))
    assert awaited.next_key(3) == "k"

    awaited.saw(a_read("v1", "v1"))

    assert awaited.next_key(3) is None


@pytest.mark.parametrize("shown", [(), ("v0", "v0")])
def test_a_read_without_the_write_changes_nothing(awaited, a_write, a_read, shown):
    awaited.expect(a_write("v1"))

    awaited.saw(a_read(*shown))

    assert awaited.next_key(3) == "k"


def test_a_read_that_failed_changes_nothing(awaited, a_write, a_read):
    awaited.expect(a_write("v1", operation=Operation.DELETE))

    awaited.saw(a_read(outcome=Outcome.FAIL))

    assert awaited.next_key(3) == "k"


def test_an_update_is_seen_by_the_attribute_that_it_set(awaited, a_write, a_read):
    awaited.expect(a_write("v2", operation=Operation.UPDATE))

    awaited.saw(a_read("v1", "v2"))

    assert awaited.is_empty()


def test_a_later_write_seen_ends_the_wait_for_those_before_it_but_not_after(awaited, a_write, a_read):
    for value in ("v1", "v2", "v3"):
        awaited.expect(a_write(value))

    awaited.saw(a_read("v2", "v2"))
    assert not awaited.is_empty()

    awaited.saw(a_read("v3", "v3"))
    assert awaited.is_empty()


def test_a_delete_is_seen_by_the_items_absence(awaited, a_write, a_read):
    awaited.expect(a_write("v1", operation=Operation.DELETE))

    awaited.saw(a_read())

    assert awaited.is_empty()


def test_absence_tells_nothing_while_a_write_before_the_delete_was_not_seen(awaited, a_write, a_read):
    """No item: either neither the put nor the delete has come, or both have."""
    awaited.expect(a_write("v1"))
    awaited.expect(a_write("v2", operation=Operation.DELETE))

    awaited.saw(a_read())

    assert awaited.next_key(3) == "k"


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.UNKNOWN])
def test_a_write_that_was_not_acknowledged_is_not_awaited(awaited, a_write, outcome):
    awaited.expect(a_write("v1", outcome=outcome))

    assert awaited.is_empty()


def test_a_write_is_given_up_when_its_time_is_over(awaited, a_write):
    """Acknowledged at 2 s, awaited 30 s."""
    awaited.expect(a_write("v1"))

    assert awaited.next_key(32) == "k"
    assert awaited.next_key(32.1) is None
    assert awaited.is_empty()


def test_keys_are_looked_at_in_turn(awaited, a_write):
    for key in ("k1", "k2", "k3"):
        awaited.expect(a_write(f"v-{key}", key=key))

    assert [awaited.next_key(3) for _ in range(4)] == ["k1", "k2", "k3", "k1"]


def test_a_poller_with_nothing_to_look_for_waits_until_there_is(awaited, a_write):
    found = []
    thread = threading.Thread(target=lambda: found.append(awaited.wait()))
    thread.start()

    awaited.expect(a_write("v1"))
    thread.join(5)

    assert found == [True]


def test_after_the_last_write_was_seen_a_closed_wait_ends(awaited, a_write, a_read):
    awaited.expect(a_write("v1"))
    awaited.close()
    assert awaited.wait()

    awaited.saw(a_read("v1", "v1"))

    assert not awaited.wait()


def test_abandoned_writes_are_awaited_no_more(awaited, a_write):
    awaited.expect(a_write("v1"))

    awaited.abandon()

    assert not awaited.wait()
