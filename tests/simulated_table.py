"""A small global table in virtual time, correct or with one planted defect, and the history of clients that use it.

Not the product's model of replicas: a checker is tested with a table that was written for nothing else.
"""

from __future__ import annotations

import enum
import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from builders import AP, EU, US, a_history
from item_builders import both

from harness.events import AnyEvent, Item, ItemRead, ItemWrite, Operation, Outcome
from harness.history import History

REGIONS = (AP, EU, US)


class Defect(enum.Enum):
    NONE = "none"
    FIRST_WRITER_WINS = "first writer wins"
    SKEWED_CLOCK = "clock-skewed winner"
    DROPPED = "some replications dropped"
    REORDERED = "duplicates and reordering within an item"
    MERGED = "attribute-wise merge"
    RESURRECTED = "deleted items resurrected"
    STOPPED = "a replica that stops"
    FORGOTTEN = "an acknowledged write forgotten"
    READS_GO_BACK = "reads that go back in time"
    TIES_DIFFER = "a tie broken differently per region"


@dataclass(frozen=True)
class Plan:
    seed: int = 1
    defect: Defect = Defect.NONE
    regions: tuple[str, ...] = REGIONS
    keys: int = 12
    clients_per_region: int = 2
    operations: int = 1200
    spacing_s: float = 0.05
    """From one operation to the next, of all clients together."""
    skew_s: float = 0.05
    """Each region's clock is off by at most half of it."""
    unknown_share: float = 0.03
    defect_share: float = 0.05
    unseen_share: float = 0.2
    """Of updates whose result the client did not learn though they were acknowledged."""
    settle_s: float = 10.0
    final_reads: bool = True


Stamp = tuple[float, str]


@dataclass(frozen=True)
class Version:
    item: Item | None
    stamp: Stamp
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """By attribute, for the defect that merges."""


@dataclass
class Replica:
    region: str
    skew_s: float
    versions: dict[str, list[tuple[float, Version]]] = field(default_factory=dict)

    def shown(self, key: str, at_s: float | None = None) -> Version | None:
        seen = [version for since_s, version in self.versions.get(key, []) if at_s is None or since_s <= at_s]
        return seen[-1] if seen else None

    def show(self, key: str, now_s: float, version: Version) -> None:
        self.versions.setdefault(key, []).append((now_s, version))


