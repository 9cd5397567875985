"""A plan's guards, written for `--guards`, are read back as the same guards."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from harness.gameday.guardfile import write_guards
from harness.guards import Alarm, AllowedHours, AnyGuard, CostCeiling, EveryVantageServed, Freeze, StopFile, load_guards
from harness.guards.prices import Prices

GUARDS: tuple[AnyGuard, ...] = (
    EveryVantageServed(longest_s=120),
    StopFile(path='a "quoted" \\ pàth'),
    AllowedHours(after="09:00", before="16:00", time_zone="Europe/Dublin", days=("mon", "tue")),
    Freeze(first=date(2026, 12, 14), last=date(2027, 1, 4), time_zone="UTC", why="end of the year"),
    Alarm(name="5xx", region="eu-west-1"),
    CostCeiling(at_most=1.5, prices=Prices(million_https_requests=3.5)),
)


@pytest.mark.parametrize("guards", [GUARDS, ()], ids=["all kinds", "none"])
def test_they_are_read_back(guards: tuple[AnyGuard, ...], tmp_path: Path) -> None:
    path = tmp_path / "guards.toml"

    write_guards(path, guards)

    assert load_guards(path) == guards
