"""The undo journal: what was broken and how to mend it, on disk before anything is broken.

One file of JSON lines for each target. A line opens an entry (the fault, the snapshot that undoes it, the target it
was done to) or closes one; every line is flushed to the disk before `open()` or `close()` returns. An entry that was
opened and not closed means that a fault may still bite: nothing new starts until `recover` has undone it.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import msgspec

from harness.errors import JournalOpen, UsageError
from harness.faults.catalogue import AnyFault
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

    Raises:
        JournalOpen: another process holds it, or (from `refuse_if_open`) an entry was never closed.
        UsageError: the file cannot be written or is not a journal. Names the file and the line.
    """

    def __init__(self, path: Path, *, run: str) -> None:
        self.path = path
        self.run = run
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"undo journal {path} cannot be opened for writing: {error.strerror}") from error
        self._lock()
        # The file's name must survive a lost machine too, not only its content.
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            holder = _holder_path(self.path)
            who = holder.read_text().strip() if holder.exists() else "another process"
            raise JournalOpen(
                f"{who} is injecting faults into this target (it holds {self.path}): wait for it to end, or stop it"
            ) from error
        _holder_path(self.path).write_text(f"run {self.run} (process {os.getpid()})\n")

    def open_entries(self) -> list[Opened]:
        """Entries that were opened and not closed, oldest first."""
        lines: dict[str, tuple[int, bytes]] = {}
        for number, line in enumerate(_whole_lines(self.path), 1):
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
            raise UsageError(f"undo journal {self.path}, line {number}: {error}; mend or move the file") from error

    def refuse_if_open(self) -> None:
        entries = self.open_entries()
        if entries:
            first = entries[0]
            raise JournalOpen(
                f"{len(entries)} fault(s) of an earlier run were not undone, first: {first.fault.describe()} of run "
                f"{first.run} at {first.at} on {first.target!r}; run `harness recover --journal {self.path}` first"
            )

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
        self._append(entry)
        return entry

    def close(self, entry_id: str, how: str) -> None:
        """Marks the entry as undone, through to the disk."""
        self._append(Closed(id=entry_id, at=_now(), how=how))

    def _append(self, entry: Opened | Closed) -> None:
        line = _ENCODER.encode(entry) + b"\n"
        if not _ends_whole(self._fd):
            line = b"\n" + line  # A line that a crash cut short stays apart; readers skip it.
        written = os.write(self._fd, line)
        if written != len(line):
            raise OSError(f"undo journal {self.path}: wrote {written} of {len(line)} bytes")
        os.fsync(self._fd)

    def release(self) -> None:
        """Lets other runs have the journal. Entries stay as they are."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _whole_lines(path: Path) -> list[bytes]:
    """Lines that can be read back. One that a crash cut short was never acted on: the fsync had not returned."""
    lines = path.read_bytes().split(b"\n")
    return [line for line in lines if line.startswith(b"{") and line.endswith(b"}")]


def _ends_whole(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def _holder_path(path: Path) -> Path:
    return path.with_name(path.name + ".holder")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
