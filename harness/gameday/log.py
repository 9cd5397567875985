"""A game day on disk: one file of lines, each through to the disk before the day goes on.

The file is the day. What is done, what was begun and not ended, who said yes, what was noted: all of it is read back
from here, so a day that was killed goes on where it was. Notes come from other processes: a line is one write.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.errors import GameDayRunning, UsageError
from harness.events import FaultPhase
from harness.findings import Verdict

LOG_FILE = "day.jsonl"
PLAN_FILE = "plan.toml"
EXPERIMENTS_FOLDER = "experiments"
FOLDER_MARK = "-gameday-"


class DayEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    at: datetime
    """Wall time, UTC."""


class Began(DayEvent, frozen=True, tag="began"):
    title: str
    target: str
    by: str
    plan_sha256: str
    harness_version: str


class Resumed(DayEvent, frozen=True, tag="resumed"):
    by: str


class Healed(DayEvent, frozen=True, tag="healed"):
    """A fault that an earlier process of this day had left open."""

    what: str
    how: str
    ok: bool


class Asked(DayEvent, frozen=True, tag="asked"):
    step: int
    question: str


class Approved(DayEvent, frozen=True, tag="approved"):
    step: int
    by: str


class StepBegan(DayEvent, frozen=True, tag="step-began"):
    step: int
    """Counts from 0."""
    attempt: int


class FaultSeen(DayEvent, frozen=True, tag="fault"):
    """A phase of a fault, as the step's history tells it; `at` is its end."""

    step: int
    fault: str
    fault_id: str
    phase: FaultPhase
    regions: tuple[str, ...]
    detail: str | None = None


class StepEnded(DayEvent, frozen=True, tag="step-ended"):
    step: int
    attempt: int
    exit_code: int
    run: str | None
    """The run's folder, below the day's; None when none was made."""
    verdict: Verdict | None = None


class NoteTyped(DayEvent, frozen=True, tag="note"):
    text: str
    by: str
    noticed: bool = False
    """It says that people noticed the fault."""
    action: bool = False
    """It says what is to be done after the day."""


class Notified(DayEvent, frozen=True, tag="notified"):
    text: str
    error: str | None = None


class Stopped(DayEvent, frozen=True, tag="stopped"):
    """The day can be resumed from here."""

    why: str
    exit_code: int


class Ended(DayEvent, frozen=True, tag="ended"):
    verdict: Verdict


AnyDayEvent = (
    Began
    | Resumed
    | Healed
    | Asked
    | Approved
    | StepBegan
    | FaultSeen
    | StepEnded
    | NoteTyped
    | Notified
    | Stopped
    | Ended
)

_DECODER: msgspec.json.Decoder[AnyDayEvent] = msgspec.json.Decoder(AnyDayEvent)
_ENCODER = msgspec.json.Encoder()

_COMPLETE = {0, 1, 3}
"""Exit codes of a run that came to its verdict."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says."""

    folder: Path
    events: tuple[AnyDayEvent, ...]

    @property
    def began(self) -> Began:
        return next(event for event in self.events if isinstance(event, Began))

    @property
    def ended(self) -> Ended | None:
        return next((event for event in reversed(self.events) if isinstance(event, Ended)), None)

    @property
    def stopped(self) -> Stopped | None:
        """Why it stands still; None when it ended, goes on, or was killed."""
        last = next((event for event in reversed(self.events) if isinstance(event, Stopped | Ended | Resumed)), None)
        return last if isinstance(last, Stopped) else None

    @property
    def done(self) -> dict[int, StepEnded]:
        """Steps that came to a verdict, the last time that each was run."""
        steps = {event.step: event for event in self.events if isinstance(event, StepEnded)}
        return {number: step for number, step in steps.items() if step.exit_code in _COMPLETE}

    @property
    def was_killed(self) -> bool:
        """Its last attempt began and did not end."""
        last = next((event for event in reversed(self.events) if isinstance(event, StepBegan | StepEnded)), None)
        return isinstance(last, StepBegan)

    def attempts(self, step: int) -> int:
        return sum(isinstance(event, StepBegan) and event.step == step for event in self.events)

    @property
    def notes(self) -> list[NoteTyped]:
        return [event for event in self.events if isinstance(event, NoteTyped)]


