from __future__ import annotations

import gc
import itertools
import logging
import threading
import time
import weakref

import pytest

from harness.clock import ScaledClock, VirtualClock
from harness.lab.tables.replicator import Replicator, Route


class OpenFlow:
    """Holds, slows and combines nothing, until a test says so."""

    def __init__(self) -> None:
        self.held: set[Route] = set()
        self.limit_per_s: float | None = None
        self.window_s: float | None = None

    def is_restless(self) -> bool:
        return False

    def is_held(self, route: Route) -> bool:
        return route in self.held

    def most_per_s(self, _destination: str) -> float | None:
        return self.limit_per_s

    def coalesced_within_s(self) -> float | None:
        return self.window_s


TO_EU = Route("us", "eu", "table")


def replicator(clock, delays_s, delivered, flow=None) -> Replicator[str]:
    """Draws the delays one after the other; notes (destination, write, stack time) of each delivery."""
    draws = iter(delays_s)
    return Replicator(
        clock,
        lambda _o, _d: next(draws),
        lambda region, write: delivered.append((region, write, clock.now_s())),
        flow=flow or OpenFlow(),
        look=lambda: None,
    )


def test_a_write_is_handed_over_when_its_delay_has_passed_and_not_before():
    clock, delivered = VirtualClock(), []
    sender = replicator(clock, [2.0], delivered)
    sender.send(TO_EU, "item", "a")

    clock.advance_s(1.9)
    assert sender.deliver_due() == 0
    clock.advance_s(0.1)
    assert sender.deliver_due() == 1
    assert delivered == [("eu", "a", 2.0)]


def test_writes_of_one_item_keep_their_order_whatever_their_delays():
    clock, delivered = VirtualClock(), []
    sender = replicator(clock, [2.0, 0.5], delivered)
    sender.send(TO_EU, "item", "first")
    sender.send(TO_EU, "item", "second")

    clock.advance_s(1)
    assert sender.deliver_due() == 0
    clock.advance_s(1)
    sender.deliver_due()
    assert [write for _, write, _ in delivered] == ["first", "second"]


def test_writes_of_different_items_may_overtake_each_other():
    clock, delivered = VirtualClock(), []
    sender = replicator(clock, [2.0, 0.5], delivered)
    sender.send(TO_EU, "one", "first")
    sender.send(TO_EU, "other", "second")

    clock.advance_s(2)
    sender.deliver_due()
    assert [write for _, write, _ in delivered] == ["second", "first"]


def test_a_later_write_is_not_held_up_by_one_that_has_arrived():
    clock, delivered = VirtualClock(), []
    sender = replicator(clock, [2.0, 0.5], delivered)
    sender.send(TO_EU, "item", "first")
    clock.advance_s(2)
    sender.deliver_due()
    sender.send(TO_EU, "item", "second")

    clock.advance_s(0.5)
    assert sender.deliver_due() == 1


def test_nothing_is_remembered_of_items_whose_writes_have_arrived():
    class Item: ...

    clock, item = VirtualClock(), Item()
    alive = weakref.ref(item)
    sender = replicator(clock, [1.0], [])
    sender.send(TO_EU, item, "a")
    clock.advance_s(1)
    sender.deliver_due()
    del item
    gc.collect()

    assert alive() is None


def test_the_thread_delivers_in_the_clocks_own_seconds():
    """2 stack seconds at rate 40 are 50 ms of wall time."""
    clock, delivered, done = ScaledClock(rate=40), [], threading.Event()
    sender = Replicator(
        clock,
        lambda _o, _d: 2.0,
        lambda _r, _w: (delivered.append(clock.now_s()), done.set()),
        flow=OpenFlow(),
        look=lambda: None,
    )
    sender.start()
    sent_s = clock.now_s()
    sender.send(TO_EU, "item", "a")

    assert done.wait(timeout=5)
    sender.stop()
    assert delivered[0] - sent_s >= 2.0


