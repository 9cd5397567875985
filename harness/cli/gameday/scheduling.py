"""harness gameday schedule | export"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from harness.cli.gameday.options import SCHEDULE_FILE, plan_argument, reports_option, scenarios_option
from harness.errors import UsageError
from harness.faults.signals import terminate_unwinds
from harness.gameday.export import to_cron, to_eventbridge, to_github_actions, to_systemd
from harness.gameday.load import LoadedPlan, checked_plan
from harness.gameday.scheduler import Missed, Ran, Scheduler, Told, Waiting
from harness.gameday.when import in_words, next_run
from harness.lab.state import DEFAULT_NAME


class _Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, for_s: float) -> None:
        time.sleep(for_s)


@click.command()
@click.argument("paths", metavar="PLAN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--approve", is_flag=True, help="Say yes to every approval: nobody can be asked here.")
@click.option("--allow-faults", is_flag=True, help="Needed to break anything that is not on this machine.")
@click.option("--lab", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")
@click.option("--days", type=click.IntRange(1), default=None, help="End after so many game days.")
@reports_option
@scenarios_option
def schedule(  # noqa: PLR0917
    paths: tuple[Path, ...],
    approve: bool,
    allow_faults: bool,
    lab: str,
    days: int | None,
    reports: Path,
    scenarios: Path,
) -> None:
    """Wait in the foreground and run each PLAN when it is due, one at a time. Ctrl-C ends it.

    What comes due while another day runs, or while nobody scheduled, is missed: it is told, and not caught up on.
    """
    console = Console(stderr=True, highlight=False)
    plans = [_schedulable(path, scenarios) for path in paths]
    options = [
        *("--report-dir", str(reports), "--scenarios", str(scenarios), "--lab", lab),
        *(["--approve"] if approve else []),
        *(["--allow-faults"] if allow_faults else []),
    ]

    def run_day(loaded: LoadedPlan) -> int:
        # A process and a session of its own: Ctrl-C comes here, and goes to it once.
        command = [sys.executable, "-m", "harness", "gameday", "run", str(loaded.path), *options]
        day = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            return day.wait()
        except KeyboardInterrupt:
            console.print("waiting for the game day to heal and end")
            day.send_signal(signal.SIGINT)
            _wait_out(day)
            raise

    def tell(told: Told) -> None:
        console.print(f"[bold cyan]{datetime.now().astimezone():%H:%M:%S}[/] {escape(_line(told))}", soft_wrap=True)

    for loaded in plans:
        console.print(f"{escape(loaded.plan.title)}: {escape(in_words(loaded.plan.window))}", soft_wrap=True)
    scheduler = Scheduler(plans, wall=_Wall(), run_day=run_day, tell=tell, memory=SCHEDULE_FILE)
    try:
        with terminate_unwinds():
            scheduler.run(at_most_days=days)
    except KeyboardInterrupt:
        console.print("the scheduler ended; what comes due from now on is missed")
        raise SystemExit(130) from None


def _wait_out(day: subprocess.Popen[bytes]) -> None:
    while day.poll() is None:
        try:
            day.wait()
        except KeyboardInterrupt:
            continue  # It was told once: it cannot mend what is broken any faster.


def _schedulable(path: Path, scenarios: Path) -> LoadedPlan:
    loaded = checked_plan(path, scenarios)
    if loaded.plan.window.cron is None:
        raise UsageError(f"{path}: the plan has no cron expression in [window]: nothing says when it is due")
    if next_run(loaded.plan.window, datetime.now(UTC)) is None:
        raise UsageError(f"{path}: none of the next 1000 times that it is due lies in its window: it would never run")
    return loaded


def _line(told: Told) -> str:
    at = f"{told.at.astimezone():%a %Y-%m-%d %H:%M}"
    match told:
        case Waiting():
            return f"next: {told.title} at {at}"
        case Missed():
            return f"MISSED: {told.title}, due {at}: {told.why}"
        case Ran():
            return f"{told.title}, due {at}, {_ending(told.exit_code)}"


def _ending(code: int) -> str:
    """What came of a day, and what somebody has to do when it did not end by itself."""
    came = {0: "passed", 1: "deviated", 3: "came to no clear verdict"}.get(code)
    if came:
        return came
    how = f"was killed by signal {-code}" if code < 0 else f"stopped with exit code {code}"
    return f"{how}: NEEDS A PERSON, see `harness gameday list`, and go on with `harness gameday run --resume`"


@click.command()
@plan_argument
@click.option("--cron", "to", flag_value="cron", help="A crontab line.")
@click.option("--systemd", "to", flag_value="systemd", help="A service and a timer.")
@click.option("--github-actions", "to", flag_value="github-actions", help="A workflow.")
@click.option("--eventbridge", "to", flag_value="eventbridge", help="Input of `aws scheduler create-schedule`.")
@scenarios_option
def export(plan_path: Path, to: str | None, scenarios: Path) -> None:
    """Write PLAN's schedule for another scheduler, to standard output."""
    if to is None:
        raise UsageError("say for what: --cron, --systemd, --github-actions or --eventbridge")
    loaded = checked_plan(plan_path, scenarios)
    written = {
        "cron": to_cron,
        "systemd": to_systemd,
        "github-actions": to_github_actions,
        "eventbridge": to_eventbridge,
    }
    click.echo(written[to](loaded), nl=False)
