"""Histories of items for tests: single writes and reads with plain defaults, and polls of a write that arrives late."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
from builders import EU, US, a_fault

from harness.events import (
    FaultEvent,
    Item,
    ItemRead,
    ItemWrite,
    Operation,
    Outcome,
    ReplicationMetric,
    Way,
)

THROTTLED = "ProvisionedThroughputExceededException: slow down"


def a_write(
    value: str,
    at_s: float,
    *,
    took_s: float = 0.0,
    key: str = "k",
    region: str = US,
    client: str = "writer",
    operation: Operation = Operation.PUT,
    outcome: Outcome = Outcome.OK,
    item: Item | None = None,
    based_on: str | None = None,
    error: str | None = None,
) -> ItemWrite:
    """A put of both attributes, acknowledged, unless told otherwise."""
    whole = operation is not Operation.DELETE and operation is not Operation.UPDATE and outcome is Outcome.OK
    return ItemWrite(
        start_s=at_s,
        end_s=at_s + took_s,
        source="items",
        client=client,
        region=region,
        operation=operation,
        key=key,
        value=value,
        item=item or ({"a": value, "b": value} if whole else None),
        based_on=based_on,
        outcome=outcome,
        error=error,
    )


def a_delete(value: str, at_s: float, *, took_s: float = 0.0, key: str = "k", region: str = US) -> ItemWrite:
    return a_write(value, at_s, took_s=took_s, key=key, region=region, operation=Operation.DELETE)


def a_read(
    shows: str | tuple[str, str] | None,
    at_s: float,
    *,
    took_s: float = 0.0,
    key: str = "k",
    region: str = EU,
    client: str = "reader",
    outcome: Outcome = Outcome.OK,
    error: str | None = None,
) -> ItemRead:
    """Shows both attributes with one value, or with two; None: no such item."""
    a, b = shows if isinstance(shows, tuple) else (shows, shows)
    return ItemRead(
        start_s=at_s,
        end_s=at_s + took_s,
        source="items",
        client=client,
        region=region,
        way=Way.DYNAMODB,
        key=key,
        item=None if a is None or b is None or outcome is not Outcome.OK else {"a": a, "b": b},
        outcome=outcome,
        error=error,
    )


def a_metric(
    average_ms: float, at_s: float, *, samples: float = 1.0, region: str = US, receiving: str = EU
) -> ReplicationMetric:
    return ReplicationMetric(
        start_s=at_s,
        end_s=at_s + 60,
        source="cloudwatch",
        region=region,
        receiving_region=receiving,
        average_ms=average_ms,
        minimum_ms=average_ms / 2,
        maximum_ms=average_ms * 2,
        samples=samples,
    )


def a_cut(
    *regions: str,
    cut_s: float = 60.0,
    healed_s: float | None = 100.0,
    proven: bool = True,
    fault: str = "replication-paused",
) -> list[FaultEvent]:
    """A fault that took effect in no time, so that 60 and 100 are the only two times that count."""
    undone = (healed_s, healed_s) if healed_s is not None else None
    phases = a_fault(*regions, injected_s=(cut_s, cut_s), rolled_back_s=undone, proven=proven)
    return [msgspec.structs.replace(phase, fault=fault) for phase in phases]


def polled_writes(
    count: int,
    *,
    latency_s: float = 0.5,
    spread_s: float = 0.0,
    every_s: float = 0.1,
    poll_s: float = 0.0,
    write_s: float = 0.0,
    source: str = US,
    receiving: str = EU,
    from_s: float = 0.0,
    seed: int = 1,
) -> Iterator[ItemWrite | ItemRead]:
    """One write a second, each of a key of its own, effective in its middle and polled until it is seen.

    Latency is `latency_s` plus or minus up to `spread_s`. Each write has its own phase of the polls, which see the
    replica in their middle.
    """
    chance = random.Random(f"{seed}/{source}/{receiving}")
    for number in range(count):
        at_s = from_s + number
        key = f"{source}#{receiving}#{number}"
        visible_s = at_s + write_s / 2 + latency_s + chance.uniform(-spread_s, spread_s)
        yield a_write(f"{key}=v", at_s, took_s=write_s, key=key, region=source, client=f"{source}>{receiving}")
        poll_at_s = at_s + chance.uniform(0, every_s)
        while poll_at_s + poll_s / 2 < visible_s:
            yield a_read(None, poll_at_s, took_s=poll_s, key=key, region=receiving)
            poll_at_s += every_s
        yield a_read(f"{key}=v", poll_at_s, took_s=poll_s, key=key, region=receiving)
