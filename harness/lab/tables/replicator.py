"""The replicator: holds every replicated write until it is due at its destination, then hands it over.

One thread, one heap. Times are stack seconds on the lab's clock. Between two regions the writes of one item arrive in
the order they were made; writes of different items may overtake each other, as on AWS.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from harness.clock import Clock
from harness.stack import RegionName

_log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 0.25
"""Wall seconds. The clock's rate may change while the thread waits, so it looks again at least this often."""

Write = TypeVar("Write")


class _Lane(msgspec.Struct, frozen=True):
    """Where order is kept: one item on its way between two regions."""

    origin: RegionName
    destination: RegionName
    item: Hashable


class _Parcel(msgspec.Struct, Generic[Write]):
    lane: _Lane
    write: Write


class Replicator(Generic[Write]):
    """`delay_s(origin, destination)` draws each delay; `deliver(destination, write)` is called on the one thread."""

    def __init__(
        self,
        clock: Clock,
        delay_s: Callable[[RegionName, RegionName], float],
        deliver: Callable[[RegionName, Write], None],
    ) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._deliver = deliver
        self._changed = threading.Condition()
        self._delivering = threading.Lock()
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, _Parcel[Write]]] = []
        self._last_in_lane: dict[_Lane, tuple[float, int]] = {}
        self._pending = 0
        self._stopped = True
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """Writes sent and not yet handed over."""
        return self._pending

    def send(self, origin: RegionName, destination: RegionName, item: Hashable, write: Write) -> None:
        """Hands `write` over at `destination` after a delay, and after every earlier one of the same item."""
        lane = _Lane(origin, destination, item)
        with self._changed:
            number = next(self._numbers)
            earliest_s, _ = self._last_in_lane.get(lane, (0.0, 0))
            due_s = max(earliest_s, self._clock.now_s() + self._delay_s(origin, destination))
            self._last_in_lane[lane] = (due_s, number)
            heapq.heappush(self._heap, (due_s, number, _Parcel(lane, write)))
            self._pending += 1
            if self._heap[0][1] == number:
                self._changed.notify()

    def deliver_due(self) -> int:
        """Hands over what is due now; how many. The thread's work, callable by tests that drive a virtual clock."""
        delivered = 0
        with self._delivering:
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
        while self._wait_for_due():
            self.deliver_due()

    def _wait_for_due(self) -> bool:
        """True when the first parcel is due, False when stopped."""
        with self._changed:
            while not self._stopped:
                wall_s = _LONGEST_WAIT_S
                if self._heap:
                    wall_s = (self._heap[0][0] - self._clock.now_s()) / self._clock.rate
                if wall_s <= 0:
                    return True
                self._changed.wait(min(wall_s, _LONGEST_WAIT_S))
            return False

    def _take_due(self) -> _Parcel[Write] | None:
        with self._changed:
            if self._stopped and self._thread is not None:
                return None
            if not self._heap or self._heap[0][0] > self._clock.now_s():
                return None
            _, number, parcel = heapq.heappop(self._heap)
            if self._last_in_lane[parcel.lane][1] == number:
                del self._last_in_lane[parcel.lane]
            return parcel

    def _hand_over(self, parcel: _Parcel[Write]) -> None:
        try:
            self._deliver(parcel.lane.destination, parcel.write)
        except Exception:  # noqa: BLE001 - whatever it is, it is logged
            # One write that cannot be applied must not end replication for all: it is reported, the others go on.
            _log.exception("replicated write to %s could not be applied: %r", parcel.lane.destination, parcel.write)
        finally:
            with self._changed:
                self._pending -= 1
