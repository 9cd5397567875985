"""harness gameday new | validate | plan"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.cli.exit_codes import NOTHING_RAN
from harness.cli.gameday.options import json_option, plan_argument, scenarios_option
from harness.errors import InvalidPlan, UsageError
from harness.gameday.load import LoadedPlan, checked_plan, load_plan, problems_of
from harness.gameday.plan import PlannedExperiment, Window
from harness.gameday.when import firings, in_words, next_run, refusal
from harness.guards.kinds import kind_of
from harness.parameters import scenario_file
from harness.report.terminal import WIDTH

NEXT = 3

TEMPLATE = """\
title = "Evacuation of eu-west-1"
owner = "{owner}"
goal = "Users of a region that falls sick are served elsewhere within three minutes, and come home"
target = "lab"                      # "lab", "aws" or a target file
rto_s = 180                         # to prove: the slowest user of a broken region is well again within it
# rpo_s = 5                         # to prove: no write older than this was in one region alone (scenario "partition")

[window]
cron = "0 10 * * 2"                 # when it is due, for `harness gameday schedule` and `export`
time_zone = "Europe/Dublin"
days = ["mon", "tue", "wed", "thu"]
after = "09:00"                     # nothing is broken before...
before = "16:00"                    # ...or after, and what runs then is stopped and healed
freeze = [{{ first = 2026-12-15, last = 2027-01-06, why = "end of the year" }}]

# [notify]
# webhook = "$GAMEDAY_WEBHOOK"      # takes {{"text": ...}}, as Slack's do; "$..." is read from the environment

[[guards]]
guard = "every-vantage-served"      # stop and heal when a place has had no good reply for so long
longest_s = 240

[[experiments]]
scenario = "deployment"

[[experiments]]
scenario = "failover"
name = "evacuation of eu-west-1"
parameters = {{ region = "eu-west-1", hold_more_s = 30 }}
approval = "Is whoever is on call watching?"
pause_s = 10
"""


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def new(path: Path) -> None:
    """Write a plan to PATH, to fill in. An existing file is left alone."""
    from harness.gameday.conduct import who

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(owner=who()))
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: choose another name, or remove it first") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"{path}: edit it, then `harness gameday validate {path}`")


@click.command()
@click.argument("paths", metavar="PLAN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@scenarios_option
@json_option
def validate(paths: tuple[Path, ...], scenarios: Path, as_json: bool) -> None:
    """Check plans: each problem with its file, line and column. Exit code 2 when there is one."""
    told: list[str] = []
    for path in paths:
        try:
            loaded = load_plan(path)
        except InvalidPlan as error:
            told.append(str(error))
            continue
        problems = problems_of(loaded, scenarios)
        told += [str(problem) for problem in problems]
        if not problems and not as_json:
            click.echo(f"{path}: good: {len(loaded.plan.experiments)} experiments, {in_words(loaded.plan.window)}")
    if as_json:
        click.echo(json.dumps({"problems": told}, indent=2))
    else:
        for problem in told:
            click.echo(problem, err=True)
    raise SystemExit(2 if told else 0)


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What `plan --json` prints."""

    title: str
    target: str
    due: str
    next_runs: list[datetime]
    may_run_now: bool
    why_not: str | None
    guards: list[str]
    experiments: list[PlannedExperiment]


@click.command()
@plan_argument
@click.option("--calls", is_flag=True, help="Ask the target, too: every call of every experiment, and what it needs.")
@click.option("--lab", default="default", show_default=True, help="Which lab, when several run; with --calls.")
@scenarios_option
@json_option
def plan(plan_path: Path, calls: bool, lab: str, scenarios: Path, as_json: bool) -> None:
    """Show what PLAN would do and when, and whether it may run now. Nothing is changed."""
    loaded = checked_plan(plan_path, scenarios)
    now = datetime.now(UTC)
    planned = loaded.plan
    why_not = refusal(planned.window, now)
    shown = _Shown(
        title=planned.title,
        target=planned.target,
        due=in_words(planned.window),
        next_runs=_next_runs(planned.window, now),
        may_run_now=why_not is None,
        why_not=why_not,
        guards=[kind_of(guard) for guard in planned.all_guards],
        experiments=list(planned.experiments),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    else:
        _print(loaded, shown)
    if calls:
        _rehearse(loaded, scenarios, lab)


def _rehearse(loaded: LoadedPlan, scenarios: Path, lab: str) -> None:
    """Ends with the code of the first experiment that could not even be told."""
    from harness.gameday.conduct import options_of, rehearsal_command

    for number, experiment in enumerate(loaded.plan.experiments, 1):
        click.echo(f"\n{number}. {experiment.title}")
        scenario = scenario_file(scenarios, experiment.scenario)
        command = rehearsal_command(experiment, scenario=scenario, options=options_of(loaded.plan, lab))
        code = subprocess.run(command, check=False).returncode
        if code not in {0, NOTHING_RAN}:
            raise SystemExit(code)


def _next_runs(window: Window, now: datetime) -> list[datetime]:
    """Those of the next firings at which it may run; the first of them at least, however far away it is."""
    soon = [at for at in islice(firings(window, now), NEXT) if refusal(window, at) is None]
    first = next_run(window, now)
    return soon or ([first] if first else [])


def _print(loaded: LoadedPlan, shown: _Shown) -> None:
    console, planned = Console(width=max(WIDTH, Console().width), highlight=False), loaded.plan
    console.print(Text(planned.title, style="bold"))
    console.print(Text(planned.goal))
    local = [f"{at.astimezone(planned.window.zone):%a %Y-%m-%d %H:%M}" for at in shown.next_runs]
    never = " (never in its window)" if planned.window.cron and not local else ""
    rows = [
        ("owner", planned.owner),
        ("target", planned.target),
        (
            "to prove",
            ", ".join(f"{n} {v:g} s" for n, v in (("RTO", planned.rto_s), ("RPO", planned.rpo_s)) if v) or "-",
        ),
        ("due", shown.due + never),
        ("next", ", ".join(local) or "-"),
        ("now", "it may run" if shown.may_run_now else f"it may not run: {shown.why_not}"),
        ("guards", ", ".join(shown.guards) or "the stop file alone"),
        ("told", "the webhook" if planned.notify else "nobody but this terminal"),
    ]
    facts = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        facts.add_row(Text(row[0], style="dim"), Text(row[1]))
    console.print(facts)
    steps = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "experiment", "scenario", "parameters", "before it"):
        steps.add_column(column)
    for number, one in enumerate(planned.experiments, 1):
        settings = ", ".join(f"{name}={value}" for name, value in one.settings.items())
        before = [f"{one.pause_s:g} s of quiet"] if one.pause_s else []
        before += [f"a person says yes: {one.approval}"] if one.approval else []
        steps.add_row(str(number), Text(one.title), one.scenario, Text(settings or "defaults"), Text("; ".join(before)))
    console.print(steps)
