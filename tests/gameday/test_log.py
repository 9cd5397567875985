"""The log is the day: whole lines on the disk, and what they say of what is done."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.errors import GameDayRunning, UsageError
from harness.findings import Verdict
from harness.gameday.log import (
    LOG_FILE,
    Began,
    DayLog,
    Ended,
    NoteTyped,
    Resumed,
    RunningDay,
    StepBegan,
    StepEnded,
    Stopped,
    day_folders,
    load_day,
    new_day_folder,
    notes_after,
    only_day,
    running_day,
)

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


def began() -> Began:
    return Began(at=NOW, title="A day", target="lab", by="me", plan_sha256="0", harness_version="0")


def ended(step: int, exit_code: int, verdict: Verdict | None = None) -> StepEnded:
    return StepEnded(at=NOW, step=step, attempt=1, exit_code=exit_code, run="r", verdict=verdict)


def a_day(folder: Path, *events: object) -> DayLog:
    log = DayLog(folder)
    for event in (began(), *events):
        log.add(event)  # type: ignore[arg-type]
    return log


def test_only_steps_that_came_to_a_verdict_are_done(tmp_path: Path) -> None:
    """A deviation is done; what was interrupted or stopped by a guard is not."""
    a_day(tmp_path, ended(0, 0), ended(1, 1), ended(2, 3), ended(3, 4), ended(4, 130), ended(5, 6))

    assert sorted(load_day(tmp_path).done) == [0, 1, 2]


def test_the_last_attempt_counts(tmp_path: Path) -> None:
    a_day(
        tmp_path, StepBegan(at=NOW, step=0, attempt=1), ended(0, 130), StepBegan(at=NOW, step=0, attempt=2), ended(0, 0)
    )

    day = load_day(tmp_path)

    assert (day.attempts(0), sorted(day.done)) == (2, [0])


def test_a_day_was_killed_when_its_last_attempt_did_not_end(tmp_path: Path) -> None:
    log = a_day(tmp_path, StepBegan(at=NOW, step=0, attempt=1))
    killed = load_day(tmp_path).was_killed
    log.add(ended(0, 130))

    assert killed
    assert not load_day(tmp_path).was_killed


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    log = a_day(tmp_path, ended(0, 0))
    with log.path.open("ab") as file:
        file.write(b'{"kind":"step-ended","at":"20')
    log.add(ended(1, 0))

    assert sorted(load_day(tmp_path).done) == [0, 1]


def test_why_it_stands_still_is_forgotten_when_it_goes_on(tmp_path: Path) -> None:
    log = a_day(tmp_path, Stopped(at=NOW, why="interrupted", exit_code=130))
    stopped = load_day(tmp_path).stopped
    log.add(Resumed(at=NOW, by="me"))

    assert stopped
    assert stopped.why == "interrupted"
    assert load_day(tmp_path).stopped is None
    log.add(Ended(at=NOW, verdict=Verdict.PASS))
    assert load_day(tmp_path).ended


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not a game day's folder: day.jsonl: No such file or directory; `harness gameday list` names them"),
        (b"", "does not say what was begun"),
        (b'{"kind":"party"}\n', "day.jsonl, line 1: Invalid value 'party'"),
    ],
)
def test_what_is_no_day_is_told(content: bytes | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / LOG_FILE).write_bytes(content)

    with pytest.raises(UsageError, match=told):
        load_day(tmp_path)


def test_notes_are_followed_line_by_line(tmp_path: Path) -> None:
    log = a_day(tmp_path)
    _, offset = notes_after(log.path, 0)
    log.add(NoteTyped(at=NOW, text="a", by="me", noticed=True))
    log.add(ended(0, 0))
    with log.path.open("ab") as file:
        file.write(b'{"kind":"note","at":"2026-')

    notes, offset = notes_after(log.path, offset)
    again, _ = notes_after(log.path, offset)

    assert [(note.text, note.noticed) for note in notes] == [("a", True)]
    assert again == []


def test_notes_of_many_processes_are_all_whole(tmp_path: Path) -> None:
    a_day(tmp_path)
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path;"
        "from harness.gameday.log import DayLog, NoteTyped;"
        f"log = DayLog(Path({str(tmp_path)!r}));"
        "[log.add(NoteTyped(at=datetime.now(UTC), text='x' * 500, by=sys.argv[1])) for _ in range(20)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(number)]) for number in range(3)]
    codes = [writer.wait(30) for writer in writers]

    notes = load_day(tmp_path).notes

    assert codes == [0, 0, 0]
    assert len(notes) == 60
    assert {len(note.text) for note in notes} == {500}


def test_folders_are_named_for_time_and_title(tmp_path: Path) -> None:
    first = new_day_folder(tmp_path, "Quarterly: évacuation / test!", NOW)
    second = new_day_folder(tmp_path, "Quarterly: évacuation / test!", NOW)
    later = new_day_folder(tmp_path, "?", NOW + timedelta(days=1))
    for folder in (later, second, first):
        a_day(folder)

    assert first.name == "2026-03-03T10-00-00Z-gameday-quarterly-vacuation-test"
    assert second.name == f"{first.name}-2"
    assert later.name.endswith("-gameday-day")
    assert day_folders(tmp_path) == [first, second, later]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")

    with pytest.raises(UsageError, match="cannot be made: Not a directory; choose another with --report-dir"):
        new_day_folder(tmp_path / "reports", "A day", NOW)


def test_one_day_at_a_time_and_others_can_ask_which(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    running = RunningDay(folder="/reports/d", title="A day", pid=7)
    with only_day(lock, running):
        assert running_day(lock) == running
        with (
            pytest.raises(GameDayRunning, match=r"a game day is running: 'A day' \(process 7, /reports/d\); wait for"),
            only_day(lock, running),
        ):
            pass

    assert running_day(lock) is None
    assert running_day(tmp_path / "none") is None
    with only_day(lock, running):
        pass
