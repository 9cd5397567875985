"""The undo journal: what was broken and how to mend it, on disk before anything is broken.

JSON lines, one journal for each target, in a file or in S3. A line opens an entry (the fault, the snapshot that undoes
it, the target it was done to) or closes one; every line survives the loss of this machine before `open()` or `close()`
returns. An entry that was opened and not closed means that a fault may still bite: nothing new starts until `recover`
has undone it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import msgspec

from harness.errors import JournalOpen, UsageError
from harness.faults.catalogue import AnyFault
from harness.faults.journal_store import JournalStore, store_at, this_process
from harness.stack import Endpoints, Stack


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="opened"):
    """Enough to undo the fault from any machine that has the journal and credentials."""

    id: str
    run: str
    at: str
    """RFC 3339, UTC, wall time."""
    fault: AnyFault
    snapshot: dict[str, str]
    target: str
    stack: Stack
    endpoints: Endpoints


class Closed(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", tag="closed"):
    id: str
    at: str
    how: str
    """"rolled back", "recovered", "gone": the resource no longer exists."""


class _AnyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What every line has."""

    entry: Literal["opened", "closed"]
    id: str


T = TypeVar("T")

_ANY_ENTRY = msgspec.json.Decoder(_AnyEntry)
_OPENED = msgspec.json.Decoder(Opened)
_ENCODER = msgspec.json.Encoder()


class Journal:
    """Open while a run may inject faults; holds a lock, so a second run against the same target is refused.

    `where` is a path, "s3://bucket/key", or a store.

    Raises:
        JournalOpen: another process holds it, or (from `refuse_if_open`) an entry was never closed.
        UsageError: the file cannot be written or is not a journal. Names the file and the line.
        JournalUnwritable: it cannot be written, for example because the disk is full.
    """

    def __init__(self, where: Path | str | JournalStore, *, run: str) -> None:
        self._store = store_at(where) if isinstance(where, Path | str) else where
        self.where = self._store.where
        self.run = run
        self._store.lock(this_process(run))

    def open_entries(self) -> list[Opened]:
        """Entries that were opened and not closed, oldest first."""
        lines: dict[str, tuple[int, bytes]] = {}
        for number, line in enumerate(_whole_lines(self._store.read()), 1):
            entry = self._decode(_ANY_ENTRY, number, line)
            if entry.entry == "opened":
                lines[entry.id] = number, line
            else:
                lines.pop(entry.id, None)
        # Only what is open must be understood: entries that another version wrote and closed stop nobody.
        return [self._decode(_OPENED, number, line) for number, line in lines.values()]

    def _decode(self, decoder: msgspec.json.Decoder[T], number: int, line: bytes) -> T:
        try:
            return decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise UsageError(f"undo journal {self.where}, line {number}: {error}; mend or move the file") from error

    def refuse_if_open(self) -> None:
        entries = self.open_entries()
        if entries:
            first = entries[0]
            raise JournalOpen(
                f"{len(entries)} fault(s) of an earlier run were not undone, first: {first.fault.describe()} of run "
                f"{first.run} at {first.at} on {first.target!r}; run `harness recover --journal {self.where}` first"
            )

    def refuse_if_lost(self) -> None:
        """Raises JournalOpen when another process may hold the journal by now: what is broken must be healed."""
        lost = self._store.lost()
        if lost:
            raise JournalOpen(f"undo journal {self.where} is not this run's any more: {lost}")

    def open(
        self, fault: AnyFault, snapshot: dict[str, str], *, target: str, stack: Stack, endpoints: Endpoints
    ) -> Opened:
        """Writes the entry through to the disk. Only when this returned may the fault be applied."""
        entry = Opened(
            id=uuid.uuid4().hex,
            run=self.run,
            at=_now(),
            fault=fault,
            snapshot=snapshot,
            target=target,
            stack=stack,
            endpoints=endpoints,
        )
        self._store.append(_ENCODER.encode(entry), only_if_ours=True)
        return entry

    def close(self, entry_id: str, how: str) -> None:
        """Marks the entry as undone, through to the disk."""
        self._store.append(_ENCODER.encode(Closed(id=entry_id, at=_now(), how=how)), only_if_ours=False)

    def release(self) -> None:
        """Lets other runs have the journal. Entries stay as they are."""
        self._store.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _whole_lines(data: bytes) -> list[bytes]:
    """Lines that can be read back. A last one that a crash cut short was never acted on: the fsync had not returned."""
    *whole, tail = data.split(b"\n")
    if tail and _is_json(tail):
        whole.append(tail)  # As editors leave it: only its newline is missing.
    return [line for line in whole if line.startswith(b"{") and line.endswith(b"}")]


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return False
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
