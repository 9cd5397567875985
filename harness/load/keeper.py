"""The master's end: batches of all workers into one history, each once and in order, and what of them is missing."""

from __future__ import annotations

from typing import Protocol

import msgspec

from harness.clock import Clock
from harness.events import AnyEvent, Gap
from harness.load.messages import Batch, Ended, Refused

EVERYONE = "*"
SILENT_AT_MOST_WALL_S = 5.0
"""A worker that sent nothing for so long is lost; it sends every half second."""


class _Worker(msgspec.Struct, kw_only=True):
    vantages: tuple[str, ...]
    next_number: int = 0
    events: int = 0
    until_s: float = 0.0
    ended: Ended | None = None
    refused: str | None = None


class Keeping(Protocol):
    """What a keeper writes to."""

    @property
    def clock(self) -> Clock: ...
    def append(self, lines: bytes) -> None: ...
    def record(self, event: AnyEvent) -> None: ...


class Keeper:
    """Of one run. Workers that were told to begin are known to it, whether they ever send or not."""

    def __init__(self, recorder: Keeping, run: str) -> None:
        self._recorder = recorder
        self._run = run
        self._workers: dict[str, _Worker] = {}
        self.made: list[str] = []
        """Keys of all items that users made."""

    def expect(self, worker: str, vantages: tuple[str, ...]) -> None:
        self._workers.setdefault(
            worker, _Worker(vantages=vantages, until_s=self._recorder.clock.now_s())
        ).vantages = vantages

    def keep(self, batch: Batch) -> bool:
        """Writes the batch; True when it may be confirmed. One that is of another run, or was kept before, is not
        written again."""
        if batch.run != self._run or batch.worker not in self._workers:
            return False
        worker = self._workers[batch.worker]
        if batch.number < worker.next_number:
            return True
        if batch.number > worker.next_number:
            missing = batch.number - worker.next_number
            self._tell_gap(worker, batch.until_s, f"{missing} batches of worker {batch.worker} never came")
        if batch.events:
            self._recorder.append(batch.lines)
        worker.next_number = batch.number + 1
        worker.events += batch.events
        worker.until_s = max(worker.until_s, batch.until_s)
        self.made += batch.made
        return True

    def ended(self, message: Ended) -> None:
        if message.run == self._run and message.worker in self._workers:
            self._workers[message.worker].ended = message

    def refused(self, message: Refused) -> None:
        if message.worker in self._workers:
            self._workers[message.worker].refused = message.reason

    @property
    def waited_for(self) -> tuple[str, ...]:
        """Workers that have not told that they ended."""
        return tuple(name for name, worker in self._workers.items() if not (worker.ended or worker.refused))

    def silent(self, now_s: float) -> tuple[str, ...]:
        """Workers of which nothing was heard for too long."""
        longest_s = SILENT_AT_MOST_WALL_S * self._recorder.clock.rate
        return tuple(name for name in self.waited_for if now_s - self._workers[name].until_s > longest_s)

    def close(self) -> None:
        """Whatever a worker saw and did not bring is told as a gap at its vantages."""
        for name, worker in self._workers.items():
            if worker.refused:
                self._tell_gap(worker, self._recorder.clock.now_s(), worker.refused)
            elif worker.ended is None:
                reason = f"worker {name} was lost: its last batch came up to {worker.until_s:.1f} s"
                self._tell_gap(worker, self._recorder.clock.now_s(), reason)
            elif worker.ended.events != worker.events:
                missing = worker.ended.events - worker.events
                reason = f"{missing} events of worker {name} did not reach the master"
                self._tell_gap(worker, self._recorder.clock.now_s(), reason, missed=missing)

    def _tell_gap(self, worker: _Worker, end_s: float, reason: str, *, missed: int = 0) -> None:
        """`missed` 0: nobody knows how many."""
        for vantage in worker.vantages or (EVERYONE,):
            self._recorder.record(
                Gap(
                    start_s=min(worker.until_s, end_s),
                    end_s=end_s,
                    source="load",
                    vantage=vantage,
                    missed=missed,
                    reason=reason,
                )
            )
