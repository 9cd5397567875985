"""Whatever interrupts a fault, it is undone: signals of all kinds and numbers, a lost connection, a full disk."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from builders import EU, US

from harness.audit import LoggedCall
from harness.errors import (
    GuardTripped,
    HeldTooLong,
    HistoryUnwritable,
    JournalUnwritable,
    NotProven,
    RollbackFailed,
)
from harness.events import FaultPhase
from harness.faults import fault as door
from harness.faults import undo as undo_module
from harness.faults.blast_radius import BlastRadius
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.faults.journal_store import FileStore
from harness.faults.recover import recover
from harness.recorder import Recorder
from harness.stack import RegionName
from harness.target import Target, save_target

pytestmark = pytest.mark.lab

FAULT = HealthBroken(region=EU)


def health_variable(target: Target, region: RegionName = EU) -> str:
    regional = target.stack.in_region(region)
    stage = target.apigateway(region).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    return stage["variables"]["HEALTH"]


@pytest.fixture(autouse=True)
def all_is_well_afterwards(lab_target: Target) -> Iterator[None]:
    """Also when a test fails: those that come after it share the lab."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    yield
    left = [health_variable(lab_target, region) for region in (EU, US)]
    for region in (EU, US):
        HealthBroken(region=region).rollback(lab_target, {"HEALTH": "200"})
    assert left == ["200", "200"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def while_rolling_back(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    undo = door.undo

    def disturbed(*arguments: object) -> str:
        happens()
        result = undo(*arguments)  # type: ignore[arg-type]
        happens()
        return result

    monkeypatch.setattr(door, "undo", disturbed)


def raise_all() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_is_held_undoes_it(
    number: signal.Signals, lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    with pytest.raises(KeyboardInterrupt), inject(FAULT, lab_target, recorder, journal):
        signal.raise_signal(number)

    assert journal.open_entries() == []


def test_more_signals_during_the_rollback_change_nothing(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second Ctrl-C, SIGTERM and SIGHUP too; all of them asked for what is being done already."""
    while_rolling_back(monkeypatch, raise_all)
    with pytest.raises(KeyboardInterrupt), inject(FAULT, lab_target, recorder, journal):
        signal.raise_signal(signal.SIGINT)

    assert journal.open_entries() == []


def test_a_first_signal_during_the_rollback_comes_after_it(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_rolling_back(monkeypatch, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), inject(FAULT, lab_target, recorder, journal):
        pass

    assert journal.open_entries() == []


def test_of_two_faults_both_are_undone_whatever_signals_come(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signals also between the two rollbacks."""
    while_rolling_back(monkeypatch, raise_all)
    with (
        pytest.raises(KeyboardInterrupt),
        inject(FAULT, lab_target, recorder, journal),
        inject(HealthBroken(region=US), lab_target, recorder, journal),
    ):
        signal.raise_signal(signal.SIGTERM)

    assert journal.open_entries() == []


def test_a_signal_that_is_ignored_stays_so(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    """nohup: the terminal goes, the run stays."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with inject(FAULT, lab_target, recorder, journal):
            signal.raise_signal(signal.SIGHUP)
            assert health_variable(lab_target) == "503"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_held_for_too_long_is_undone_by_itself(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """A second of wall time, though the block never looks at a clock."""
    a_second = BlastRadius(held_at_most_s=recorder.clock.rate)
    with (
        pytest.raises(HeldTooLong, match=r"health-broken in eu-west-1 was held .* the most that may be"),
        inject(FAULT, lab_target, recorder, journal, blast_radius=a_second),
    ):
        threading.Event().wait(120)

    assert journal.open_entries() == []


LEFT_OPEN = """
import pathlib, sys
sys.path.insert(0, sys.argv[3])
from builders import a_header
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.recorder import Recorder
from harness.target import load_target
target = load_target(pathlib.Path(sys.argv[1]))
journal = Journal(pathlib.Path(sys.argv[2]), run="left")
scope = inject(HealthBroken(region="eu-west-1"), target, Recorder(target.new_clock(), a_header()), journal)
scope.__enter__()
print(len(journal.open_entries()), flush=True)
"""


def test_a_scope_that_is_never_left_is_undone_when_the_process_ends(lab_target: Target, tmp_path: Path) -> None:
    """As after a signal between the end of a block and its `__exit__`."""
    save_target(lab_target, tmp_path / "target.json")
    root = Path(__file__).parents[2]
    arguments = [str(tmp_path / "target.json"), str(tmp_path / "j.jsonl"), str(root / "tests")]
    ended = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(root)},
    )

    assert ended.stdout == "1\n"
    with Journal(tmp_path / "j.jsonl", run="next") as journal:
        assert journal.open_entries() == []


def test_a_fault_that_is_not_proven_is_undone_and_unknown(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HealthBroken, "prove", lambda *_: None)
    with (
        pytest.raises(NotProven, match=r"was not seen to bite within .* unknown"),
        inject(FAULT, lab_target, recorder, journal, prove_within_s=1),
    ):
        pytest.fail("it was held without a proof")

    assert FaultPhase.PROVEN not in [event.phase for event in recorder.history().faults]
    assert journal.open_entries() == []


def test_a_guard_is_heard_while_the_proof_is_waited_for(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tripped() -> None:
        raise GuardTripped("stop")

    with pytest.raises(GuardTripped), inject(FAULT, lab_target, recorder, journal, may_go_on=tripped):
        pytest.fail("it was held")

    assert journal.open_entries() == []


def test_a_removal_that_is_not_seen_is_told(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HealthBroken, "prove_removed", lambda *_: False)
    monkeypatch.setattr(door, "LOOK_FLOOR_WALL_S", 0.0)
    with inject(FAULT, lab_target, recorder, journal):
        pass

    assert recorder.history().faults[-1].phase is FaultPhase.REMOVAL_UNPROVEN


class Tunnel:
    """The way to the lab's AWS, as through an SSH tunnel; `cut` takes it away."""

    def __init__(self, url: str, first_patch_late_wall_s: float = 0.0) -> None:
        there = urlsplit(url)
        self._late_wall_s = first_patch_late_wall_s
        self.arrived = threading.Event()
        """The late request has."""
        self._there = ("127.0.0.1", there.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
                there = socket.create_connection(self._there)
            except OSError:
                return
            self._open += [here, there]
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"PATCH") and self._late_wall_s:
                    late_s, self._late_wall_s = self._late_wall_s, 0.0
                    time.sleep(late_s)  # What a request on a slow way does.
                    sink.sendall(data)
                    time.sleep(0.3)  # By then it has taken effect.
                    self.arrived.set()
                    continue
                sink.sendall(data)

    def cut(self) -> None:
        for each in (self._server, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_a_call_that_was_on_its_way_when_it_was_interrupted_is_undone_too(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """Ctrl-C 0.2 s into a call that arrives after 0.8 s: the first look of the rollback finds nothing to undo."""
    tunnel = Tunnel(str(lab_target.endpoints.aws_url), first_patch_late_wall_s=0.8)
    target = Target(lab_target.stack, msgspec.structs.replace(lab_target.endpoints, aws_url=tunnel.url), name="slow")
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    stop = target.aws.calls.listen(lambda call: interrupt.start() if _is_first_change(call, interrupt) else None)
    with pytest.raises(KeyboardInterrupt), inject(FAULT, target, recorder, journal):
        pytest.fail("it was held")
    stop()

    assert tunnel.arrived.wait(20)
    assert health_variable(lab_target) == "200"
    assert journal.open_entries() == []


def _is_first_change(call: LoggedCall, timer: threading.Timer) -> bool:
    return call.changes and call.phase == "begun" and timer.ident is None


def test_a_lost_connection_ends_with_6_and_the_commands_and_recover_mends_it_later(
    lab_target: Target, recorder: Recorder, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The levers' address tells a lab, whose faults end with it; without it nothing is taken for gone."""
    monkeypatch.setattr(undo_module, "ROLLBACK_ATTEMPTS", 2)
    tunnel = Tunnel(str(lab_target.endpoints.aws_url))
    endpoints = msgspec.structs.replace(lab_target.endpoints, aws_url=tunnel.url, levers_url=None)
    target = Target(lab_target.stack, endpoints, name="tunnelled")
    # One attempt a call: what botocore does on its own is not the question.
    target.aws._clients["apigateway", EU] = target.aws._make("apigateway", EU, attempts=1)
    with pytest.raises(RollbackFailed) as refused, inject(FAULT, target, recorder, journal):
        tunnel.cut()

    api_id = lab_target.stack.in_region(EU).rest_api_id
    assert refused.value.exit_code == 6
    assert "could not be rolled back in 2 attempts" in str(refused.value)
    assert f"aws apigateway update-stage --region {EU} --rest-api-id {api_id} --stage-name prod" in str(refused.value)
    assert health_variable(lab_target) == "503"
    (entry,) = journal.open_entries()
    journal.release()
    text = (tmp_path / "journal.jsonl").read_text()
    copy = tmp_path / "elsewhere.jsonl"
    copy.write_text(text.replace(tunnel.url, str(lab_target.endpoints.aws_url)))
    assert [result.ok for result in recover(copy, lambda _result: None)] == [True]
    assert entry.fault == FAULT


def test_a_history_on_a_full_disk_is_told_and_the_fault_is_undone(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    with pytest.raises(HistoryUnwritable, match="No space left"), inject(FAULT, lab_target, recorder, journal):
        recorder._file = FileIO("/dev/full", "ab")

    assert journal.open_entries() == []


def test_a_history_that_is_full_before_anything_was_called_lets_nothing_be_broken(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    recorder._file = FileIO("/dev/full", "ab")
    calls: list[str] = []
    stop = lab_target.aws.calls.listen(lambda call: calls.append(call.operation) if call.changes else None)
    with pytest.raises(HistoryUnwritable), inject(FAULT, lab_target, recorder, journal):
        pytest.fail("it was held")
    stop()

    assert calls == []
    assert journal.open_entries() == []


def test_a_journal_on_a_full_disk_lets_nothing_be_broken(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = journal._store
    assert isinstance(store, FileStore)
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(store, "_fd", full)
    monkeypatch.setattr("harness.faults.journal_store._end_of_whole_lines", lambda _fd: 0)
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    with pytest.raises(JournalUnwritable, match="No space left"), inject(FAULT, lab_target, recorder, journal):
        pytest.fail("it was held")
    monkeypatch.undo()
    os.close(full)

    assert health_variable(lab_target) == "200"


def test_a_journal_that_cannot_be_closed_says_so_and_the_fault_is_undone(
    lab_target: Target, recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry stays open, which is harmless: recover finds nothing left to undo, and closes it."""

    def full(*_: object, **__: object) -> None:
        raise JournalUnwritable("undo journal j: No space left on device")

    with (
        pytest.raises(JournalUnwritable, match=r"was rolled back, but its entry stays open: .*`harness recover`"),
        inject(FAULT, lab_target, recorder, journal),
    ):
        monkeypatch.setattr(journal._store, "append", full)

    monkeypatch.undo()
    assert health_variable(lab_target) == "200"
    assert len(journal.open_entries()) == 1
    where = Path(journal.where)
    journal.release()
    assert [result.how for result in recover(where, lambda _result: None)] == ["recovered"]
