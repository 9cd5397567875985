"""A worker's end of the history: events in, numbered batches of lines out, none forgotten before the master has it.

Bounded: when the master falls behind by `UNCONFIRMED_AT_MOST` batches and `WAITING_AT_MOST` events, users wait.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.event import Event as Signal

from harness.clock import Clock
from harness.events import AnyEvent
from harness.history import encode_lines
from harness.load.messages import Batch

FLUSHED_EVERY_WALL_S = 0.5
BATCH_EVENTS = 2_000
WAITING_AT_MOST = 20_000
UNCONFIRMED_AT_MOST = 32


class Sink:
    """Of one worker, for one run. Greenlets may share it."""

    def __init__(self, send: Callable[[Batch], None], *, worker: str, run: str, clock: Clock) -> None:
        self._send = send
        self._worker = worker
        self._run = run
        self._clock = clock
        self._waiting: list[AnyEvent] = []
        self._made: list[str] = []
        self._next = 0
        self._unconfirmed: dict[int, int] = {}
        """Events of each batch, by its number."""
        self._room = Signal()
        self._room.set()
        self._confirmed = Signal()
        self.closing = False
        self.events = 0
        self._flusher = gevent.spawn(self._flush_often)

    def record(self, event: AnyEvent) -> None:
        if not self._room.is_set():
            self._room.wait()
        self._waiting.append(event)
        self.events += 1
        if len(self._waiting) >= WAITING_AT_MOST:
            self._room.clear()

    def made(self, key: str) -> None:
        """An item that is to be removed when the run ends."""
        self._made.append(key)

    def confirmed(self, number: int) -> None:
        """The master has the batch."""
        self._unconfirmed.pop(number, None)
        self._confirmed.set()

    def close(self, within_wall_s: float) -> int:
        """Sends what is left and waits until the master has all of it; returns how many events it did not confirm."""
        self.closing = True
        self._flusher.kill()
        with gevent.Timeout(within_wall_s, exception=False):
            while self._waiting or self._made:
                self._flush()
            while self._unconfirmed:
                self._wait_for_one()
        return sum(self._unconfirmed.values()) + len(self._waiting)

    def _flush_often(self) -> None:
        while not self.closing:
            self._flush()
            gevent.sleep(0 if len(self._waiting) >= BATCH_EVENTS else FLUSHED_EVERY_WALL_S)

    def _flush(self) -> None:
        """One batch, an empty one too: it tells how far the record is complete."""
        while len(self._unconfirmed) >= UNCONFIRMED_AT_MOST:
            self._wait_for_one()
        # An event ends before it is recorded, so what comes later has ended later.
        until_s = self._clock.now_s()
        batch, self._waiting = self._waiting[:BATCH_EVENTS], self._waiting[BATCH_EVENTS:]
        made, self._made = tuple(self._made), []
        number, self._next = self._next, self._next + 1
        self._unconfirmed[number] = len(batch)
        if len(self._waiting) < WAITING_AT_MOST:
            self._room.set()
        self._send(
            Batch(
                worker=self._worker,
                run=self._run,
                number=number,
                lines=encode_lines(batch),
                events=len(batch),
                until_s=until_s,
                made=made,
            )
        )

    def _wait_for_one(self) -> None:
        self._confirmed.clear()
        self._confirmed.wait()
