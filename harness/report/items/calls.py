"""What clients did with items, by time: listed once for all experiments of a history."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

import msgspec

from harness.events import ExperimentEvent, ItemRead, ItemWrite
from harness.history import History

C = TypeVar("C", ItemRead, ItemWrite)


class Calls(msgspec.Struct, frozen=True):
    """In order of start."""

    writes: Sequence[ItemWrite]
    reads: Sequence[ItemRead]

    def during(self, experiment: ExperimentEvent) -> Calls:
        """Those that began while it ran."""
        return Calls(_during(self.writes, experiment), _during(self.reads, experiment))

    def __bool__(self) -> bool:
        return bool(self.writes or self.reads)


def _during(calls: Sequence[C], experiment: ExperimentEvent) -> Sequence[C]:
    first = bisect_left(calls, experiment.start_s, key=lambda call: call.start_s)
    return calls[first : bisect_right(calls, experiment.end_s, lo=first, key=lambda call: call.start_s)]


_known: WeakKeyDictionary[History, Calls] = WeakKeyDictionary()


def calls_of(history: History) -> Calls:
    """The history's calls, listed once: a history never changes."""
    if history not in _known:
        _known[history] = Calls(history.of(ItemWrite), history.of(ItemRead))
    return _known[history]
