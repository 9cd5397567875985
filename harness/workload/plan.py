"""A workload as data: who writes what, where and how often. Two runs of one plan and seed do the same things."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import msgspec

from harness.errors import InvalidPlan
from harness.events import Operation, Way
from harness.probes.items import ATTRIBUTES
from harness.stack import RegionName

KEY_LIMIT_BYTES = 2048
"""DynamoDB's limit for a partition key."""


def _above_zero(plan: msgspec.Struct, *names: str) -> None:
    for name in names:
        value = getattr(plan, name)
        if not (math.isfinite(value) and value > 0):
            raise InvalidPlan(f"{type(plan).__name__}: {name} = {value}: it must be above 0")


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """How often each operation is chosen, relative to the others."""

    put: float = 40
    update: float = 20
    create: float = 10
    swap: float = 15
    delete: float = 15

    def __post_init__(self) -> None:
        weights = self.weights
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights) > 0:
            raise InvalidPlan(f"mix of operations {weights}: weights must be at least 0, and one of them above")

    @property
    def weights(self) -> tuple[float, ...]:
        """In the order of `Operation`'s members."""
        return tuple(getattr(self, operation.value) for operation in Operation)


class SessionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A user's session: writes keys of its own, in turn, and between writes reads them back, in turn."""

    keys: int = 4
    writes_every_s: float = 6.0
    reads_every_s: float = 1.0

    def __post_init__(self) -> None:
        _above_zero(self, "keys", "writes_every_s", "reads_every_s")
        if self.slots_per_write < 2:
            raise InvalidPlan(
                f"session: a write every {self.writes_every_s} s leaves no room for a read every {self.reads_every_s} s"
            )

    @property
    def slots_per_write(self) -> int:
        """A session does one thing every `reads_every_s`; every so many-th is a write."""
        return round(self.writes_every_s / self.reads_every_s)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Seeded clients in every region, readers beside them, and pollers that time replication. Stack seconds.

    The defaults are for a lab at rate 20 and three regions: 120 operations a wall second, where it takes 200 to 350.

    Hot keys are everybody's: in one slot all clients that write a hot key write the same one. A cold key belongs to one
    client, so its writes are in one order that everybody knows: replication latency is measured on those.

    By HTTPS (`way`) each write is a new item, so keys and mix do not count, and there is
    nothing for consistency readers.
    """

    run: str
    """Tells this run's keys from others'."""
    seed: int
    clients_per_region: int = 2
    writes_per_s: float = 0.5
    """By one client."""
    hot_keys: int = 4
    cold_keys: int = 2
    """Of one client."""
    hot_share: float = 0.5
    """Of the slots. All clients go hot together, so that they meet."""
    mix: Mix = Mix()
    way: Way = Way.DYNAMODB
    reads_per_s: float = 1.0
    """In one region, strongly consistent, all keys in turn; 0 for none."""
    polls_every_s: float | None = None
    """Of one region for the writes of one other, while one of them is not seen there. None: latency is not timed."""
    polled_at_most_s: float = 30.0
    """Afterwards a write is given up: replication is paused, or the write lost."""
    session: SessionPlan = SessionPlan()

    def __post_init__(self) -> None:
        if not self.run.isascii() or not self.run.isprintable() or not 0 < len(self.run) <= KEY_LIMIT_BYTES // 2:
            raise InvalidPlan(
                f"workload run {self.run!r}: it must be 1 to {KEY_LIMIT_BYTES // 2} printable ASCII characters"
            )
        _above_zero(
            self, "writes_per_s", "polled_at_most_s", *(("polls_every_s",) if self.polls_every_s is not None else ())
        )
        for name in ("clients_per_region", "hot_keys", "cold_keys", "reads_per_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InvalidPlan(f"workload: {name} = {getattr(self, name)}: it must be at least 0")
        if not 0 <= self.hot_share <= 1:
            raise InvalidPlan(f"workload: hot_share = {self.hot_share}: it must be from 0 to 1")
        if self.way is Way.DYNAMODB and self.clients_per_region and not self.hot_keys + self.cold_keys:
            raise InvalidPlan("workload: neither hot_keys nor cold_keys: its clients have nothing to write")


class KeySpace:
    """Names of a workload's keys and clients. Every key begins with `prefix`."""

    def __init__(self, workload: Workload, regions: Sequence[RegionName]) -> None:
        self.run = workload.run
        self.prefix = f"harness#{workload.run}#"
        self.clients = {
            region: tuple(f"{region}/{number}" for number in range(workload.clients_per_region)) for region in regions
        }
        self.hot = tuple(f"{self.prefix}hot#{number}" for number in range(workload.hot_keys))
        self._cold_keys = workload.cold_keys

    def cold(self, client: str) -> tuple[str, ...]:
        return tuple(f"{self.prefix}cold#{client}#{number}" for number in range(self._cold_keys))

    def own(self, client: str, keys: int) -> tuple[str, ...]:
        """A session's."""
        return tuple(f"{self.prefix}{client}#{number}" for number in range(keys))

    @property
    def all(self) -> tuple[str, ...]:
        """Hot and cold ones; not the sessions', and not those that the application chose."""
        cold = (key for clients in self.clients.values() for client in clients for key in self.cold(client))
        return (*self.hot, *cold)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a client does in a slot."""

    operation: Operation
    key: str
    hot: bool
    attribute: str
    delay_share: float
    """How far into its slot it begins, in [0, 0.5). Writes at a fixed phase of the polls would all be found equally
    late; drawn at random, they are found at every phase."""


def steps(workload: Workload, keys: KeySpace, client: str) -> Iterator[Step]:
    """One for each slot, for ever; a slot that is missed takes its step along, so the others stay what they are."""
    shared = random.Random(f"{workload.seed}/slots")
    own = random.Random(f"{workload.seed}/{client}")
    cold_keys = keys.cold(client)
    cold_steps = 0
    while True:
        hot = shared.random() < workload.hot_share
        hot_number = shared.randrange(max(1, len(keys.hot)))
        hot = bool(keys.hot) and (hot or not cold_keys)
        if not hot and cold_keys:
            # In turn, so that a key is written again as late as can be: by then its last write was seen everywhere.
            key = cold_keys[cold_steps % len(cold_keys)]
            cold_steps += 1
        else:
            key = keys.hot[hot_number] if hot else ""
        yield Step(
            operation=own.choices(tuple(Operation), workload.mix.weights)[0],
            key=key,
            hot=hot,
            attribute=own.choice(ATTRIBUTES),
            delay_share=own.random() / 2,
        )
