"""A history by who saw what: one pass, so that no checker walks 100,000 events per vantage."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from harness.events import DnsAnswer, Event, FaultEvent, Gap, HealthObservation, HttpReply, Outcome, VantageName
from harness.history import History
from harness.stack import RegionName

E = TypeVar("E", bound=Event)


class Track(Generic[E]):
    """Events of one kind from one vantage or about one region, in order of start, with their indexes."""

    def __init__(self) -> None:
        self.indexes: list[int] = []
        self.events: list[E] = []

    def between(self, from_s: float, until_s: float) -> list[tuple[int, E]]:
        """(index, event) of those that start in [from_s, until_s)."""
        first, last = self._position(from_s), self._position(until_s)
        return list(zip(self.indexes[first:last], self.events[first:last], strict=True))

    def last_before(self, at_s: float, wanted: Callable[[E], bool]) -> tuple[int, E] | None:
        """The last wanted one that starts before `at_s`."""
        for position in range(self._position(at_s) - 1, -1, -1):
            if wanted(self.events[position]):
                return self.indexes[position], self.events[position]
        return None

    def first_from(self, at_s: float, wanted: Callable[[E], bool]) -> tuple[int, E] | None:
        """The first wanted one that starts at `at_s` or later."""
        for position in range(self._position(at_s), len(self.events)):
            if wanted(self.events[position]):
                return self.indexes[position], self.events[position]
        return None

    def _position(self, at_s: float) -> int:
        return bisect_left(self.events, at_s, key=lambda event: event.start_s)


class Tracks:
    """All tracks of a history."""

    def __init__(self, history: History) -> None:
        self.dns: defaultdict[VantageName, Track[DnsAnswer]] = defaultdict(Track)
        """What the name servers themselves said."""
        self.resolved: defaultdict[VantageName, Track[DnsAnswer]] = defaultdict(Track)
        """What another resolver said, for vantages whose users ask one."""
        self.https: defaultdict[VantageName, Track[HttpReply]] = defaultdict(Track)
        self.health: defaultdict[RegionName, Track[HealthObservation]] = defaultdict(Track)
        self.gaps: defaultdict[VantageName, list[Gap]] = defaultdict(list)
        self.faults: defaultdict[str, Track[FaultEvent]] = defaultdict(Track)
        """By fault id."""
        for index, event in enumerate(history):
            match event:
                case DnsAnswer():
                    _append((self.dns if event.is_truth else self.resolved)[event.vantage], index, event)
                case HttpReply():
                    _append(self.https[event.vantage], index, event)
                case HealthObservation():
                    _append(self.health[event.region], index, event)
                case FaultEvent():
                    _append(self.faults[event.fault_id], index, event)
                case Gap():
                    self.gaps[event.vantage].append(event)
        named = {vantage.name for vantage in history.header.vantages}
        self.vantages: tuple[VantageName, ...] = tuple(sorted(named | self.dns.keys() | self.https.keys()))

    def dns_region_before(self, vantage: VantageName, at_s: float) -> RegionName | None:
        """Where the name servers last led the vantage before `at_s`."""
        found = self.dns[vantage].last_before(at_s, lambda answer: answer.region is not None)
        return found[1].region if found else None

    def served_region_before(self, vantage: VantageName, at_s: float) -> RegionName | None:
        """Which region last served the vantage well before `at_s`."""
        found = self.https[vantage].last_before(
            at_s, lambda reply: reply.outcome is Outcome.OK and reply.region is not None
        )
        return found[1].region if found else None

    def regions_before(self, vantage: VantageName, at_s: float) -> set[RegionName]:
        """Where the vantage was before `at_s`, by DNS and by HTTPS: two only while a cached answer lags behind."""
        found = (self.dns_region_before(vantage, at_s), self.served_region_before(vantage, at_s))
        return {region for region in found if region is not None}


def _append(track: Track[E], index: int, event: E) -> None:
    track.indexes.append(index)
    track.events.append(event)


_known: WeakKeyDictionary[History, Tracks] = WeakKeyDictionary()


def tracks_of(history: History) -> Tracks:
    """The history's tracks, made once: a history never changes."""
    if history not in _known:
        _known[history] = Tracks(history)
    return _known[history]
