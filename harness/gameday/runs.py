"""A game day's folder -> what it came to: each step's run is read where the log says it is."""

from __future__ import annotations

from pathlib import Path

from harness.gameday.load import load_plan
from harness.gameday.log import PLAN_FILE, Day, load_day
from harness.gameday.outcome import Outcome, StepRun, outcome_of
from harness.gameday.plan import GameDayPlan
from harness.report.summary import load_summary
from harness.run import load_findings, load_run


def outcome_of_folder(folder: Path) -> tuple[GameDayPlan, Day, Outcome]:
    """With the plan as it was when the day began.

    Raises:
        UsageError, InvalidPlan, InvalidHistory: a part of the day is missing or cannot be read.
    """
    day = load_day(folder)
    plan = load_plan(folder / PLAN_FILE).plan
    runs = {number: _step_run(folder / step.run) for number, step in day.done.items() if step.run}
    return plan, day, outcome_of(plan, day, runs)


def _step_run(folder: Path) -> StepRun:
    record = load_run(folder)
    return StepRun(
        verdict=record.verdict,
        findings=tuple(load_findings(folder)),
        measures=load_summary(folder).measures,
        clock_rate=record.clock_rate,
    )
