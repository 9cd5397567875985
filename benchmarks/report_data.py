"""The item events of a synthetic run: three regions, one of them cut off for a minute, clients that meet on hot keys.

Seeded and in virtual time. What a region shows comes from a last-writer-wins table of a few lines, so that every write
has a fate and the page has something to draw: late writes, conflicts, writes at risk, clients that see old data.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence

from harness.events import (
    AnyEvent,
    ExperimentEvent,
    FaultEvent,
    FaultPhase,
    Item,
    ItemRead,
    ItemWrite,
    Operation,
    Outcome,
    ReplicationMetric,
)

STEADY_S, CUT_S, HEALED_S, LAST_WRITE_S, END_S = 120.0, 122.0, 182.0, 340.0, 380.0
CLIENTS, COLD_KEYS, HOT_KEYS, SESSIONS = 2, 6, 4, 12
WRITE_EVERY_S, POLL_EVERY_S, POLLED_S, READ_EVERY_S = 2.0, 0.25, 30.0, 1.0
MOVE_EVERY = 2
"""Each so many-th session moves away when its region is cut off, and comes back."""
TOOK_S = 0.02

Stamp = tuple[float, str]


class _Table:
    """Last writer wins: a region shows what has reached it and has the greatest stamp."""

    def __init__(self, regions: Sequence[str], cut_off: str, from_s: float, rng: random.Random) -> None:
        self._regions, self._cut_off, self._from_s, self._rng = regions, cut_off, from_s, rng
        self._copies: dict[tuple[str, str], list[tuple[float, Stamp, Item]]] = {}

    def write(self, region: str, key: str, item: Item, at_s: float) -> None:
        for other in self._regions:
            arrives_s = at_s if other == region else self._arrives_s(region, other, at_s)
            self._copies.setdefault((other, key), []).append((arrives_s, (at_s, region), item))

    def read(self, region: str, key: str, at_s: float) -> Item | None:
        seen = [(stamp, item) for since_s, stamp, item in self._copies.get((region, key), ()) if since_s <= at_s]
        return max(seen, key=lambda version: version[0])[1] if seen else None

    def _arrives_s(self, region: str, other: str, at_s: float) -> float:
        late_s = 0.12 + max(0.3, self._rng.lognormvariate(math.log(0.75), 0.35))
        cut = self._cut_off in (region, other) and CUT_S <= at_s + late_s - self._from_s < HEALED_S
        return self._from_s + HEALED_S + self._rng.uniform(0.2, 3.0) if cut else at_s + late_s


class DataStory:
    """One experiment's clients, pollers, readers and sessions, in order of time."""

    def __init__(self, from_s: float, cut_off: str, regions: Sequence[str], seed: int) -> None:
        self._from_s, self._cut_off, self._regions = from_s, cut_off, regions
        self._rng = random.Random(seed)
        self._table = _Table(regions, cut_off, from_s, self._rng)
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[float], Iterator[AnyEvent]]]] = []
        self._name = f"pause-{cut_off}"

    def events(self) -> Iterator[AnyEvent]:
        yield from self._frame()
        yield from _metrics(self._from_s, self._regions, self._rng)
        self._begin()
        while self._due:
            at_s, _, act = heapq.heappop(self._due)
            yield from act(at_s)

    def _frame(self) -> Iterator[AnyEvent]:
        yield ExperimentEvent(
            start_s=self._from_s,
            end_s=self._from_s + END_S,
            source="runner",
            experiment=self._name,
            question=f"When replication of {self._cut_off} is paused, what is at risk and what is lost?",
            steady_until_s=self._from_s + STEADY_S,
        )
        times = (
            (CUT_S - 2, CUT_S - 1),
            (CUT_S - 1, CUT_S),
            (CUT_S, CUT_S + 8),
            (HEALED_S - 2,) * 2,
            (HEALED_S - 1, HEALED_S),
        )
        for phase, (start_s, end_s) in zip(list(FaultPhase)[:5], times, strict=True):
            yield FaultEvent(
                start_s=self._from_s + start_s,
                end_s=self._from_s + end_s,
                source="runner",
                fault="replication-paused",
                fault_id=self._name,
                phase=phase,
                regions=(self._cut_off,),
            )

    def _begin(self) -> None:
        for region in self._regions:
            for number in range(CLIENTS):
                self._at(self._rng.random(), self._client(region, f"{region}/{number}"))
            self._at(self._rng.random(), self._reader(region))
        for number in range(SESSIONS):
            self._at(self._rng.random(), self._session(number))

    def _at(self, after_s: float, act: Callable[[float], Iterator[AnyEvent]]) -> None:
        self._again(self._from_s + after_s, act)

    def _again(self, at_s: float, act: Callable[[float], Iterator[AnyEvent]]) -> None:
        if at_s < self._from_s + END_S - 1:
            heapq.heappush(self._due, (at_s, next(self._numbers), act))

    def _client(self, region: str, client: str) -> Callable[[float], Iterator[AnyEvent]]:
        def act(at_s: float) -> Iterator[AnyEvent]:
            if at_s > self._from_s + LAST_WRITE_S:
                return
            number = int((at_s - self._from_s) // WRITE_EVERY_S)
            hot = number % 2 == 0
            key = f"{self._name}#hot#{number // 2 % HOT_KEYS}" if hot else f"{self._name}#{client}#{number % COLD_KEYS}"
            yield self._write(client, region, key, at_s)
            self._again(at_s + WRITE_EVERY_S, act)
            if not hot:
                for other in self._regions:
                    if other != region:
                        self._again(at_s + self._rng.uniform(0.1, 0.3), self._poller(region, other, key, at_s))

        return act

    def _write(self, client: str, region: str, key: str, at_s: float) -> ItemWrite:
        value = f"{client}@{at_s:.3f}"
        item = {"a": value, "b": value}
        self._table.write(region, key, item, at_s + TOOK_S / 2)
        return ItemWrite(
            start_s=at_s,
            end_s=at_s + TOOK_S,
            source="items",
            client=client,
            region=region,
            operation=Operation.PUT,
            key=key,
            value=value,
            item=item,
            outcome=Outcome.OK,
        )

    def _read(self, client: str, region: str, key: str, at_s: float) -> ItemRead:
        return ItemRead(
            start_s=at_s,
            end_s=at_s + TOOK_S,
            source="items",
            client=client,
            region=region,
            key=key,
            consistent=True,
            item=self._table.read(region, key, at_s + TOOK_S / 2),
            outcome=Outcome.OK,
        )

    def _poller(self, source: str, region: str, key: str, written_s: float) -> Callable[[float], Iterator[AnyEvent]]:
        def act(at_s: float) -> Iterator[AnyEvent]:
            seen = self._read(f"poll:{source}>{region}", region, key, at_s)
            yield seen
            shown_s = float(seen.item["a"].rpartition("@")[2]) if seen.item else 0.0
            if shown_s < round(written_s, 3) and at_s < written_s + POLLED_S:
                self._again(at_s + POLL_EVERY_S, act)

        return act

    def _reader(self, region: str) -> Callable[[float], Iterator[AnyEvent]]:
        cold = [
            f"{self._name}#{at}/{client}#{key}" for at in self._regions for client in (0, 1) for key in range(COLD_KEYS)
        ]
        keys = itertools.cycle([*cold, *(f"{self._name}#hot#{number}" for number in range(HOT_KEYS))])

        def act(at_s: float) -> Iterator[AnyEvent]:
            yield self._read(f"reader:{region}", region, next(keys), at_s)
            late = at_s > self._from_s + LAST_WRITE_S + 12
            self._again(at_s + (READ_EVERY_S / 4 if late else READ_EVERY_S), act)

        return act

    def _session(self, number: int) -> Callable[[float], Iterator[AnyEvent]]:
        home = self._regions[number % 3]
        away = self._regions[(number + 1) % 3] if number % MOVE_EVERY == 0 else home
        turn = itertools.count()

        def act(at_s: float) -> Iterator[AnyEvent]:
            step, since_s = next(turn), at_s - self._from_s
            region = away if CUT_S + number <= since_s < HEALED_S + 60 else home
            key, client = f"{self._name}#session{number}#{step // 6 % 2}", f"session:{number}"
            if step % 6 == 0 and since_s < LAST_WRITE_S:
                yield self._write(client, region, key, at_s)
            else:
                yield self._read(client, region, key, at_s)
            self._again(at_s + READ_EVERY_S, act)

        return act


def _metrics(from_s: float, regions: Sequence[str], rng: random.Random) -> Iterator[ReplicationMetric]:
    for source, receiving in itertools.permutations(regions, 2):
        yield ReplicationMetric(
            start_s=from_s,
            end_s=from_s + STEADY_S,
            source="cloudwatch",
            region=source,
            receiving_region=receiving,
            average_ms=rng.uniform(800, 950),
            minimum_ms=430.0,
            maximum_ms=2300.0,
            samples=60.0,
        )
