"""What goes on in an experiment's process, from the history that it writes; and what people note, on the way to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from harness.errors import InvalidEvent
from harness.events import AnyEvent, FaultEvent, Note, RunHeader
from harness.gameday.log import FaultSeen, NoteTyped, notes_after
from harness.recorder import Recorder
from harness.run import HISTORY_FILE

LOOK_EVERY_WALL_S = 0.1
_FAULT, _HEADER = b'{"kind":"fault"', b'{"kind":"run"'
_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def new_run(folder: Path, before: set[Path]) -> Path | None:
    """The run's folder that was made since `before`, once it has a history."""
    made = (path for path in folder.glob("*") if path not in before and not path.is_symlink())
    return next((path for path in made if (path / HISTORY_FILE).exists()), None)


class FaultsOf:
    """The faults of a run, as they come."""

    def __init__(self, run: Path) -> None:
        self._path = run / HISTORY_FILE
        self._offset = 0
        self._header: RunHeader | None = None

    def new(self, step: int) -> Iterator[FaultSeen]:
        """Since the last look. Histories are long, so only the lines of faults are read."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for line in data[:whole].split(b"\n"):
            if line.startswith((_FAULT, _HEADER)):
                yield from self._seen(step, line)

    def _seen(self, step: int, line: bytes) -> Iterator[FaultSeen]:
        try:
            event = _DECODER.decode(line)
        except (msgspec.MsgspecError, InvalidEvent):
            return  # The checkers will say so.
        if isinstance(event, RunHeader):
            self._header = event
        elif isinstance(event, FaultEvent) and self._header:
            yield FaultSeen(
                at=wall_time(self._header, event.end_s),
                step=step,
                fault=event.fault,
                fault_id=event.fault_id,
                phase=event.phase,
                regions=event.regions,
                detail=event.detail,
            )


def wall_time(header: RunHeader, at_s: float) -> datetime:
    """The wall time of a moment of a run."""
    return datetime.fromisoformat(header.started_at).astimezone(UTC) + timedelta(seconds=at_s / header.clock_rate)


class NotesFollowed:
    """In the experiment's process: puts people's notes on the run's timeline, and ends the run when its day is gone."""

    def __init__(self, log: Path) -> None:
        self._log = log
        # Notes from before the run are on the day's timeline, not on this run's.
        self._offset = log.stat().st_size if log.exists() else 0
        self._parent = os.getppid()
        self._recorder: Recorder | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="game-day", daemon=True)
        self._thread.start()

    def into(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def close(self) -> None:
        self._ending.set()
        self._thread.join(1.0)

    def _follow(self) -> None:
        while not self._ending.wait(LOOK_EVERY_WALL_S):
            if os.getppid() != self._parent:
                # The day was killed. As SIGTERM from anyone: the fixtures are torn down, what is broken is mended.
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if self._recorder:
                self._take_over(self._recorder)

    def _take_over(self, recorder: Recorder) -> None:
        notes, self._offset = notes_after(self._log, self._offset)
        for note in notes:
            recorder.record(_event(note, recorder))


def _event(note: NoteTyped, recorder: Recorder) -> Note:
    """From when it was typed until it was heard of here."""
    header, now_s = recorder.header, recorder.clock.now_s()
    typed_s = (note.at - wall_time(header, 0.0)).total_seconds() * header.clock_rate
    kind = "noticed: " if note.noticed else "to do: " if note.action else ""
    return Note(start_s=min(max(typed_s, 0.0), now_s), end_s=now_s, source=note.by, text=f"{kind}{note.text}")
