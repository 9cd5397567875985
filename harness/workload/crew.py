"""Threads that each do one thing at a steady pace until they are told to stop, and are then waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from harness.errors import TargetError
from harness.events import Gap
from harness.probes.items import SOURCE
from harness.probes.pacing import Pace, Slot
from harness.recorder import Recorder


class Crew:
    """Up to `size` threads. They look at `stopping` between two operations, so each operation must have an end."""

    def __init__(self, recorder: Recorder, size: int, name: str) -> None:
        self.stopping = threading.Event()
        self._recorder = recorder
        self._clock = recorder.clock
        self._pool = ThreadPoolExecutor(max_workers=max(1, size), thread_name_prefix=name)
        self._running: list[Future[None]] = []

    def start(self, work: Callable[..., None], *arguments: object) -> None:
        self._running.append(self._pool.submit(work, *arguments))

    def keep(self, pace: Pace, once: Callable[[Slot], None], *, who: str) -> None:
        """Calls `once` at each slot of `pace` until stopped; slots that pass meanwhile are recorded as a Gap."""
        while True:
            now_s = self._clock.now_s()
            slot = pace.next_slot(now_s)
            if slot.missed:
                self.record_gap(slot, who, f"the operation before took until {now_s:.1f} s")
            if not self.sleep_until_s(slot.due_s):
                return
            once(slot)

    def sleep_until_s(self, at_s: float) -> bool:
        """False when stopped before."""
        return not self.stopping.wait(max(0.0, at_s - self._clock.now_s()) / self._clock.rate)

    def record_gap(self, slot: Slot, who: str, reason: str) -> None:
        self._recorder.record(
            Gap(
                start_s=slot.missed_from_s,
                end_s=slot.due_s,
                source=SOURCE,
                vantage=who,
                missed=slot.missed,
                reason=reason,
            )
        )

    def stop(self, within_wall_s: float) -> None:
        """Waits for the operations under way. Raises what a thread died of, if one did.

        Raises:
            TargetError: a thread did not end in time.
        """
        self.stopping.set()
        done, running = wait(self._running, timeout=within_wall_s)
        self._pool.shutdown(wait=False)
        for work in done:
            work.result()
        if running:
            raise TargetError(
                f"{len(running)} of the workload's threads did not end within {within_wall_s:.0f} s; "
                "what they do now is not in the history"
            )
