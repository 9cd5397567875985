"""What the commands of game days share."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.targets import HARNESS_FOLDER
from harness.errors import UsageError
from harness.gameday.log import day_folders

LOCK_FILE = HARNESS_FOLDER / "gameday.lock"
SCHEDULE_FILE = HARNESS_FOLDER / "gameday-schedule.json"

plan_argument = click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
scenarios_option = click.option("--scenarios", default="scenarios", show_default=True, type=click.Path(path_type=Path))
reports_option = click.option(
    "--report-dir", "reports", default="reports", show_default=True, type=click.Path(path_type=Path)
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def chosen_day(reports: Path, name: str | None) -> Path:
    """The day's folder by its path or its name; the newest when none is given."""
    if name:
        path = Path(name)
        return path if path.is_dir() else reports / name
    found = day_folders(reports)
    if not found:
        raise UsageError(f"no game day in {reports}: `harness gameday run PLAN` makes one")
    return found[-1]
