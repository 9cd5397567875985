"""The lab's own record of how long each write took to each region. Free of moto, for clients to import."""

from __future__ import annotations

import threading

import msgspec

from harness.stack import RegionName

KEPT = 200_000
"""Lines of the record; older ones are dropped, and their numbers with them."""

PAGE = 20_000


class Replicated(msgspec.Struct, frozen=True, array_like=True):
    """One write at one receiving region. In JSON an array, in this order. Times are the lab's stack seconds."""

    origin: RegionName
    destination: RegionName
    key: str
    """Values of the key's parts, joined by "/"."""
    written_at_s: float
    visible_at_s: float
    """When it was shown, or found to be older than what was shown."""
    won: bool
    """Whether it was shown."""
    table: str


class ReplicatedPage(msgspec.Struct, frozen=True, kw_only=True):
    first: int
    """Number of the first line below."""
    next: int
    """What to ask for as `since` next."""
    lines: tuple[Replicated, ...]


class ReplicationRecord:
    """The last arrivals, numbered. Any thread may add and read."""

    def __init__(self) -> None:
        self._lines: list[Replicated] = []
        self._dropped = 0
        self._lock = threading.Lock()

    def add(self, line: Replicated) -> None:
        with self._lock:
            self._lines.append(line)
            if len(self._lines) > KEPT:
                drop = KEPT // 10
                del self._lines[:drop]
                self._dropped += drop

    def since(self, number: int, at_most: int = PAGE) -> ReplicatedPage:
        with self._lock:
            first = max(number, self._dropped)
            lines = tuple(self._lines[first - self._dropped : first - self._dropped + at_most])
            return ReplicatedPage(first=first, next=first + len(lines), lines=lines)
