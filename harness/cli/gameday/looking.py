"""harness gameday list | show"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.cli.gameday.options import LOCK_FILE, chosen_day, json_option, reports_option
from harness.errors import HarnessError
from harness.gameday.log import day_folders, running_day
from harness.gameday.report import write_day
from harness.gameday.runs import outcome_of_folder
from harness.gameday.terminal import day_text, standing, state_of
from harness.report.terminal import WIDTH, verdict_text


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    folder: str
    title: str
    began_at: str
    verdict: str
    state: str
    objectives: dict[str, str]


@click.command("list")
@reports_option
@json_option
def list_days(reports: Path, as_json: bool) -> None:
    """The game days so far, oldest first."""
    running = running_day(LOCK_FILE)
    rows: list[_Row] = []
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("verdict", "began (UTC)", "game day", "proved", "state", "folder"):
        table.add_column(column)
    for folder in day_folders(reports):
        try:
            plan, day, outcome = outcome_of_folder(folder)
        except HarnessError as error:
            click.echo(f"left out: {error}", err=True)
            continue
        goes_on = running is not None and Path(running.folder) == folder.absolute()
        state = "running" if goes_on else state_of(plan, day)
        verdict = standing(day, outcome)
        objectives = {one.name: one.verdict.value for one in outcome.objectives}
        rows.append(
            _Row(
                folder=str(folder),
                title=plan.title,
                began_at=day.began.at.isoformat(timespec="seconds"),
                verdict=verdict.value,
                state=state,
                objectives=objectives,
            )
        )
        proved = ", ".join(f"{name} {value}" for name, value in objectives.items())
        began = f"{day.began.at:%Y-%m-%d %H:%M}"
        table.add_row(verdict_text(verdict), began, Text(plan.title), proved, Text(state), folder.name)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(rows), indent=2))
    elif rows:
        Console(width=max(WIDTH, Console().width), highlight=False).print(table)
    else:
        click.echo(f"no game day in {reports}: `harness gameday run PLAN` makes one")


@click.command()
@click.argument("day", required=False)
@reports_option
@json_option
def show(day: str | None, reports: Path, as_json: bool) -> None:
    """What DAY (a folder or its name; the newest when absent) came to. Its page is written again."""
    folder = chosen_day(reports, day)
    outcome = write_day(folder)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode())
    else:
        click.echo(day_text(folder, color=sys.stdout.isatty()), nl=False)