def test_a_later_send_that_is_due_earlier_wakes_the_thread(monkeypatch):
    monkeypatch.setattr("harness.lab.tables.replicator._LONGEST_WAIT_S", 60)
    clock, delivered, done = ScaledClock(), [], threading.Event()
    delays_s = iter([60.0, 0.01])
    sender = Replicator(
        clock,
        lambda _o, _d: next(delays_s),
        lambda _r, w: (delivered.append(w), done.set()),
        flow=OpenFlow(),
        look=lambda: None,
    )
    sender.start()
    sender.send(TO_EU, "slow", "slow")
    sender.send(TO_EU, "fast", "fast")

    assert done.wait(timeout=5)
    sender.stop()
    assert delivered == ["fast"]


def test_a_write_that_cannot_be_applied_is_reported_and_the_others_go_on(caplog):
    clock, delivered = VirtualClock(), []

    def deliver(_region: str, write: str) -> None:
        if write == "bad":
            raise KeyError(write)
        delivered.append(write)

    sender = Replicator(clock, lambda _o, _d: 0.0, deliver, flow=OpenFlow(), look=lambda: None)
    with caplog.at_level(logging.ERROR):
        for write in ("bad", "good"):
            sender.send(TO_EU, write, write)
        sender.deliver_due()

    assert delivered == ["good"]
    assert "bad" in caplog.text
    assert sender.pending == 0


def test_stopping_ends_the_thread_and_leaves_the_rest_undelivered():
    sender = Replicator(
        ScaledClock(), lambda _o, _d: 60.0, lambda _r, _w: pytest.fail("delivered"), flow=OpenFlow(), look=lambda: None
    )
    sender.start()
    sender.send(TO_EU, "item", "a")
    sender.stop()

    assert sender.pending == 1
    assert "lab-replicator" not in {thread.name for thread in threading.enumerate()}


def test_a_held_route_keeps_its_writes_while_others_deliver():
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    sender = replicator(clock, [1.0, 1.0], delivered, flow)
    flow.held = {TO_EU}
    sender.send(TO_EU, "item", "held")
    sender.send(Route("us", "ap", "table"), "item", "free")

    clock.advance_s(5)
    sender.deliver_due()
    assert [write for _, write, _ in delivered] == ["free"]
    assert sender.held() == {TO_EU: 1}
    assert sender.pending == 1


def test_a_healed_route_resumes_after_one_delay_and_in_order():
    """Due at 2, 1 and 6 s; held until 5 s; the delay drawn at healing is 3 s: all at 8 s, as they would have come."""
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    sender = replicator(clock, [2.0, 1.0, 1.0, 3.0], delivered, flow)
    flow.held = {TO_EU}
    sender.send(TO_EU, "one", "one, first")
    sender.send(TO_EU, "other", "other")
    clock.advance_s(5)
    sender.deliver_due()
    sender.send(TO_EU, "one", "one, second")
    flow.held = set()
    sender.deliver_due()

    clock.advance_s(2.9)
    sender.deliver_due()
    assert delivered == []
    clock.advance_s(0.1)
    sender.deliver_due()
    assert [write for _, write, _ in delivered] == ["other", "one, first", "one, second"]


def test_a_route_that_is_held_again_before_it_resumes_stays_held():
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    sender = replicator(clock, [1.0, 3.0, 3.0], delivered, flow)
    flow.held = {TO_EU}
    sender.send(TO_EU, "item", "a")
    clock.advance_s(1)
    sender.deliver_due()
    flow.held = set()
    sender.deliver_due()
    flow.held = {TO_EU}
    clock.advance_s(10)
    sender.deliver_due()
    assert delivered == []

    flow.held = set()
    sender.deliver_due()
    assert delivered == []
    clock.advance_s(3)
    sender.deliver_due()
    assert [write for _, write, _ in delivered] == ["a"]


