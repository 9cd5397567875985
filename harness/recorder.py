"""The one writer of a history: whole lines, in memory and on disk, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.clock import Clock
from harness.events import AnyEvent, RunHeader
from harness.history import History, encode_line


class Recorder:
    """Appends events to `path` (absent: memory only) and keeps them for live conditions.

    Each event is one write of one whole line, so a crash loses at most the line being written. Writes are left to the
    page cache: SIGKILL of this process loses nothing, a lost machine the last seconds.
    """

    def __init__(self, clock: Clock, header: RunHeader, path: Path | None = None) -> None:
        self.clock = clock
        self.header = header
        self._lock = threading.Lock()
        self._events: list[AnyEvent] = []
        self._listeners: list[Callable[[AnyEvent], None]] = []
        self._file = path.open("ab", buffering=0) if path else None
        self.record(header)

    def record(self, event: AnyEvent) -> None:
        with self._lock:
            self._events.append(event)
            if self._file:
                self._file.write(encode_line(event))
        # A copy: a listener may end itself, and other threads theirs, meanwhile.
        for listener in tuple(self._listeners):
            listener(event)

    def listen(self, listener: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """Calls `listener` after each event, on the recording thread. Returns the call that ends it."""
        self._listeners.append(listener)

        def stop() -> None:
            self._listeners.remove(listener)

        return stop

    def history(self) -> History:
        """All that was recorded so far."""
        with self._lock:
            return History(self._events)

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
