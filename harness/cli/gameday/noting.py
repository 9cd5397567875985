"""harness gameday note"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.gameday.options import LOCK_FILE, chosen_day, reports_option
from harness.errors import UsageError
from harness.gameday.conduct import who
from harness.gameday.log import DayLog, NoteTyped, load_day, running_day


@click.command()
@click.argument("text")
@click.option("--noticed", is_flag=True, help="It says that people noticed the fault: their time to detect ends here.")
@click.option("--action", is_flag=True, help="It says what somebody has to do after the day.")
@click.option("--by", default="", help="Who says it; absent: you.")
@click.option("--day", default=None, help="Which game day, when none is running: its folder or its name.")
@reports_option
def note(text: str, noticed: bool, action: bool, by: str, day: str | None, reports: Path) -> None:  # noqa: PLR0917
    """Put TEXT on the timeline of the game day that is running, from any terminal in this folder."""
    if not text.strip():
        raise UsageError("the note is empty: say what you see")
    running = running_day(LOCK_FILE)
    if running is None and day is None:
        raise UsageError("no game day is running here: name one with --day (`harness gameday list` lists them)")
    folder = chosen_day(reports, day) if day or running is None else Path(running.folder)
    load_day(folder)
    log = DayLog(folder)
    log.add(NoteTyped(at=log.now(), text=text.strip(), by=by or who(), noticed=noticed, action=action))
    click.echo(f"noted on {folder}")
