"""The undo journal: on disk before anything is broken, and readable whatever cut its writer short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import EU, US, a_stack
from journals import opened

from harness.errors import JournalOpen, UsageError
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal


def test_an_opened_entry_is_on_disk_with_all_that_undoes_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl", run="r1") as journal:
        entry = opened(journal)

        (read,) = journal.open_entries()
    assert read == entry
    assert (read.fault, read.snapshot, read.stack) == (HealthBroken(region=EU), {"HEALTH": "200"}, a_stack())


def test_an_entry_is_flushed_to_the_disk_before_open_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment of the fsync the whole line is written, and nothing is written after it."""
    path = tmp_path / "j.jsonl"
    flushed: list[bytes] = []
    with Journal(path, run="r1") as journal:
        monkeypatch.setattr(os, "fsync", lambda _fd: flushed.append(path.read_bytes()))
        opened(journal)

    assert flushed == [path.read_bytes()]
    assert flushed[0].endswith(b"}\n")


def test_a_closed_entry_is_open_no_more(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl", run="r1") as journal:
        first, second = opened(journal, EU), opened(journal, US)
        journal.close(first.id, "rolled back")

        assert journal.open_entries() == [second]


def test_a_line_cut_short_by_a_crash_is_skipped_and_later_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, run="r1") as journal:
        first = opened(journal, EU)
    with path.open("ab") as file:
        file.write(b'{"entry":"opened","id":"hal')
    with Journal(path, run="r2") as journal:
        second = opened(journal, US)

        assert journal.open_entries() == [first, second]


def test_a_line_that_is_whole_and_not_the_journals_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text('{"entry":"shopping","id":"1"}\n')
    with Journal(path, run="r1") as journal, pytest.raises(UsageError, match=r"j\.jsonl, line 1"):
        journal.open_entries()


def test_a_run_is_refused_while_an_earlier_fault_is_not_undone(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, run="monday") as journal:
        opened(journal)
    with (
        Journal(path, run="tuesday") as journal,
        pytest.raises(JournalOpen, match=r"health-broken in eu-west-1 of run monday .*`harness recover"),
    ):
        journal.refuse_if_open()


def test_a_second_run_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, run="first"), pytest.raises(JournalOpen, match="run first"):
        Journal(path, run="second")


def test_a_killed_run_does_not_hold_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import os, pathlib, sys\n"
        "from harness.faults.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]), run='killed')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9

    with Journal(path, run="next") as journal:
        assert journal.open_entries() == []


def test_a_journal_that_cannot_be_written_is_an_error_before_anything_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="undo journal"):
        Journal(tmp_path / "file" / "j.jsonl", run="r1")


def test_an_entry_of_another_version_stops_nobody_once_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text('{"entry":"opened","id":"1","fault":{"fault":"volcano"}}\n{"entry":"closed","id":"1"}\n')
    with Journal(path, run="r1") as journal:
        assert journal.open_entries() == []


def test_an_entry_of_another_version_that_is_still_open_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text('{"entry":"opened","id":"1","fault":{"fault":"volcano"}}\n')
    with Journal(path, run="r1") as journal, pytest.raises(UsageError, match=r"j\.jsonl, line 1: .*volcano"):
        journal.refuse_if_open()


def test_a_line_that_a_crash_cut_short_at_a_brace_is_no_line(tmp_path: Path) -> None:
    """It ends in a brace and is no JSON: what was not flushed was never acted on, so it stops nobody."""
    path = tmp_path / "j.jsonl"
    with Journal(path, run="r1") as journal:
        first = opened(journal, EU)
    with path.open("ab") as file:
        file.write(b'{"entry":"opened","id":"half","fault":{"fault":"health-broken"}')
    with Journal(path, run="r2") as journal:
        assert journal.open_entries() == [first]
        second = opened(journal, US)

        assert journal.open_entries() == [first, second]


def test_a_last_line_without_its_newline_is_an_entry(tmp_path: Path) -> None:
    """As an editor may leave it: an open fault must not be overlooked."""
    path = tmp_path / "j.jsonl"
    with Journal(path, run="r1") as journal:
        first = opened(journal, EU)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with Journal(path, run="r2") as journal:
        assert journal.open_entries() == [first]
        journal.close(first.id, "recovered")

        assert journal.open_entries() == []


FULL = """
import pathlib, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from harness.errors import JournalUnwritable
from harness.faults.journal import Journal
from journals import opened
path = pathlib.Path(sys.argv[1])
journal = Journal(path, run="r1")
first = opened(journal)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, resource.RLIM_INFINITY))
try:
    opened(journal)
except JournalUnwritable as error:
    print(error)
assert journal.open_entries() == [first]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.close(first.id, "rolled back")
assert journal.open_entries() == []
"""


def test_a_full_disk_refuses_the_entry_and_leaves_no_half_line(tmp_path: Path) -> None:
    """The limit lets 100 bytes of the second entry through, as a disk that fills up does."""
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "j.jsonl"), str(Path(__file__).parents[1])],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "j.jsonl cannot be written: File too large" in told.stdout