def test_a_throttled_destination_takes_its_writes_one_by_one_and_loses_none():
    """Ten writes due at 1 s; 2 a second: one each half second from 1 s on."""
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    flow.limit_per_s = 2.0
    sender = replicator(clock, [1.0] * 10, delivered, flow)
    for number in range(10):
        sender.send(TO_EU, f"item {number}", str(number))
    for _ in range(60):
        clock.advance_s(0.1)
        sender.deliver_due()

    assert [write for _, write, _ in delivered] == [str(number) for number in range(10)]
    gaps_s = [later - earlier for (_, _, earlier), (_, _, later) in itertools.pairwise(delivered)]
    assert gaps_s == pytest.approx([0.5] * 9, abs=0.11)


def test_a_throttle_that_is_taken_away_lets_all_that_waited_through():
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    flow.limit_per_s = 0.1
    sender = replicator(clock, [1.0] * 5, delivered, flow)
    for number in range(5):
        sender.send(TO_EU, "item", str(number))
    clock.advance_s(1)
    sender.deliver_due()
    flow.limit_per_s = None
    sender.deliver_due()

    assert [write for _, write, _ in delivered] == ["0", "1", "2", "3", "4"]


class LimitEndsBetweenLooks(OpenFlow):
    """A slow destination until it was asked twice."""

    asked = 0

    def most_per_s(self, _destination: str) -> float | None:
        self.asked += 1
        return 0.1 if self.asked <= 2 else None


def test_a_throttle_that_ends_at_any_moment_lets_no_write_overtake_an_earlier_one():
    """Asked for "first", which may go, and for "second", which waits; then the limit is gone, with "third" due too."""
    clock, delivered = VirtualClock(), []
    sender = replicator(clock, [1.0, 1.0, 2.0], delivered, LimitEndsBetweenLooks())
    sender.send(TO_EU, "item", "first")
    sender.send(TO_EU, "item", "second")
    clock.advance_s(1)
    sender.send(TO_EU, "item", "third")
    clock.advance_s(2)
    sender.deliver_due()
    sender.deliver_due()

    assert [write for _, write, _ in delivered] == ["first", "second", "third"]


def test_of_an_items_writes_in_one_window_only_the_last_arrives_when_coalesced():
    """Windows of 1 s: due at 1.0, 1.4 and 1.9 s are one window, 2.1 s is the next."""
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    flow.window_s = 1.0
    sender = replicator(clock, [1.0, 1.4, 1.9], delivered, flow)
    for write in ("a", "b", "c"):
        sender.send(TO_EU, "item", write)
    clock.advance_s(3)
    sender.deliver_due()

    assert [write for _, write, _ in delivered] == ["c"]
    assert sender.pending == 0


def test_writes_of_different_items_are_never_combined():
    clock, delivered, flow = VirtualClock(), [], OpenFlow()
    flow.window_s = 1.0
    sender = replicator(clock, [1.0, 1.1], delivered, flow)
    sender.send(TO_EU, "one", "a")
    sender.send(TO_EU, "other", "b")
    clock.advance_s(3)
    sender.deliver_due()

    assert [write for _, write, _ in delivered] == ["a", "b"]


def test_the_thread_is_woken_when_the_flow_changes(monkeypatch):
    monkeypatch.setattr("harness.lab.tables.replicator._LONGEST_WAIT_S", 60)
    monkeypatch.setattr("harness.lab.tables.replicator._RESTLESS_WAIT_S", 60)
    flow, delivered, done = OpenFlow(), [], threading.Event()
    flow.held = {TO_EU}
    sender = Replicator(
        ScaledClock(), lambda _o, _d: 0.0, lambda _r, w: (delivered.append(w), done.set()), flow=flow, look=lambda: None
    )
    sender.start()
    sender.send(TO_EU, "item", "a")
    wait_until(sender.held)
    flow.held = set()
    while not done.wait(timeout=0.02):
        sender.wake()
    sender.stop()

    assert delivered == ["a"]


def wait_until(condition, at_most_s: float = 5.0) -> None:
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
