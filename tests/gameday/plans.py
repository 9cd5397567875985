"""Plans for tests, and what tests do to them."""

from __future__ import annotations

from pathlib import Path

from harness.gameday.load import LoadedPlan, decode_plan

MINIMAL = """\
title = "A day"
owner = "me"
goal = "Nothing breaks"
target = "lab"
"""

EXPERIMENT = """
[[experiments]]
scenario = "failover"
"""


def a_plan(extra: str = "", *, experiments: str = EXPERIMENT, path: Path = Path("day.toml")) -> LoadedPlan:
    """`extra` stands before the experiments: tables too."""
    text = f"{MINIMAL}{extra}\n{experiments}"
    return LoadedPlan(path=path, plan=decode_plan(path, text), text=text)


def due(cron: str, *, zone: str = "UTC", more: str = "", path: Path = Path("day.toml")) -> LoadedPlan:
    return a_plan(f'[window]\ncron = "{cron}"\ntime_zone = "{zone}"\n{more}', path=path)
