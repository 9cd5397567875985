"""Undoes what a killed run left broken, from any machine that has the journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.errors import RollbackFailed
from harness.faults.journal import Journal, Opened
from harness.faults.undo import undo
from harness.target import Target


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    entry: Opened
    how: str
    """"recovered", "gone", or why not."""
    ok: bool


def recover(path: Path, report: Callable[[Recovered], None]) -> list[Recovered]:
    """Rolls back every open entry, newest first; those that fail stay open. Doing it twice is harmless.

    Raises:
        JournalOpen: a run that holds the journal is still going.
        RollbackFailed: at least one entry is still open; `report` was told which and why.
    """
    results: list[Recovered] = []
    with Journal(path, run="recover") as journal:
        for entry in reversed(journal.open_entries()):
            result = _recover_one(entry, journal)
            results.append(result)
            report(result)
    failed = [result for result in results if not result.ok]
    if failed:
        raise RollbackFailed(f"{len(failed)} of {len(results)} faults are still open: {failed[0].how}")
    return results


def _recover_one(entry: Opened, journal: Journal) -> Recovered:
    target = Target(entry.stack, entry.endpoints, name=entry.target)
    try:
        how = undo(entry, target, target.new_clock())
    except RollbackFailed as error:
        return Recovered(entry=entry, how=str(error), ok=False)
    how = "recovered" if how == "rolled back" else how
    journal.close(entry.id, how)
    return Recovered(entry=entry, how=how, ok=True)
