"""The one writer of a history: whole lines, in memory and on disk, from any thread."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.clock import Clock
from harness.errors import HistoryUnwritable
from harness.events import AnyEvent, RunHeader
from harness.history import History, decode_lines, encode_line


class Recorder:
    """Appends events to `path` (absent: memory only) and keeps them for live conditions.

    Each event is one write of one whole line, so a crash loses at most the line being written. Writes are left to the
    page cache: SIGKILL of this process loses nothing, a lost machine the last seconds.

    Raises (when recording):
        HistoryUnwritable: the disk is full, say; from then on for every event.
    """

    def __init__(self, clock: Clock, header: RunHeader, path: Path | None = None) -> None:
        self.clock = clock
        self.header = header
        self._lock = threading.Lock()
        self._events: list[AnyEvent] = []
        self._lines: list[bytes] = []
        """Of events that somebody else encoded; made events of when the history is asked for."""
        self._listeners: list[Callable[[AnyEvent], None]] = []
        self._unwritable: str | None = None
        self._file: FileIO | None = FileIO(path, "ab") if path else None
        self.record(header)

    def record(self, event: AnyEvent) -> None:
        line = encode_line(event)
        with self._lock:
            self._events.append(event)
            if self._file:
                self._write(self._file, line)
        # A copy: a listener may end itself, and other threads theirs, meanwhile.
        for listener in tuple(self._listeners):
            listener(event)

    def refuse_if_unwritable(self) -> None:
        """Raises HistoryUnwritable when a line was lost, on whichever thread."""
        if self._unwritable:
            raise HistoryUnwritable(self._unwritable)

    def _write(self, file: FileIO, line: bytes) -> None:
        """A disk that fills up takes a part of a line and only then says so: the part ends the file, and is skipped."""
        self.refuse_if_unwritable()
        try:
            why = None if file.write(line) == len(line) else os.strerror(errno.ENOSPC)
        except OSError as error:
            why = error.strerror or str(error)
        if why:
            self._unwritable = f"history {file.name!r} cannot be written: {why}"
            raise HistoryUnwritable(self._unwritable)

    def append(self, lines: bytes) -> None:
        """Whole lines that somebody else encoded. Listeners are not told of them."""
        with self._lock:
            self._lines.append(lines)
            if self._file:
                self._write(self._file, lines)

    def listen(self, listener: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """Calls `listener` after each event, on the recording thread. Returns the call that ends it."""
        self._listeners.append(listener)

        def stop() -> None:
            self._listeners.remove(listener)

        return stop

    def history(self) -> History:
        """All that was recorded so far."""
        with self._lock:
            for lines in self._lines:
                self._events += decode_lines(lines)
            self._lines.clear()
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
