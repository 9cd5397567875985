"""Guards as data: read from TOML, and refused with the field and the rule when they cannot be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from harness.errors import InvalidPlan
from harness.guards import (
    Alarm,
    AllowedHours,
    CostCeiling,
    EveryVantageServed,
    Freeze,
    StopFile,
    UntouchedRegionsWell,
    load_guards,
)
from harness.guards.prices import Prices

EVERY_KIND = """
[[guards]]
guard = "every-vantage-served"
longest_s = 300

[[guards]]
guard = "untouched-regions-well"
at_most = 0.02

[[guards]]
guard = "alarm"
name = "orders-5xx"
region = "eu-west-1"

[[guards]]
guard = "stop-file"
path = "/mnt/shared/stop"

[[guards]]
guard = "allowed-hours"
days = ["mon", "tue"]
after = "09:00"
before = "16:00"
time_zone = "Europe/Dublin"

[[guards]]
guard = "freeze"
first = 2026-11-20
last = 2026-12-01
time_zone = "Europe/Dublin"
why = "black Friday"

[[guards]]
guard = "cost-ceiling"
at_most = 5
prices = { million_https_requests = 3.5, million_dns_answers = 0.6 }
"""


def guards_file(folder: Path, text: str) -> Path:
    path = folder / "guards.toml"
    path.write_text(text)
    return path


def test_every_kind_is_read_from_toml(tmp_path: Path) -> None:
    assert load_guards(guards_file(tmp_path, EVERY_KIND)) == (
        EveryVantageServed(longest_s=300),
        UntouchedRegionsWell(at_most=0.02),
        Alarm(name="orders-5xx", region="eu-west-1"),
        StopFile(path="/mnt/shared/stop"),
        AllowedHours(days=("mon", "tue"), after="09:00", before="16:00", time_zone="Europe/Dublin"),
        Freeze(first=date(2026, 11, 20), last=date(2026, 12, 1), time_zone="Europe/Dublin", why="black Friday"),
        CostCeiling(at_most=5, prices=Prices(million_https_requests=3.5, million_dns_answers=0.6)),
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('guard = "volcano"', "volcano"),
        ('guard = "stop-file"', "path"),
        ('guard = "stop-file"\npath = "x"\nspeed = 1', "speed"),
        ('guard = "every-vantage-served"\nlongest_s = 0', "longest_s 0.0 must be above 0"),
        ('guard = "alarm"\nname = "a"\nregion = "mars"', "'mars' is not a region name"),
        ('guard = "allowed-hours"\nafter = "9"\nbefore = "16:00"\ntime_zone = "UTC"', "after '9' is no time of day"),
        ('guard = "allowed-hours"\nafter = "09:00"\nbefore = "09:00"\ntime_zone = "UTC"', "allows no hour"),
        (
            'guard = "allowed-hours"\nafter = "09:00"\nbefore = "10:00"\ntime_zone = "Mars/Base"',
            "'Mars/Base' is not known",
        ),
        ('guard = "freeze"\nfirst = 2026-02-02\nlast = 2026-02-01\ntime_zone = "UTC"', "before it begins"),
        ('guard = "cost-ceiling"\nat_most = 5\nprices = {}', "no price above 0"),
        ('guard = "cost-ceiling"\nat_most = 5\nprices = {million_dns_answers = -1}', "must not be below 0"),
        ('guard = "untouched-regions-well"\nat_most = 5', "is a share"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(InvalidPlan, match=r"guards\.toml") as refused:
        load_guards(guards_file(tmp_path, f"[[guards]]\n{lines}\n"))

    assert told in str(refused.value)


def test_a_file_that_is_not_there_or_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan, match="No such file"):
        load_guards(tmp_path / "none.toml")
    with pytest.raises(InvalidPlan, match=r"guards\.toml: Invalid value"):
        load_guards(guards_file(tmp_path, "guards = ["))
