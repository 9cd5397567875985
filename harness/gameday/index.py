"""The index with the game days in it: the report's layer knows runs alone."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.gameday.log import day_folders
from harness.gameday.outcome import Outcome
from harness.gameday.runs import outcome_of_folder
from harness.gameday.terminal import standing, state_of
from harness.report.index import DayRow, write_index


def update_index(reports: Path, *, baseline: str | None = None) -> Path:
    """Writes reports/index.html. Raises UsageError when it cannot be written, or the baseline is not there."""
    rows = [row for folder in day_folders(reports) if (row := _row(reports, folder))]
    return write_index(reports, rows, baseline=baseline)


def _row(reports: Path, folder: Path) -> DayRow | None:
    """None for a day that cannot be read: `harness gameday list` says why."""
    try:
        plan, day, outcome = outcome_of_folder(folder)
    except HarnessError:
        return None
    return DayRow(
        path=str(folder.relative_to(reports)),
        title=plan.title,
        target=plan.target,
        began_at=day.began.at,
        verdict=standing(day, outcome),
        state=state_of(plan, day),
        objectives=tuple((one.name, one.limit_s, one.verdict, one.told) for one in outcome.objectives),
        noticed=_noticed(outcome),
    )


def _noticed(outcome: Outcome) -> str:
    found = [one.after_s for one in outcome.detections if one.after_s is not None]
    if not outcome.detections:
        return "–"
    if not found:
        return f"none of {len(outcome.detections)}"
    return f"{len(found)} of {len(outcome.detections)}, the slowest after {max(found):.0f} s"
