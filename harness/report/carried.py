"""Who carried a load test's load: each region before, during and after the faults, as a table."""

from __future__ import annotations

import msgspec

from harness.checkers.under_load import RegionLoad, region_loads
from harness.events import ExperimentEvent, LoadSample
from harness.history import History
from harness.report.words import seconds
from harness.stack import RegionName


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """One region in one phase, in words."""

    region: RegionName
    share: str
    per_s: str
    """Requests a wall second."""
    failed: str
    p50: str
    p95: str
    p99: str


class CarriedPhase(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    lasts: str
    regions: tuple[Carried, ...]


def carried(history: History, experiment: ExperimentEvent) -> list[CarriedPhase]:
    """Empty when no load generator ran in it."""
    if not any(experiment.start_s <= one.start_s <= experiment.end_s for one in history.of(LoadSample)):
        return []
    rate = history.header.clock_rate
    return [
        CarriedPhase(
            name=name,
            lasts=f"{loads[0].phase.lasts_s:.0f} s",
            regions=tuple(_carried(load, rate) for load in loads),
        )
        for name, loads in region_loads(history, experiment).items()
        if loads
    ]


def _carried(load: RegionLoad, rate: float) -> Carried:
    return Carried(
        region=load.region,
        share=f"{load.share:.0%}",
        per_s=f"{load.per_s * rate:,.1f}",
        failed=f"{load.failed:,} of {load.requests:,}",
        p50=_told(load.p50_s),
        p95=_told(load.p95_s),
        p99=_told(load.p99_s),
    )


def _told(value_s: float | None) -> str:
    return "–" if value_s is None else seconds(value_s)
