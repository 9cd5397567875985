"""Reads the control plane back after changes, off the threads that make them, many changes at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from harness.lab.ports import Change

_log = logging.getLogger(__name__)


class Reloader:
    """Calls `reload` with all changes since its last call; one call at a time, on a thread of its own.

    A deployment makes a hundred changes: those that come while a read-back runs share the next one.
    """

    def __init__(self, reload: Callable[[list[Change]], None]) -> None:
        self._reload = reload
        self._changes: list[Change] = []
        self._condition = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="reloader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self, change: Change) -> None:
        with self._condition:
            self._changes.append(change)
            self._condition.notify()

    def stop(self) -> None:
        """Returns when the read-back under way has ended; changes not yet read back are dropped."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while changes := self._next():
            try:
                self._reload(changes)
            except Exception:  # noqa: BLE001
                # The data plane goes on with what it has, as AWS's does when its control plane fails.
                _log.exception("reading the control plane back after %d changes", len(changes))

    def _next(self) -> list[Change]:
        """Waits for changes; none when stopping."""
        with self._condition:
            self._condition.wait_for(lambda: self._changes or self._stopping)
            if self._stopping:
                return []
            changes, self._changes = self._changes, []
            return changes
