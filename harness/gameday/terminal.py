"""A game day as a person reads it in a terminal."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.findings import Verdict
from harness.gameday.log import Day
from harness.gameday.outcome import Outcome
from harness.gameday.plan import GameDayPlan
from harness.gameday.runs import outcome_of_folder
from harness.report.terminal import WIDTH, verdict_text
from harness.report.words import listed


def day_text(folder: Path, *, color: bool) -> str:
    plan, day, outcome = outcome_of_folder(folder)
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=color, width=WIDTH, highlight=False)
    console.print(Text(f"{plan.title}: {plan.goal}", style="bold"))
    console.print(_steps(outcome))
    for objective in outcome.objectives:
        told = f"  {objective.name} {objective.limit_s:g} s: {objective.told}"
        console.print(Text.assemble(verdict_text(objective.verdict), told))
    for one in outcome.detections:
        what = f"{one.fault} in {listed(one.regions)}"
        after = f"noticed after {one.after_s:.0f} s" if one.after_s is not None else "nobody noted that they noticed it"
        console.print(Text(f"  {what}: {after}", style="dim"))
    for healed in outcome.healed:
        console.print(Text(f"  healed: {healed.what} ({healed.how})", style="yellow"))
    if outcome.actions:
        console.print(Text("to do:", style="bold"))
        for action in outcome.actions:
            console.print(Text(f"  - {action}"))
    console.print(Text.assemble(verdict_text(standing(day, outcome)), f"  {state_of(plan, day)}"))
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)
    return buffer.getvalue()


def standing(day: Day, outcome: Outcome) -> Verdict:
    """Of a day that is not over, nothing better than UNKNOWN is known."""
    return outcome.verdict if day.ended else Verdict.worst((outcome.verdict, Verdict.UNKNOWN))


def state_of(plan: GameDayPlan, day: Day) -> str:
    """ "finished", or how far it came and why it stands."""
    done = f"{len(day.done)} of {len(plan.experiments)} experiments done"
    if day.ended:
        return f"finished, {done}"
    return f"stopped, {done}: {day.stopped.why}" if day.stopped else f"not finished, {done}"


def _steps(outcome: Outcome) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("verdict", "experiment", "parameters", "attempts"):
        table.add_column(column)
    for step in outcome.steps:
        settings = ", ".join(f"{name}={value}" for name, value in step.settings.items())
        table.add_row(verdict_text(step.verdict), Text(step.title), Text(settings), str(step.attempts or "not run"))
    return table
