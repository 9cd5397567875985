"""How regions carried a load before, during and after faults: who served how much, how fast. Facts, no verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from harness.checkers.statistics import quantile
from harness.checkers.timeline import FaultWindow, fault_windows
from harness.events import ExperimentEvent, HttpReply, Outcome
from harness.history import History
from harness.stack import RegionName

BEFORE, DURING, AFTER, THROUGHOUT = "before", "during", "after", "throughout"
STEADY_AFTER_S = 10.0
"""Of the load's beginning, when users are still being spawned and every connection is new: it is not judged."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of an experiment, between two faults or within them."""

    name: str
    from_s: float
    until_s: float

    @property
    def lasts_s(self) -> float:
        return self.until_s - self.from_s


class RegionLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What one region did in one phase. Latencies are of its good replies, whole, in stack seconds."""

    region: RegionName
    phase: Phase
    requests: int
    """That went there, those included that failed."""
    failed: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    share: float
    """Of all good replies of the phase."""

    @property
    def good(self) -> int:
        return self.requests - self.failed

    @property
    def per_s(self) -> float:
        return self.requests / self.phase.lasts_s if self.phase.lasts_s > 0 else 0.0


def phases(history: History, experiment: ExperimentEvent) -> tuple[Phase, ...]:
    """Before, during and after all of its faults; one phase when it has none."""
    from_s = experiment.start_s + STEADY_AFTER_S
    windows = fault_windows(history, experiment)
    if not windows:
        return (Phase(name=THROUGHOUT, from_s=from_s, until_s=experiment.end_s),)
    over_s = max(_over_s(window, experiment) for window in windows)
    return (
        Phase(name=BEFORE, from_s=from_s, until_s=windows[0].injecting_s),
        Phase(name=DURING, from_s=windows[0].injected_s, until_s=over_s),
        Phase(name=AFTER, from_s=over_s, until_s=experiment.end_s),
    )


def broken_regions(history: History, experiment: ExperimentEvent) -> frozenset[RegionName]:
    return frozenset(region for window in fault_windows(history, experiment) for region in window.regions)


def region_loads(history: History, experiment: ExperimentEvent) -> dict[str, tuple[RegionLoad, ...]]:
    """By phase, in order of time; of each the regions to which requests went, in order of name."""
    replies = [reply for reply in history.of(HttpReply) if experiment.start_s <= reply.start_s <= experiment.end_s]
    went = went_to(replies)
    found = {}
    for phase in phases(history, experiment):
        by_region: defaultdict[RegionName, list[HttpReply]] = defaultdict(list)
        for reply, region in zip(replies, went, strict=True):
            if region is not None and phase.from_s <= reply.start_s < phase.until_s:
                by_region[region].append(reply)
        found[phase.name] = tuple(_loads(phase, by_region))
    return found


def went_to(replies: Sequence[HttpReply]) -> list[RegionName | None]:
    """The region that each request went to: the one that replied, else the one whose address it is."""
    of_address: defaultdict[str, Counter[RegionName]] = defaultdict(Counter)
    for reply in replies:
        if reply.region and reply.address:
            of_address[reply.address][reply.region] += 1
    known = {address: regions.most_common(1)[0][0] for address, regions in of_address.items()}
    return [reply.region or known.get(reply.address or "") for reply in replies]


def _loads(phase: Phase, by_region: dict[RegionName, list[HttpReply]]) -> Iterator[RegionLoad]:
    took_s = {region: [_took_s(reply) for reply in replies if _is_good(reply)] for region, replies in by_region.items()}
    good = sum(map(len, took_s.values()))
    for region in sorted(by_region):
        mine_s = took_s[region]
        yield RegionLoad(
            region=region,
            phase=phase,
            requests=len(by_region[region]),
            failed=len(by_region[region]) - len(mine_s),
            p50_s=quantile(mine_s, 0.5) if mine_s else None,
            p95_s=quantile(mine_s, 0.95) if mine_s else None,
            p99_s=quantile(mine_s, 0.99) if mine_s else None,
            share=len(mine_s) / good if good else 0.0,
        )


def _over_s(window: FaultWindow, experiment: ExperimentEvent) -> float:
    return window.rolled_back_s if window.rolled_back_s is not None else experiment.end_s


def _is_good(reply: HttpReply) -> bool:
    return reply.outcome is Outcome.OK and reply.region is not None


def _took_s(reply: HttpReply) -> float:
    return reply.end_s - reply.start_s
