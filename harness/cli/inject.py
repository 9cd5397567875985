"""harness faults inject: break something by hand for a while, with the guarantees of a scenario."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console

from harness.cli.durations import DURATION, in_words
from harness.cli.progress import CLEAR_LINE
from harness.errors import InvalidPlan, NotOptedIn, UsageError
from harness.faults.arguments import assignments, fault_of
from harness.faults.blast_radius import LIMIT_S
from harness.faults.catalogue import AnyFault
from harness.faults.schedule import Flap, Hold, Step, stretches
from harness.target import Target

if TYPE_CHECKING:
    from harness.experiment import Experiment, Stage
    from harness.guards import AnyGuard
    from harness.run import Run

target_option = click.option(
    "--target", "text", default="lab", show_default=True, help='"lab", "aws" or a target file.'
)
lab_option = click.option("--lab", default="default", show_default=True, help="Which running lab, with --target lab.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1)
@click.option("--for", "for_s", type=DURATION, default="5m", show_default=True, help="Undone after this long.")
@click.option("--flap", "period_s", type=DURATION, help="On and off with this period, as long as --for says.")
@click.option("--duty", type=float, default=0.5, show_default=True, help="With --flap: on for this share of a period.")
@click.option(
    "--schedule", type=click.Path(path_type=Path), help="TOML file of [[steps]] instead of one fault: compound faults."
)
@click.option(
    "--all-regions", default="", metavar="STACK", help="The stack of which all regions may be broken at once."
)
@click.option("--journal", metavar="WHERE", help="The undo journal: a path, or s3://bucket/key.")
@click.option("--guards", type=click.Path(path_type=Path), help="TOML file of guards: what must stay true meanwhile.")
@click.option("--plan", is_flag=True, help="Tell every call, the permissions and how long it takes; change nothing.")
@click.option("--allow-faults", is_flag=True, help="Needed to break anything that is not on this machine.")
@click.option("--report-dir", default="reports", show_default=True, type=click.Path(path_type=Path))
@target_option
@lab_option
@json_option
def inject(  # noqa: PLR0917  # one parameter for each option
    name: str | None,
    parameters: tuple[str, ...],
    for_s: float,
    period_s: float | None,
    duty: float,
    schedule: Path | None,
    all_regions: str,
    journal: str | None,
    guards: Path | None,
    plan: bool,
    allow_faults: bool,
    report_dir: Path,
    text: str,
    lab: str,
    as_json: bool,
) -> None:
    """Break something for a while: NAME and its parameters as NAME=VALUE. Ctrl-C undoes it at once.

    It is journalled before anything changes, proven from outside, undone and read back, and written to a run's folder.
    """
    if schedule is not None:
        if name or period_s is not None:
            raise UsageError("--schedule says all there is to inject: give no NAME and no --flap beside it")
        steps = _read_schedule(schedule)
    elif name:
        steps = _steps(fault_of(name, assignments(parameters)), for_s, period_s, duty)
    else:
        raise UsageError("say what to break: a NAME of `harness faults list`, or --schedule FILE")
    from harness.cli.targets import journal_for, target_for
    from harness.guards import load_guards

    guarded = load_guards(guards) if guards else ()
    target = target_for(text, lab=lab)
    refuse_strangers(steps, target)
    if plan:
        _tell_plan(steps, target, guarded, as_json=as_json)
        return
    _require_leave(target, allow_faults=allow_faults)
    leave = _Leave(all_regions=all_regions, journal=journal_for(target, journal), guards=guarded)
    sys.exit(_conduct(steps, target, leave, reports=report_dir, as_json=as_json))


def _tell_plan(steps: tuple[Step, ...], target: Target, guards: tuple[AnyGuard, ...], *, as_json: bool) -> None:
    from harness.cli.planning import experiment_text, plan_of, policy_text
    from harness.dry_run import changes_refused, planned

    with changes_refused(target):
        experiment = _experiment(steps, "")
        told = planned(experiment, target, vantages=0, guards=guards)
    told = msgspec.structs.replace(told, at_least_s=experiment.held_at_most_s)  # Held as long as was asked for.
    plan = plan_of([told], target)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(plan), indent=2).decode())
    else:
        click.echo(experiment_text(told, target.stack))
        click.echo(policy_text(plan), nl=False)


class _Leave(msgspec.Struct, frozen=True, kw_only=True):
    """How far it may go, and where it is written down."""

    all_regions: str
    journal: str
    guards: tuple[AnyGuard, ...]


def _steps(fault: AnyFault, for_s: float, period_s: float | None, duty: float) -> tuple[Step, ...]:
    if not 0 < for_s <= LIMIT_S:
        raise InvalidPlan(f"--for {for_s:g} s: above 0 and at most {LIMIT_S / 3600:g} h")
    if period_s is None:
        return (Hold(fault=fault, for_s=for_s),)
    if period_s <= 0 or for_s < period_s:
        raise InvalidPlan(f"--flap {period_s:g} s: above 0 and not longer than --for, which is {for_s:g} s")
    return (Flap(fault=fault, period_s=period_s, duty=duty, cycles=int(for_s // period_s)),)


_TOLD = ("injecting", "holding", "waiting for the next fault", "rolling back")
"""Stages of an experiment that are of interest here."""


class _ScheduleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    steps: tuple[Step, ...]


def _read_schedule(path: Path) -> tuple[Step, ...]:
    """Raises InvalidPlan for a file that is no schedule, and for a step without an end: nobody would end it."""
    try:
        steps = msgspec.toml.decode(path.read_bytes(), type=_ScheduleFile).steps
    except OSError as error:
        raise UsageError(f"schedule {path}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidPlan(f"schedule {path}: {error}") from error
    for number, step in enumerate(steps, 1):
        if isinstance(step, Hold) and step.for_s is None:
            raise InvalidPlan(
                f"schedule {path}: step {number} ({step.fault.describe()}) needs for_s, else it never ends"
            )
    if not steps:
        raise InvalidPlan(f"schedule {path}: it has no [[steps]]")
    return steps


def refuse_strangers(steps: tuple[Step, ...], target: Target) -> None:
    """Raises InvalidPlan for a region where the stack is not, before anything is asked of it."""
    known = target.stack.region_names
    for stretch in stretches(steps):
        for region in stretch.fault.regions:
            if region not in known:
                raise InvalidPlan(
                    f"{stretch.fault.describe()}: stack {target.stack.name!r} is not in {region!r}; it is in "
                    f"{', '.join(known)}"
                )


def _require_leave(target: Target, *, allow_faults: bool) -> None:
    from harness.aws import is_loopback

    if not allow_faults and not is_loopback(target.endpoints.aws_url or ""):
        raise NotOptedIn(f"target {target.name!r} is not on this machine: say --allow-faults to break it on purpose")


def _conduct(steps: tuple[Step, ...], target: Target, leave: _Leave, *, reports: Path, as_json: bool) -> int:
    """Runs the steps as an experiment does, in a run of its own; returns its exit code."""
    from harness.cli.targets import STOP_FILE
    from harness.experiment import run_experiment
    from harness.faults.signals import signals_held, terminate_unwinds
    from harness.guards import StopFile
    from harness.report.write import write_report
    from harness.run import Run

    run = Run(
        "inject",
        target,
        reports=reports.absolute(),
        journal=leave.journal,
        vantages=(),
        seed=1,
        guards=(StopFile(path=str(STOP_FILE.absolute())), *leave.guards),
        every_region_confirmed=leave.all_regions,
    )
    experiment = _experiment(steps, leave.all_regions)
    countdown = _Countdown(steps, live=sys.stderr.isatty() and not as_json)
    try:
        with terminate_unwinds():
            run_experiment(experiment, run, countdown.tell)
    except KeyboardInterrupt:
        run.interrupted = True
        raise
    finally:
        countdown.clear()
        with signals_held():
            history = run.recorder.history()
            record = run.close()
            page = write_report(run.folder, history, record, run.findings)
            _tell_end(run, page, as_json=as_json)
    return record.exit_code


def _experiment(steps: tuple[Step, ...], every_region_of: str) -> Experiment:
    from harness.checkers.checks import FaultProven
    from harness.experiment import Experiment
    from harness.faults.blast_radius import BlastRadius

    what = " and ".join(dict.fromkeys(stretch.fault.describe() for stretch in stretches(steps)))
    return Experiment(
        name="inject",
        question=f"By hand: {what}",
        **_in_force(steps),
        checks=(FaultProven(),),
        steady_s=0.0,
        # Who says --for has said for how long; no more than LIMIT_S was let in.
        blast_radius=BlastRadius(every_region_of=every_region_of, held_at_most_s=LIMIT_S),
    )


def _in_force(steps: tuple[Step, ...]) -> dict[str, Any]:
    """Fields of the experiment. One fault alone is held from its proof on, however long that took to be seen."""
    match steps:
        case (Hold(after_s=0.0, for_s=float(for_s), fault=fault),):
            never = lambda _since_s: lambda _view: False  # noqa: E731
            return {"faults": (fault,), "hold_until": never, "hold_at_most_s": for_s, "hold_more_s": 0.0}
        case _:
            return {"steps": steps}


class _Countdown:
    """What is in force, and when it will be undone: one line that is written over; on no terminal a line each."""

    def __init__(self, steps: tuple[Step, ...], *, live: bool) -> None:
        self._ends_s = max(stretch.until_s or 0.0 for stretch in stretches(steps))
        self._is_single = len(stretches(steps)) == 1
        self._live = live
        self._begun_s: float | None = None
        self._doing = ""

    def tell(self, stage: Stage) -> None:
        if not stage.doing.startswith(_TOLD):
            return
        self._begun_s = stage.now_s if self._begun_s is None else self._begun_s
        if self._live:
            room = shutil.get_terminal_size().columns - 1
            line = f"{stage.doing} | undone in {in_words(self._left_s(stage))} | Ctrl-C undoes it now"
            click.echo(CLEAR_LINE + line[:room], nl=False, err=True)
        elif stage.doing != self._doing:
            click.echo(f"{stage.now_s - self._begun_s:8.1f} s  {stage.doing}", err=True)
        self._doing = stage.doing

    def _left_s(self, stage: Stage) -> float:
        if self._is_single:
            begun_s = stage.since_s if stage.doing.startswith("holding") else stage.now_s
        else:
            begun_s = self._begun_s or stage.now_s
        return begun_s + self._ends_s - stage.now_s

    def clear(self) -> None:
        if self._live:
            click.echo(CLEAR_LINE, nl=False, err=True)


def _tell_end(run: Run, page: Path, *, as_json: bool) -> None:
    """What was injected, how that was seen, and that it is undone."""
    events = run.recorder.history().faults
    by_id: dict[str, dict[str, Any]] = {}
    for event in events:
        told = by_id.setdefault(
            event.fault_id,
            {"fault": event.fault, "parameters": dict(event.parameters), "proof": None, "phases": {}},
        )
        told["phases"][event.phase.value] = round(event.end_s, 3)
        if event.phase.value == "proven":
            told["proof"] = event.detail
    if as_json:
        open_entries = [entry.fault.describe() for entry in run.journal.open_entries()] if not by_id else []
        click.echo(json.dumps({"injected": list(by_id.values()), "open": open_entries, "report": str(page)}, indent=2))
        return
    console = Console()
    for told in by_id.values():
        phases = told["phases"]
        name = f"{told['fault']} ({', '.join(f'{key}={value}' for key, value in told['parameters'].items())})"
        if "rolled_back" in phases and "injected" in phases:
            held_s = phases["rolled_back"] - phases["injected"]
            proof = f"seen from outside: {told['proof']}" if told["proof"] else "not seen to bite from outside"
            console.print(f"[green]undone[/] {name}: in force {in_words(held_s)}; {proof}", highlight=False)
        else:
            console.print(f"[red]not undone[/] {name}: see above, or run `harness recover`", highlight=False)
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
