"""The replicator: holds every replicated write until it is due at its destination, then hands it over.

One thread, one heap. Times are stack seconds on the lab's clock. Between two regions the writes of one item arrive in
the order they were made; writes of different items may overtake each other, as on AWS.

A route that is held (paused, cut) keeps its due writes aside, and new ones join them. Once it is open again it takes
one delay more, drawn anew, until the first of them arrives: replication has to read from where it stopped. Then they
come in the order in which they would have come.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from harness.clock import Clock
from harness.stack import RegionName

_log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 0.25
"""Wall seconds. The clock's rate may change while the thread waits, so it looks again at least this often."""

_RESTLESS_WAIT_S = 0.02
"""Wall seconds between looks while a route is held: what holds it may end by itself, by its date."""

_CATCH_UP_S = 1.0
"""Stack seconds of a throttled destination's capacity that it may make up for after the thread came late."""

Write = TypeVar("Write")


class Route(NamedTuple):
    """The way from one replica of a table to another."""

    origin: RegionName
    destination: RegionName
    table: Hashable


class Flow(Protocol):
    """What may slow a route down or hold it. Asked with the replicator's own lock held: it must not send."""

    def is_restless(self) -> bool:
        """Whether the answers below may change by time alone."""
        ...

    def is_held(self, route: Route) -> bool: ...

    def most_per_s(self, destination: RegionName) -> float | None:
        """Writes that `destination` takes per second; None: any number."""
        ...

    def coalesced_within_s(self) -> float | None:
        """Of an item's writes that are due in one window of this length only the last arrives; None: all do."""
        ...


class _Lane(NamedTuple):
    """Where order is kept: one item on its way between two regions."""

    route: Route
    item: Hashable


class _Parcel(msgspec.Struct, Generic[Write]):
    lane: _Lane
    due_s: float
    number: int
    write: Write
    in_order: bool

    def __lt__(self, other: _Parcel[Write]) -> bool:
        return (self.due_s, self.number) < (other.due_s, other.number)