class DayLog:
    """Appends to a day's log. Any number of processes may: each line is one write, and no line is rewritten."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = folder / LOG_FILE
        self.now = now

    def add(self, event: AnyDayEvent) -> None:
        """On the disk when this returns. Raises UsageError when it cannot be."""
        line = _ENCODER.encode(event) + b"\n"
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                if not _ends_whole(fd):
                    line = b"\n" + line  # What a crash cut short stays apart; readers skip it.
                os.write(fd, line)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise UsageError(f"the game day's log {self.path} cannot be written: {error.strerror}") from error


def _ends_whole(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def load_day(folder: Path) -> Day:
    """Raises UsageError when the folder is no game day's, or a line is not one of ours."""
    path = folder / LOG_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{folder} is not a game day's folder: {LOG_FILE}: {error.strerror}; `harness gameday list` names them"
        ) from error
    events: list[AnyDayEvent] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not (line.startswith(b"{") and line.endswith(b"}")):
            continue
        try:
            events.append(_DECODER.decode(line))
        except msgspec.MsgspecError as error:
            raise UsageError(f"{path}, line {number}: {error}") from error
    if not any(isinstance(event, Began) for event in events):
        raise UsageError(f"{path} does not say what was begun: its first line is missing")
    return Day(folder=folder, events=tuple(events))


def notes_after(path: Path, offset: int) -> tuple[list[NoteTyped], int]:
    """Notes in the whole lines from byte `offset` on, and where the next look begins."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    whole = data.rfind(b"\n") + 1
    lines = (line for line in data[:whole].split(b"\n") if line.startswith(b'{"kind":"note"'))
    return [note for line in lines if isinstance(note := _DECODER.decode(line), NoteTyped)], offset + whole


def new_day_folder(reports: Path, title: str, now: datetime) -> Path:
    """reports/<UTC time>-gameday-<title>/, with what a day needs in it."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "day"
    stem = f"{now.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}{FOLDER_MARK}{slug}"
    for attempt in range(100):
        folder = reports / (stem if not attempt else f"{stem}-{attempt + 1}")
        try:
            (folder / EXPERIMENTS_FOLDER).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"the game day's folder {folder} cannot be made: {error.strerror}; choose another with --report-dir"
            ) from error
        return folder
    raise UsageError(f"{reports} has a hundred game days named {stem}")


def day_folders(reports: Path) -> list[Path]:
    """Every game day's folder, oldest first: names begin with the time."""
    return sorted(path.parent for path in reports.glob(f"*/{LOG_FILE}"))


def plan_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class RunningDay(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock file says of who holds it."""

    folder: str
    title: str
    pid: int


@contextmanager
def only_day(lock: Path, running: RunningDay) -> Iterator[None]:
    """One game day at a time on this machine.

    Raises:
        GameDayRunning: another one is.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = _read_running(fd)
            who = f"{other.title!r} (process {other.pid}, {other.folder})" if other else "another one"
            raise GameDayRunning(
                f"a game day is running: {who}; wait for it to end, or stop it with Ctrl-C where it was started"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, _ENCODER.encode(running), 0)
        yield
    finally:
        os.close(fd)


def running_day(lock: Path) -> RunningDay | None:
    """The game day that is running now, on this machine."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_running(fd)
    finally:
        os.close(fd)
    return None


def _read_running(fd: int) -> RunningDay | None:
    try:
        return msgspec.json.decode(os.pread(fd, 65536, 0), type=RunningDay)
    except msgspec.MsgspecError:
        return None
