"""harness gameday run"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from harness import __version__
from harness.checkers.limits import Allowances, client_limit
from harness.cli.gameday.options import LOCK_FILE, reports_option, scenarios_option
from harness.cli.targets import journal_file, target_for
from harness.errors import GuardTripped, InvalidPlan, JournalOpen, RollbackFailed, UsageError
from harness.faults.recover import Recovered, recover
from harness.gameday.conduct import Conduct, experiment_command, options_of, who
from harness.gameday.guardfile import write_guards
from harness.gameday.index import update_index
from harness.gameday.load import LoadedPlan, checked_plan, load_plan
from harness.gameday.log import (
    LOG_FILE,
    PLAN_FILE,
    Began,
    DayLog,
    Healed,
    Resumed,
    RunningDay,
    day_folders,
    load_day,
    new_day_folder,
    only_day,
    plan_hash,
)
from harness.gameday.plan import PlannedExperiment
from harness.gameday.report import write_day
from harness.gameday.terminal import day_text
from harness.gameday.when import is_due, refusal
from harness.lab.state import DEFAULT_NAME
from harness.parameters import REGION, scenario_file
from harness.target import Target

GUARDS_FILE = "guards.toml"
ANSWER_WITHIN_S = 3600.0
HEAL_WITHIN_S = 300.0
"""How long an experiment whose day was killed may take to mend what it broke."""


@click.command()
@click.argument("plan_path", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--resume", is_flag=True, help="Go on with the newest day that was stopped or killed.")
@click.option("--anew", is_flag=True, help="Begin another day though one of this plan was not finished.")
@click.option("--approve", is_flag=True, help="Say yes to every approval beforehand.")
@click.option("--if-due", is_flag=True, help="Only when the plan's cron has just fired; else do nothing.")
@click.option("--allow-faults", is_flag=True, help="Needed to break anything that is not on this machine.")
@click.option("--lab", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")
@reports_option
@scenarios_option
def run(  # noqa: PLR0917
    plan_path: Path | None,
    resume: bool,
    anew: bool,
    approve: bool,
    if_due: bool,
    allow_faults: bool,
    lab: str,
    reports: Path,
    scenarios: Path,
) -> None:
    """Run PLAN now: each experiment in order, pauses and approvals between them, then the report.

    A deviation does not stop the day; a guard, an interruption or an incomplete rollback does. What was stopped, or
    killed, goes on with --resume: what is still broken is healed first, and what was done is not done again.
    """
    console = Console(stderr=True, highlight=False)
    if bool(plan_path) == resume:
        raise UsageError("name a plan to run, or say --resume to go on with a day: one of the two")
    old = _unfinished(reports) if resume else None
    loaded = load_plan(old / PLAN_FILE) if old else checked_plan(_given(plan_path), scenarios)
    if if_due and not is_due(loaded.plan.window, datetime.now(UTC)):
        console.print(f"{loaded.path}: not due now")
        return
    _refuse_outside_window(loaded)
    if not old and not anew:
        _refuse_second(loaded, reports)
    target = target_for(loaded.plan.target, lab=lab)
    _check_regions(loaded, target)
    options = [*options_of(loaded.plan, lab), *(["--allow-faults"] if allow_faults else [])]
    folder = (old or new_day_folder(reports, loaded.plan.title, datetime.now(UTC))).absolute()

    def tell(text: str) -> None:
        console.print(f"[bold cyan]{datetime.now().astimezone():%H:%M:%S}[/] {escape(text)}", soft_wrap=True)

    with only_day(LOCK_FILE, RunningDay(folder=str(folder), title=loaded.plan.title, pid=os.getpid())):
        killed = bool(old) and load_day(folder).was_killed
        _begin(loaded, folder, resumed=bool(old))
        tell(f"{'going on with' if old else 'beginning'} {folder}")
        if _heal(target.journal or journal_file(target.name), DayLog(folder), tell) or killed:
            _settle(target, tell)
        conduct = Conduct(
            loaded,
            folder,
            command=_command(scenarios, options, folder),
            ask=None if approve else _ask,
            tell=tell,
        )
        code = conduct.run(lambda _day: write_day(folder).verdict)
        write_day(folder)
        update_index(reports.absolute())
    click.echo(day_text(folder, color=sys.stdout.isatty()))
    raise SystemExit(code)


def _given(path: Path | None) -> Path:
    assert path is not None
    return path


def _unfinished(reports: Path) -> Path:
    found = [folder for folder in day_folders(reports) if load_day(folder).ended is None]
    if not found:
        raise UsageError(f"no game day in {reports} is unfinished: `harness gameday run PLAN` begins one")
    return found[-1]


def _refuse_outside_window(loaded: LoadedPlan) -> None:
    why = refusal(loaded.plan.window, datetime.now(UTC))
    if why:
        raise GuardTripped(f"{loaded.path}: the day may not run now: {why}")


def _refuse_second(loaded: LoadedPlan, reports: Path) -> None:
    for folder in reversed(day_folders(reports)):
        day = load_day(folder)
        if day.ended is None and day.began.title == loaded.plan.title:
            total = len(loaded.plan.experiments)
            raise UsageError(
                f"{folder} of this plan was not finished ({len(day.done)} of {total} experiments done): go on with"
                " --resume, or begin another with --anew"
            )


def _check_regions(loaded: LoadedPlan, target: Target) -> None:
    for number, experiment in enumerate(loaded.plan.experiments, 1):
        region = experiment.settings.get(REGION)
        if region and region not in target.stack.region_names:
            raise InvalidPlan(
                f"{loaded.path}: experiment {number} ({experiment.title}) is about {region}; target"
                f" {target.name!r} is in {', '.join(target.stack.region_names)}"
            )


def _begin(loaded: LoadedPlan, folder: Path, *, resumed: bool) -> None:
    log = DayLog(folder)
    if resumed:
        log.add(Resumed(at=log.now(), by=who()))
        return
    # The plan as it is now: a day that goes on tomorrow is the day that was begun.
    (folder / PLAN_FILE).write_text(loaded.text, encoding="utf-8")
    write_guards(folder / GUARDS_FILE, loaded.plan.all_guards)
    log.add(
        Began(
            at=log.now(),
            title=loaded.plan.title,
            target=loaded.plan.target,
            by=who(),
            plan_sha256=plan_hash(loaded.text),
            harness_version=__version__,
        )
    )


def _heal(journal: Path | str, log: DayLog, tell: Callable[[str], None]) -> bool:
    """Nothing begins while something is broken. An experiment that is still mending is waited for.

    Returns whether anything was broken until now.

    Raises:
        RollbackFailed: it says what a person has to do.
        JournalOpen: somebody else's run holds the target.
    """
    if isinstance(journal, Path) and not journal.exists():
        return False

    def healed(result: Recovered) -> None:
        what = result.entry.fault.describe()
        log.add(Healed(at=log.now(), what=what, how=result.how, ok=result.ok))
        tell(f"healed {what}: {result.how}" if result.ok else f"COULD NOT HEAL {what}: {result.how}")

    deadline = time.monotonic() + HEAL_WITHIN_S
    waited = False
    while True:
        try:
            found = recover(journal, healed, tell)
        except JournalOpen as error:
            if time.monotonic() > deadline:
                raise
            if not waited:
                tell(f"waiting: {error}")
            waited = True
            time.sleep(0.5)
        except RollbackFailed as error:
            raise RollbackFailed(f"the game day does not begin while something is broken: {error}") from error
        else:
            return bool(found) or waited


def _settle(target: Target, tell: Callable[[str], None]) -> None:
    """Waits as long as users may take to come home: until then the stack would be found unsteady, and blamed for it."""
    limit = client_limit(target.stack, Allowances())
    wall_s = limit.at_most_s / target.new_clock().rate
    tell(f"letting users come home: {limit.at_most_s:.0f} s of the stack, {wall_s:.0f} s of wall time")
    time.sleep(wall_s)


def _command(
    scenarios: Path, options: Sequence[str], folder: Path
) -> Callable[[PlannedExperiment, Path], Sequence[str]]:
    def command(experiment: PlannedExperiment, into: Path) -> list[str]:
        guarded = [*options, "--guards", str(folder / GUARDS_FILE)]
        scenario = scenario_file(scenarios, experiment.scenario)
        return experiment_command(experiment, into, scenario=scenario, options=guarded, log=folder / LOG_FILE)

    return command


def _ask(question: str, interrupted: Callable[[], bool]) -> str | None:
    if not sys.stdin.isatty():
        return None
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < deadline:
        ready, _, _ = select.select([sys.stdin], [], [], 0.2)
        if interrupted():
            return None
        if ready:
            return who() if sys.stdin.readline().strip().lower() in {"y", "yes"} else None
    click.echo("nobody answered within an hour", err=True)
    return None
