"""Notes reach the run that goes on, where they were typed on its own clock; faults reach the day, in wall time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from builders import a_fault, a_header

from harness.clock import ScaledClock
from harness.events import Note
from harness.gameday.follow import FaultsOf, NotesFollowed, new_run
from harness.gameday.log import DayLog, NoteTyped
from harness.history import encode_line
from harness.recorder import Recorder
from harness.run import HISTORY_FILE


def test_a_note_stands_in_the_runs_history_when_it_was_typed(tmp_path: Path) -> None:
    """The run began five wall seconds ago at rate 20; typed two seconds ago is second 60 of its clock."""
    now = datetime.now(UTC)
    log = DayLog(tmp_path)
    log.add(NoteTyped(at=now, text="before the run", by="anna"))
    followed = NotesFollowed(log.path)
    header = msgspec.structs.replace(a_header(rate=20.0), started_at=(now - timedelta(seconds=5)).isoformat())
    recorder = Recorder(ahead(ScaledClock(20.0), by_s=100.0), header)
    followed.into(recorder)
    try:
        log.add(NoteTyped(at=now - timedelta(seconds=2), text="errors in Dublin", by="anna", noticed=True))
        deadline = time.monotonic() + 5
        while not recorder.history().of(Note) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        followed.close()

    (note,) = recorder.history().of(Note)
    assert (note.text, note.source) == ("noticed: errors in Dublin", "anna")
    assert abs(note.start_s - 60.0) < 1e-3
    assert note.end_s >= 100.0


class ahead:  # noqa: N801  # reads as a function where it is used
    """A clock that shows more than it ran."""

    def __init__(self, clock: ScaledClock, *, by_s: float) -> None:
        self._clock, self._by_s = clock, by_s
        self.rate, self.sleep_until_s, self.calendar = clock.rate, clock.sleep_until_s, clock.calendar

    def now_s(self) -> float:
        return self._clock.now_s() + self._by_s


def test_faults_are_read_as_they_come_and_half_a_line_waits(tmp_path: Path) -> None:
    """Injected by 62 s of a clock at rate 20 that began at midnight: 3.1 s past midnight."""
    run = tmp_path / "r"
    run.mkdir()
    path = run / HISTORY_FILE
    header = a_header(rate=20.0)
    lines = [encode_line(event) for event in (header, *a_fault("eu-west-1"))]
    path.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    faults = FaultsOf(run)

    first = list(faults.new(0))
    with path.open("ab") as file:
        file.write(lines[2][20:] + b'{"kind":"fault","nonsense":1}\n')
    second = list(faults.new(0))

    assert [event.phase.value for event in (*first, *second)] == ["injecting", "injected"]
    assert second[0].at == datetime(2026, 1, 1, 0, 0, 3, 100_000, tzinfo=UTC)
    assert list(faults.new(0)) == []


def test_a_run_is_new_once_it_has_a_history(tmp_path: Path) -> None:
    old, run = tmp_path / "old", tmp_path / "run"
    old.mkdir()
    (old / HISTORY_FILE).touch()
    before = set(tmp_path.glob("*"))
    run.mkdir()
    (tmp_path / "latest").symlink_to("run")

    assert new_run(tmp_path, before) is None
    (run / HISTORY_FILE).touch()
    assert new_run(tmp_path, before) == run