class Replicator(Generic[Write]):
    """`delay_s(origin, destination)` draws each delay; `deliver(destination, write)` is called on the one thread.

    So is `look`, a few times a wall second at least, before anything is delivered.
    """

    def __init__(
        self,
        clock: Clock,
        delay_s: Callable[[RegionName, RegionName], float],
        deliver: Callable[[RegionName, Write], None],
        *,
        flow: Flow,
        look: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._deliver = deliver
        self._flow = flow
        self._look = look
        self._changed = threading.Condition()
        self._delivering = threading.Lock()
        self._numbers = itertools.count()
        self._heap: list[_Parcel[Write]] = []
        self._held: dict[Route, list[_Parcel[Write]]] = {}
        self._resumes_s: dict[Route, float] = {}
        self._throttled: dict[RegionName, deque[_Parcel[Write]]] = {}
        self._next_slot_s: dict[RegionName, float] = {}
        self._last_in_lane: dict[_Lane, tuple[float, int]] = {}
        self._pending = 0
        self._stopped = True
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """Writes sent and not yet handed over."""
        return self._pending

    def held(self) -> dict[Route, int]:
        """How many due writes each held route keeps aside."""
        with self._changed:
            return {route: len(parcels) for route, parcels in self._held.items()}

    def send(
        self,
        route: Route,
        item: Hashable,
        write: Write,
        *,
        delay_s: float | None = None,
        late_s: float = 0.0,
        in_order: bool = True,
    ) -> None:
        """Hands `write` over at the route's end after a delay (drawn, unless given, and then as late again as told)
        and, when `in_order`, after every earlier one of the same item.
        """
        lane = _Lane(route, item)
        with self._changed:
            number = next(self._numbers)
            drawn_s = self._delay_s(route.origin, route.destination) if delay_s is None else delay_s
            due_s = self._clock.now_s() + drawn_s + late_s
            if in_order:
                due_s = max(due_s, self._last_in_lane.get(lane, (0.0, 0))[0])
                self._last_in_lane[lane] = (due_s, number)
            parcel = _Parcel(lane, due_s, number, write, in_order)
            heapq.heappush(self._heap, parcel)
            self._pending += 1
            if self._heap[0] is parcel:
                self._changed.notify()

    def wake(self) -> None:
        """Makes the thread look at the flow at once: something there has changed."""
        with self._changed:
            self._changed.notify()

    def deliver_due(self) -> int:
        """Hands over what is due now; how many. The thread's work, callable by tests that drive a virtual clock."""
        delivered = 0
        with self._delivering:
            self._look()
            self._release_open_routes()
            while (parcel := self._take_due()) is not None:
                self._hand_over(parcel)
                delivered += 1
        return delivered

    def start(self) -> None:
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._run, name="lab-replicator", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread; what is still on its way stays undelivered."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopped:
            self.deliver_due()
            self._wait_for_due()

    def _wait_for_due(self) -> None:
        """Returns when a write may be due, when woken, and after the longest wait."""
        with self._changed:
            if self._stopped:
                return
            longest_s = _RESTLESS_WAIT_S if self._held or self._flow.is_restless() else _LONGEST_WAIT_S
            next_s = min(self._next_times_s(), default=float("inf"))
            wall_s = min((next_s - self._clock.now_s()) / self._clock.rate, longest_s)
            if wall_s > 0:
                self._changed.wait(wall_s)

    def _next_times_s(self) -> list[float]:
        times_s = [self._next_slot_s.get(destination, 0.0) for destination, queue in self._throttled.items() if queue]
        if self._heap:
            times_s.append(self._heap[0].due_s)
        return times_s + list(self._resumes_s.values())

    def _release_open_routes(self) -> None:
        with self._changed:
            now_s = self._clock.now_s()
            for route in list(self._held):
                if self._flow.is_held(route):
                    self._resumes_s.pop(route, None)
                elif route not in self._resumes_s:
                    self._resumes_s[route] = now_s + self._delay_s(route.origin, route.destination)
                elif self._resumes_s[route] <= now_s:
                    # They keep the due times that they had, so that each item's later writes stay behind them.
                    for parcel in self._held.pop(route):
                        heapq.heappush(self._heap, parcel)
                    del self._resumes_s[route]

    def _take_due(self) -> _Parcel[Write] | None:
        with self._changed:
            if self._stopped and self._thread is not None:
                return None
            now_s = self._clock.now_s()
            for destination, queue in self._throttled.items():
                if queue and self._has_capacity(destination, now_s):
                    return queue.popleft()
            while self._heap and self._heap[0].due_s <= now_s:
                parcel = heapq.heappop(self._heap)
                if not self._put_aside(parcel, now_s):
                    return parcel
            return None

    def _put_aside(self, parcel: _Parcel[Write], now_s: float) -> bool:
        """Whether the due parcel cannot be handed over now."""
        route = parcel.lane.route
        if self._flow.is_held(route) or route in self._held:
            self._held.setdefault(route, []).append(parcel)
        elif self._is_coalesced(parcel):
            self._done(parcel)
        elif self._throttled.get(route.destination) or not self._has_capacity(route.destination, now_s):
            self._throttled.setdefault(route.destination, deque()).append(parcel)
        else:
            return False
        return True

    def _has_capacity(self, destination: RegionName, now_s: float) -> bool:
        """Takes a slot of a throttled destination's capacity when one is free."""
        most_per_s = self._flow.most_per_s(destination)
        if most_per_s is None:
            self._next_slot_s.pop(destination, None)
            return True
        next_s = self._next_slot_s.get(destination, now_s)
        if next_s > now_s:
            return False
        self._next_slot_s[destination] = max(next_s, now_s - _CATCH_UP_S) + 1 / most_per_s
        return True

    def _is_coalesced(self, parcel: _Parcel[Write]) -> bool:
        """Whether the item's last write on this route is due in the same window and will do for this one too."""
        within_s = self._flow.coalesced_within_s()
        if within_s is None or not parcel.in_order:
            return False
        last_due_s, last_number = self._last_in_lane[parcel.lane]
        return last_number != parcel.number and last_due_s // within_s == parcel.due_s // within_s

    def _hand_over(self, parcel: _Parcel[Write]) -> None:
        destination = parcel.lane.route.destination
        try:
            self._deliver(destination, parcel.write)
        except Exception:  # noqa: BLE001 - whatever it is, it is logged
            # One write that cannot be applied must not end replication for all: it is reported, the others go on.
            _log.exception("replicated write to %s could not be applied: %r", destination, parcel.write)
        finally:
            with self._changed:
                self._done(parcel)

    def _done(self, parcel: _Parcel[Write]) -> None:
        self._pending -= 1
        if parcel.in_order and self._last_in_lane[parcel.lane][1] == parcel.number:
            del self._last_in_lane[parcel.lane]
