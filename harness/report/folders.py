"""Which runs a folder of reports holds: those of `harness run`, and those that are experiments of game days."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.report.summary import RunSummary, try_summary
from harness.run import RUN_FILE

_WHERE = (f"*/{RUN_FILE}", f"*/experiments/*/*/{RUN_FILE}")


class KnownRun(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Below the folder of reports."""
    summary: RunSummary

    @property
    def label(self) -> str:
        """Of an experiment of a game day: the day and the experiment."""
        day, *rest = self.path.split("/")
        return f"{day} › {rest[1]}" if len(rest) > 1 else day


def runs_in(reports: Path) -> tuple[list[KnownRun], int]:
    """Oldest first, and how many could not be read."""
    found = sorted({path.parent for where in _WHERE for path in reports.glob(where)})
    # reports/latest and the like lead to runs that are there under their own names.
    folders = [folder for folder in found if not folder.is_symlink()]
    runs = [
        KnownRun(path=str(folder.relative_to(reports)), summary=summary)
        for folder in folders
        if (summary := try_summary(folder))
    ]
    runs.sort(key=lambda run: run.summary.started_at)
    return runs, len(folders) - len(runs)