class SimulatedTable:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        half_s = plan.skew_s / 2
        skews_s = [self.random.uniform(-half_s, half_s) for _ in plan.regions]
        if plan.defect is Defect.SKEWED_CLOCK:
            skews_s[0] = 5.0
        self.replicas = {region: Replica(region, skew_s) for region, skew_s in zip(plan.regions, skews_s, strict=True)}
        self.events: list[AnyEvent] = []
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._last_arrival_s: dict[tuple[str, str, str], float] = {}
        self._values = itertools.count()
        self._stops_s = plan.operations * plan.spacing_s / 2

    # -- the clients

    def run(self) -> History:
        for number in range(self.plan.operations):
            self.at(number * self.plan.spacing_s, self._operate)
        self._work_off()
        end_s = max((event.end_s for event in self.events), default=0.0)
        if self.plan.final_reads:
            self._read_all(end_s + self.plan.settle_s + 1)
        return a_history(self.events)

    def at(self, at_s: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (at_s, next(self._order), act))

    def _work_off(self) -> None:
        while self._agenda:
            now_s, _, act = heapq.heappop(self._agenda)
            act(now_s)

    def _read_all(self, at_s: float) -> None:
        for key, region in itertools.product(self._keys(), self.plan.regions):
            self._read(at_s, key, region, f"last-{region}", consistent=True)
        self._work_off()

    def _keys(self) -> Iterator[str]:
        return (f"k{number}" for number in range(self.plan.keys))

    def _operate(self, now_s: float) -> None:
        region = self.random.choice(self.plan.regions)
        client = f"{region}-{self.random.randrange(self.plan.clients_per_region)}"
        # The first keys are hot; the square makes them so.
        key = f"k{int(self.random.random() ** 2 * self.plan.keys)}"
        if self.random.random() < 0.5:
            self._read(now_s, key, region, client, consistent=self.random.random() < 0.7)
        else:
            self._write(now_s, key, region, client)

    def _read(self, now_s: float, key: str, region: str, client: str, *, consistent: bool) -> None:
        look_s = now_s + self.random.uniform(0.001, 0.08)
        end_s = look_s + self.random.uniform(0.001, 0.02)

        def look(at_s: float) -> None:
            since_s = at_s if consistent else at_s - self.random.uniform(0, 0.5)
            if self._bites(Defect.READS_GO_BACK):
                since_s = at_s - self.random.uniform(1, 5)
            version = self.replicas[region].shown(key, since_s)
            self.events.append(
                ItemRead(
                    start_s=now_s,
                    end_s=end_s,
                    source="items",
                    client=client,
                    region=region,
                    key=key,
                    consistent=consistent,
                    item=version and version.item,
                    outcome=Outcome.OK,
                )
            )

        self.at(look_s, look)

    def _write(self, now_s: float, key: str, region: str, client: str) -> None:
        operation = self.random.choices(list(Operation), weights=[6, 4, 1, 2, 2])[0]
        value = f"v{next(self._values)}"
        effect_s = now_s + self.random.uniform(0.001, 0.02)
        end_s = effect_s + self.random.uniform(0.001, 0.02)
        known = self.random.random() >= self.plan.unknown_share
        if not known:
            # The client gives up; the request may still arrive, before that, after it, or never.
            effect_s = now_s + self.random.uniform(0.001, 0.3) if self.random.random() < 0.7 else None
            end_s = now_s + 0.1
        before = self.replicas[region].shown(key)
        based_on = (before and before.item and before.item.get("a")) or "nothing"

        def record(outcome: Outcome, item: Item | None) -> None:
            self.events.append(
                ItemWrite(
                    start_s=now_s,
                    end_s=end_s,
                    source="items",
                    client=client,
                    region=region,
                    operation=operation,
                    key=key,
                    value=value,
                    item=item,
                    based_on=based_on if operation is Operation.SWAP else None,
                    outcome=outcome,
                )
            )

        def take_effect(at_s: float) -> None:
            replica = self.replicas[region]
            shown = replica.shown(key)
            item = shown and shown.item
            refused = (operation is Operation.CREATE and item is not None) or (
                operation is Operation.SWAP and item != both(based_on)
            )
            after = None if refused else self._after(operation, item, value)
            if known:
                told = None if operation is Operation.UPDATE and self._by_chance(self.plan.unseen_share) else after
                record(Outcome.FAIL if refused else Outcome.OK, told)
            if not refused and not self._bites(Defect.FORGOTTEN):
                self._accept(replica, key, at_s, after)

        if not known:
            record(Outcome.UNKNOWN, None)
        if effect_s is not None:
            self.at(effect_s, take_effect)

    def _after(self, operation: Operation, item: Item | None, value: str) -> Item | None:
        if operation is Operation.DELETE:
            return None
        if operation is Operation.UPDATE:
            return {**(item or {}), self.random.choice("ab"): value}
        return both(value)

    # -- the table

    def _accept(self, replica: Replica, key: str, now_s: float, item: Item | None) -> None:
        shown = replica.shown(key)
        time_s = now_s + replica.skew_s
        if self.plan.defect is Defect.TIES_DIFFER:
            time_s = time_s // 2 * 2
            stamp = (time_s, "")
        else:
            stamp = (max(time_s, shown.stamp[0] + 1e-6) if shown else time_s, replica.region)
        old = (shown and shown.item) or {}
        kept = shown.stamps if shown else {}
        stamps = {
            name: stamp if (item or {}).get(name) != old.get(name) else kept.get(name, stamp) for name in ("a", "b")
        }
        version = Version(item, stamp, stamps)
        replica.show(key, now_s, version)
        for other in self.replicas.values():
            if other is not replica:
                self._send(replica, other, key, now_s, version)
        if item is None and old and self._bites(Defect.RESURRECTED, share=0.5):
            ghost = Version(old, stamp, stamps)
            self.at(now_s + 2, lambda at_s: replica.show(key, at_s, ghost))

    def _send(self, source: Replica, target: Replica, key: str, now_s: float, version: Version) -> None:
        if self._bites(Defect.DROPPED):
            return
        way = source.region, target.region, key
        arrival_s = now_s + 0.1 + self.random.lognormvariate(-0.5, 0.5)
        if self.plan.defect is Defect.REORDERED:
            if self._bites(Defect.REORDERED, share=0.2):
                again_s = arrival_s + self.random.uniform(0.5, 3)
                self.at(again_s, lambda at_s: self._arrive(target, key, at_s, version))
        else:
            # Per item, order is kept.
            arrival_s = max(arrival_s, self._last_arrival_s.get(way, 0.0))
        self._last_arrival_s[way] = arrival_s
        self.at(arrival_s, lambda at_s: self._arrive(target, key, at_s, version))

    def _arrive(self, replica: Replica, key: str, now_s: float, version: Version) -> None:
        defect, shown = self.plan.defect, replica.shown(key)
        if defect is Defect.STOPPED and replica.region == self.plan.regions[-1] and now_s > self._stops_s:
            return
        if defect is Defect.MERGED and shown and shown.item and version.item:
            replica.show(key, now_s, _merged(shown, version))
            return
        newer = shown is None or version.stamp > shown.stamp
        if defect is Defect.FIRST_WRITER_WINS:
            newer = shown is None or version.stamp < shown.stamp
        if newer or defect is Defect.REORDERED:
            replica.show(key, now_s, version)

    def _bites(self, defect: Defect, share: float | None = None) -> bool:
        return self.plan.defect is defect and self._by_chance(share or self.plan.defect_share)

    def _by_chance(self, share: float) -> bool:
        return self.random.random() < share


def _merged(shown: Version, version: Version) -> Version:
    """Each attribute from whichever wrote it last."""
    newer = {name: version.stamps[name] > shown.stamps[name] for name in ("a", "b")}
    pick = {name: version if newer[name] else shown for name in ("a", "b")}
    item = {name: one.item[name] for name, one in pick.items() if one.item and name in one.item}
    stamps = {name: one.stamps[name] for name, one in pick.items()}
    return Version(item, max(shown.stamp, version.stamp), stamps)


def simulate(**fields) -> History:
    """The history of a plan with these fields."""
    return SimulatedTable(Plan(**fields)).run()
