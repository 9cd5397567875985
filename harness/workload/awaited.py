"""Writes of one region that another does not show yet: what is still worth polling for. No network."""

from __future__ import annotations

import threading
from collections import deque

import msgspec

from harness.events import ItemRead, ItemWrite, Operation, Outcome


class _Write(msgspec.Struct, frozen=True):
    value: str
    deleted: bool
    until_s: float


class Awaited:
    """Acknowledged writes on keys that have one writer each, in its order. Threads may share one."""

    def __init__(self, at_most_s: float) -> None:
        self._at_most_s = at_most_s
        self._writes: dict[str, deque[_Write]] = {}
        """By key, in turn for the next look; none is empty."""
        self._changed = threading.Condition()
        self._closed = False

    def expect(self, write: ItemWrite) -> None:
        """A write that was refused, or may not have happened, is not waited for."""
        if write.outcome is not Outcome.OK:
            return
        awaited = _Write(write.value, write.operation is Operation.DELETE, write.end_s + self._at_most_s)
        with self._changed:
            self._writes.setdefault(write.key, deque()).append(awaited)
            self._changed.notify_all()

    def next_key(self, now_s: float) -> str | None:
        """The key that was not looked at for longest; None when no write is awaited. Gives up those out of time."""
        with self._changed:
            for key in tuple(self._writes):
                writes = self._writes.pop(key)
                while writes and writes[0].until_s < now_s:
                    writes.popleft()
                if writes:
                    self._writes[key] = writes  # now the last in turn
                    return key
        return None

    def saw(self, read: ItemRead) -> None:
        """What `read` shows, and everything before it on that key, is awaited no more."""
        if read.outcome is not Outcome.OK:
            return
        with self._changed:
            writes = self._writes.get(read.key)
            if writes is None:
                return
            for _ in range(_shown(writes, read)):
                writes.popleft()
            if not writes:
                del self._writes[read.key]

    def wait(self) -> bool:
        """Returns when there is a write to look for, at once when there is; False when there never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._writes or self._closed)
            return bool(self._writes)

    def is_empty(self) -> bool:
        with self._changed:
            return not self._writes

    def close(self) -> None:
        """No write will be expected any more; those awaited still are."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nothing is awaited any more, and nothing will be."""
        with self._changed:
            self._writes.clear()
            self._closed = True
            self._changed.notify_all()


def _shown(writes: deque[_Write], read: ItemRead) -> int:
    """How many of `writes`, from the first on, took effect where `read` was made."""
    if read.item is None:
        # Before an unseen put arrives there is no item either: only what is next in line can be told by its absence.
        return 1 if writes[0].deleted else 0
    values = set(read.item.values())
    return max((number for number, write in enumerate(writes, 1) if write.value in values), default=0)
