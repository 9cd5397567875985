"""A history: everything seen and done in a run, sorted by start, indexed by kind, checked when it is built."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.errors import InvalidEvent, InvalidHistory
from harness.events import AnyEvent, Event, ExperimentEvent, FaultEvent, HttpReply, RunHeader, VantageName

E = TypeVar("E", bound=Event)

_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder()


class History(Sequence[AnyEvent]):
    """An immutable sequence of events. Indexes are stable: findings point at events by them.

    Raises:
        InvalidHistory: no header, two headers, or a header that is not first.
    """

    def __init__(self, events: Iterable[AnyEvent]) -> None:
        ordered = sorted(events, key=lambda event: (not isinstance(event, RunHeader), event.start_s))
        if not ordered or not isinstance(ordered[0], RunHeader):
            raise InvalidHistory("the history has no header line (kind 'run'): it cannot be told what was run")
        if len(ordered) > 1 and isinstance(ordered[1], RunHeader):
            raise InvalidHistory("the history has two header lines: it mixes two runs")
        self._events = ordered
        self.header: RunHeader = ordered[0]
        self._by_type: dict[type, list[int]] = defaultdict(list)
        for index, event in enumerate(ordered):
            self._by_type[type(event)].append(index)

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # int -> event, slice -> list, as for a list
        return self._events[index]

    def __iter__(self) -> Iterator[AnyEvent]:
        return iter(self._events)

    def of(self, kind: type[E]) -> list[E]:
        """Events of exactly this kind, in order of start."""
        return [self._events[index] for index in self._by_type.get(kind, ())]  # type: ignore[misc]

    def indexed(self, kind: type[E]) -> list[tuple[int, E]]:
        """(index, event) of exactly this kind, in order of start: for evidence."""
        return [(index, self._events[index]) for index in self._by_type.get(kind, ())]  # type: ignore[misc]

    @property
    def faults(self) -> list[FaultEvent]:
        return self.of(FaultEvent)

    def replies_of(self, vantage: VantageName) -> list[HttpReply]:
        return [reply for reply in self.of(HttpReply) if reply.vantage == vantage]

    def experiment(self, name: str) -> ExperimentEvent:
        """Raises InvalidHistory when there is no such experiment, or more than one."""
        return one_named(self.of(ExperimentEvent), name)

    def since(self, at_s: float) -> History:
        """The events that start at `at_s` or later, behind the header. Indexes are the new history's own."""
        return History([self.header, *self._events[self.index_at_s(at_s) :]])

    def end_s(self) -> float:
        return self._end_s

    @functools.cached_property
    def _end_s(self) -> float:
        end_s: float = max(map(attrgetter("end_s"), self._events))
        return end_s

    def index_at_s(self, at_s: float) -> int:
        """Index of the first event that starts at `at_s` or later."""
        return bisect_left(self._events, at_s, lo=1, key=lambda event: event.start_s)


def one_named(experiments: Iterable[ExperimentEvent], name: str) -> ExperimentEvent:
    """Raises InvalidHistory when there is no experiment of that name, or more than one."""
    found = [event for event in experiments if event.experiment == name]
    if len(found) != 1:
        raise InvalidHistory(f"the history has {len(found)} experiments named {name!r}, expected one")
    return found[0]


class LoadedHistory(msgspec.Struct, frozen=True):
    history: History
    dropped_lines: int
    """Lines at the end that a crash cut short."""


def encode_line(event: AnyEvent) -> bytes:
    return _ENCODER.encode(event) + b"\n"


def encode_lines(events: Sequence[AnyEvent]) -> bytes:
    """All at once: cheaper than one by one between other work (benchmarks/load.py prints what recording costs)."""
    return _ENCODER.encode_lines(events)


def decode_lines(lines: bytes) -> list[AnyEvent]:
    """Raises msgspec.MsgspecError or InvalidEvent when one is no event."""
    return [_DECODER.decode(line) for line in lines.splitlines()]


def load_history(path: Path) -> LoadedHistory:
    """Reads history.jsonl. A last line that a crash cut short is dropped and counted; any other bad line is an error.

    Raises:
        InvalidHistory: missing file, a bad line that is not the last, no header. Names file and line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidHistory(f"history {path} cannot be read: {error.strerror or error}") from error
    lines = data.split(b"\n")
    # A whole file ends in a newline, so the last piece is empty; whatever else it holds was cut short.
    tail = lines.pop()
    events: list[AnyEvent] = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(_DECODER.decode(line))
        except (msgspec.MsgspecError, InvalidEvent) as error:
            raise InvalidHistory(f"history {path}, line {number}: {error}") from error
    try:
        history = History(events)
    except InvalidHistory as error:
        raise InvalidHistory(f"history {path}: {error}") from error
    return LoadedHistory(history, 1 if tail.strip() else 0)
