"""Where an undo journal is kept: a file, or an object of S3 that several machines share.

A store is a list of lines with one writer. `lock` makes this process the writer or says who is; `append` returns when
the line would survive the loss of this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Protocol

import msgspec

from harness.errors import JournalOpen, JournalUnwritable, UsageError


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes to a journal."""

    run: str
    host: str
    pid: int
    machine: str = ""
    """The same for processes that see each other's pids: of one boot, in one container."""

    def __str__(self) -> str:
        return f"run {self.run} (process {self.pid} on {self.host})"

    @property
    def is_dead(self) -> bool:
        """True when it surely runs no more; False when it does, or when that cannot be told from here."""
        if not self.machine or self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


class JournalStore(Protocol):
    where: str
    """As `--journal` takes it."""

    def lock(self, holder: Holder) -> None:
        """Raises JournalOpen, naming the other."""
        ...

    def read(self) -> bytes: ...

    def append(self, line: bytes, *, only_if_ours: bool) -> None:
        """Adds one line without its newline.

        Raises:
            JournalUnwritable: it may not have been written.
            JournalOpen: `only_if_ours`, and another process has taken the journal over meanwhile.
        """
        ...

    def lost(self) -> str | None:
        """Why the journal is not ours any more; None while it is."""
        ...

    def free_in_s(self) -> float:
        """How long the holder's lease still runs, unless it renews it; infinite where a lock has no lease."""
        ...

    def release(self) -> None: ...


def this_process(run: str) -> Holder:
    return Holder(run=run, host=socket.gethostname(), pid=os.getpid(), machine=_machine())


def store_at(where: Path | str) -> JournalStore:
    """The store of a path or of "s3://bucket/key". boto3's settings say where S3 is: AWS_ENDPOINT_URL_S3, AWS_PROFILE.

    Raises:
        UsageError: the file cannot be opened for writing, or it is no address.
    """
    if str(where).startswith("s3://"):
        from harness.aws import Aws
        from harness.faults.journal_s3 import S3Store

        return S3Store(str(where), Aws(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")))
    if "://" in str(where):
        raise UsageError(f"undo journal {where}: a path or s3://bucket/key, nothing else")
    return FileStore(Path(where))


class FileStore:
    """A file of lines, every one of them fsynced. flock names one writer, also over NFS 4; it ends with its process."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"undo journal {path} cannot be opened for writing: {error.strerror}") from error

    def lock(self, holder: Holder) -> None:
        beside = self._path.with_name(self._path.name + ".holder")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            who = beside.read_text().strip() if beside.exists() else ""
            raise JournalOpen(
                f"{who or 'another process'} is injecting faults into this target (it holds {self.where}): "
                "wait for it to end, or stop it"
            ) from error
        with contextlib.suppress(OSError):  # A full disk must not keep `recover` from its work.
            beside.write_text(f"{holder}\n")
        try:
            # The file's name must survive a lost machine too, not only its content.
            directory = os.open(self._path.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
        except OSError as error:
            self.release()
            raise JournalUnwritable(f"undo journal {self.where} cannot be written: {error.strerror}") from error

    def read(self) -> bytes:
        return self._path.read_bytes()

    def append(self, line: bytes, *, only_if_ours: bool) -> None:  # noqa: ARG002  # flock is never taken over
        size = _end_of_whole_lines(self._fd)
        try:
            if size != os.fstat(self._fd).st_size:
                os.ftruncate(self._fd, size)
            _write_all(self._fd, line + b"\n")
            os.fsync(self._fd)
        except OSError as error:
            _cut(self._fd, size)
            raise JournalUnwritable(
                f"undo journal {self.where} cannot be written: {error.strerror or error}"
            ) from error

    def lost(self) -> str | None:
        return None

    def free_in_s(self) -> float:
        return float("inf")

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytes) -> None:
    """A disk that fills up takes a part and says so only when asked again."""
    while data:
        data = data[os.write(fd, data) :]


def _cut(fd: int, size: int) -> None:
    """Takes back a line that was written in part; where even that fails, readers skip it."""
    try:
        os.ftruncate(fd, size)
    except OSError:
        return


def _end_of_whole_lines(fd: int) -> int:
    """Where the next line begins. A last line that a crash cut short was never acted on: its fsync had not returned.

    One that is whole and only lacks its newline, as editors leave it, is completed.
    """
    size = os.fstat(fd).st_size
    tail = os.pread(fd, size, 0).rpartition(b"\n")[2] if size else b""
    if not tail:
        return size
    try:
        json.loads(tail)
    except ValueError:
        return size - len(tail)
    return size + os.write(fd, b"\n")


def _machine() -> str:
    """Empty where the system does not tell."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
