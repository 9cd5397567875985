"""Undoes what a killed run left broken, from any machine that has the journal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.audit import LoggedCall
from harness.errors import JournalOpen, JournalUnwritable, RollbackFailed
from harness.faults.journal import Journal, Opened
from harness.faults.journal_store import JournalStore, store_at
from harness.faults.undo import ON_ITS_WAY_WALL_S, undo
from harness.target import Target

ASK_AGAIN_WALL_S = 5.0


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    entry: Opened
    how: str
    """"recovered", "gone", or why not."""
    ok: bool
    calls: tuple[str, ...] = ()
    """What was changed for it: "apigateway UpdateStage in eu-west-1: HTTP 200". None when it had been undone."""


def recover(
    where: Path | str, report: Callable[[Recovered], None], waiting: Callable[[str], None] = lambda _text: None
) -> list[Recovered]:
    """Rolls back every open entry, newest first; those that fail stay open. Doing it twice is harmless.

    Where a dead run's lease on a shared journal has to end first, that is waited for, and `waiting` told.

    Raises:
        JournalOpen: a run that holds the journal is still going.
        RollbackFailed: at least one entry is still open; `report` was told which and why.
    """
    results: list[Recovered] = []
    with _journal(store_at(where), waiting) as journal:
        undoings = [_Undoing(entry) for entry in reversed(journal.open_entries())]
        for undoing in undoings:
            with contextlib.suppress(RollbackFailed):  # It is tried again, and told then.
                undoing.look()
        if undoings:
            time.sleep(ON_ITS_WAY_WALL_S)
        for undoing in undoings:
            results.append(_finish(undoing, journal))
            report(results[-1])
    failed = [result for result in results if not result.ok]
    if failed:
        raise RollbackFailed(f"{len(failed)} of {len(results)} faults are still open: {failed[0].how}")
    return results


def _journal(store: JournalStore, waiting: Callable[[str], None]) -> Journal:
    """Held; a holder that does not renew its lease is waited out."""
    left_s = float("inf")
    while True:
        try:
            return Journal(store, run="recover")
        except JournalOpen as error:
            before_s, left_s = left_s, store.free_in_s()
            if left_s >= before_s:
                raise  # Renewed meanwhile, or a lock that has no lease: its run is alive.
            waiting(f"{error}: waiting {left_s:.0f} s for that")
            time.sleep(min(left_s, ASK_AGAIN_WALL_S) + 1)


class _Undoing:
    """One entry, undone twice: what its run had sent when it was killed may take effect between the two looks."""

    def __init__(self, entry: Opened) -> None:
        self.entry = entry
        self._target = Target(entry.stack, entry.endpoints, name=entry.target)
        self._calls: list[str] = []
        self._target.aws.calls.listen(self._hear)

    def look(self) -> str:
        """Raises RollbackFailed."""
        how = undo(self.entry, self._target, self._target.new_clock())
        return "recovered" if how == "rolled back" else how

    def result(self, how: str, *, ok: bool) -> Recovered:
        return Recovered(entry=self.entry, how=how, ok=ok, calls=tuple(self._calls))

    def _hear(self, call: LoggedCall) -> None:
        if call.changes and call.phase == "ended":
            ended = call.error or f"HTTP {call.status}"
            self._calls.append(f"{call.service} {call.operation} in {call.region}: {ended}")


def _finish(undoing: _Undoing, journal: Journal) -> Recovered:
    try:
        how = undoing.look()
        journal.close(undoing.entry.id, how)
    except (RollbackFailed, JournalUnwritable) as error:
        return undoing.result(str(error), ok=False)
    return undoing.result(how, ok=True)
