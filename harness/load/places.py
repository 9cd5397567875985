"""Where locust users live: a vantage, and the one resolver that all users there share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count

from gevent.lock import RLock

from harness.clock import Clock
from harness.events import DnsAnswer
from harness.probes.resolve import Resolution, cache_of, resolve
from harness.target import Target
from harness.vantages import Vantage

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, spread evenly however many are taken."""

TellAsked = Callable[[DnsAnswer, float], None]
"""Gets each question that was really asked, and the wall time (`time.time()`) at which it was."""


class Place:
    """A vantage and its resolver's caches. Users that find an answer expired wait for one question, not one each."""

    def __init__(
        self, target: Target, vantage: Vantage, clock: Clock, tell: TellAsked, *, first_age: float = 0.0, seed: int = 0
    ) -> None:
        self.vantage = vantage
        self._target = target
        self._clock = clock
        self._tell = tell
        self._cache = cache_of(vantage, first_age=first_age, seed=seed)
        self._asking = RLock()

    def resolve(self, until_s: float) -> Resolution:
        """As a user here resolves the stack's domain now; `until_s`: it does not wait longer."""
        with self._asking:
            asked_at = time.time()
            resolution = resolve(self._target, self.vantage, self._cache, clock=self._clock, until_s=until_s)
        if resolution.asked is not None:
            self._tell(resolution.asked, asked_at)
        return resolution


class Places:
    """A worker's vantages; users move in by turns."""

    def __init__(
        self, target: Target, vantages: Sequence[Vantage], clock: Clock, tell: TellAsked, *, seed: int
    ) -> None:
        self._places = [
            Place(target, vantage, clock, tell, first_age=number * _GOLDEN % 1, seed=seed + number)
            for number, vantage in enumerate(vantages)
        ]
        self._turn = count()

    def next(self) -> Place:
        return self._places[next(self._turn) % len(self._places)]


def share(vantages: Sequence[Vantage], index: int, workers: int) -> tuple[Vantage, ...]:
    """The vantages of worker `index` of so many: all of them are somebody's, and nobody has none."""
    mine = tuple(vantages[index::workers])
    return mine or (vantages[index % len(vantages)],)
