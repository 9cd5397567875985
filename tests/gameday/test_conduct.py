"""A day's steps in order, with real processes: what each ends with, what is not done again, what signals do.

The experiments are small programs that leave a run's folder as `harness run` does, and no more.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from builders import a_fault, a_header
from plans import a_plan

from harness.events import FaultPhase
from harness.findings import Verdict
from harness.gameday.conduct import Conduct
from harness.gameday.load import LoadedPlan
from harness.gameday.log import (
    Approved,
    Asked,
    Began,
    DayLog,
    Ended,
    FaultSeen,
    NoteTyped,
    Notified,
    StepBegan,
    StepEnded,
    Stopped,
    load_day,
)
from harness.gameday.plan import PlannedExperiment
from harness.history import encode_line
from harness.run import RunRecord, save_json

PROGRAM = """
import shutil, signal, sys, time
from pathlib import Path

folder, code, wait_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])

def unwind(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, unwind)
{follow}
folder.mkdir(parents=True, exist_ok=True)
run = folder / f"run-{{len(list(folder.iterdir()))}}"
run.mkdir()
here = Path(__file__).parent
try:
    shutil.copy(here / "history.jsonl", run)
    time.sleep(wait_s)
except KeyboardInterrupt:
    (run / "mended").touch()
    sys.exit(130)
shutil.copy(here / f"run-{{code}}.json", run / "run.json")
sys.exit(int(code))
"""
FOLLOW = """
from harness.gameday.follow import NotesFollowed
NotesFollowed(Path(sys.argv[4]))
"""


def a_record(code: int) -> RunRecord:
    verdict = {0: Verdict.PASS, 1: Verdict.FAIL}.get(code, Verdict.UNKNOWN)
    at = "2026-01-01T00:00:00Z"
    return RunRecord(
        name="r",
        target="lab",
        started_at=at,
        ended_at=at,
        wall_s=1,
        stack_s=1,
        clock_rate=1,
        seed=1,
        harness_version="0",
        verdict=verdict,
        exit_code=code,
        experiments=(),
    )


THREE = "".join(f'[[experiments]]\nscenario = "{name}"\n' for name in ("one", "two", "three"))


class Bench:
    def __init__(self, folder: Path, loaded: LoadedPlan) -> None:
        self.folder = folder
        self.loaded = loaded
        self.codes: dict[str, int] = {}
        self.waits_s: dict[str, float] = {}
        self.started: list[str] = []
        self.asked: list[str] = []
        self.yes: str | None = None
        self.told: list[str] = []
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM.format(follow=""))
        events = (a_header(), *a_fault("eu-west-1", injected_s=(1, 2), rolled_back_s=(3, 4)))
        (folder / "history.jsonl").write_bytes(b"".join(map(encode_line, events)))
        for code in range(8):
            save_json(folder / f"run-{code}.json", a_record(code))
        log = DayLog(folder)
        log.add(Began(at=log.now(), title="A day", target="lab", by="me", plan_sha256="0", harness_version="0"))

    def run(self) -> int:
        conduct = Conduct(self.loaded, self.folder, command=self._command, ask=self._ask, tell=self.told.append)
        return conduct.run(lambda _day: Verdict.PASS)

    def _command(self, experiment: PlannedExperiment, into: Path) -> Sequence[str]:
        self.started.append(experiment.scenario)
        code, wait_s = self.codes.get(experiment.scenario, 0), self.waits_s.get(experiment.scenario, 0.0)
        log = self.folder / "day.jsonl"
        return [sys.executable, str(self.program), str(into), str(code), str(wait_s), str(log)]

    def _ask(self, question: str, _interrupted: Callable[[], bool]) -> str | None:
        self.asked.append(question)
        return self.yes

    def events(self, kind: type) -> list[object]:
        return [event for event in load_day(self.folder).events if isinstance(event, kind)]


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    return lambda text=THREE, extra="": Bench(tmp_path, a_plan(extra, experiments=text))


def test_each_experiment_runs_in_order_and_leaves_its_evidence(bench: Callable[..., Bench]) -> None:
    found = bench()

    code = found.run()

    assert (code, found.started) == (0, ["one", "two", "three"])
    runs = [event.run for event in found.events(StepEnded)]
    assert runs == ["experiments/01-one/run-0", "experiments/02-two/run-0", "experiments/03-three/run-0"]
    assert [event.verdict for event in found.events(Ended)] == [Verdict.PASS]


def test_faults_are_on_the_days_timeline_in_wall_time(bench: Callable[..., Bench]) -> None:
    """The history began at midnight of 2026-01-01, at rate 1: injected by 2 s, out by 4 s."""
    found = bench('[[experiments]]\nscenario = "one"\n')

    found.run()

    seen = {event.phase: event for event in found.events(FaultSeen)}
    assert seen[FaultPhase.INJECTED].at.isoformat() == "2026-01-01T00:00:02+00:00"
    assert seen[FaultPhase.INJECTED].regions == ("eu-west-1",)
    assert FaultPhase.ROLLED_BACK in seen
    assert any("fault in, seen to bite: health-broken in eu-west-1." in text for text in found.told)


def test_a_deviation_is_what_a_day_is_for_and_does_not_stop_it(bench: Callable[..., Bench]) -> None:
    found = bench()
    found.codes = {"one": 1, "two": 3}

    found.run()

    assert found.started == ["one", "two", "three"]


@pytest.mark.parametrize(("code", "exits"), [(4, 4), (6, 6), (2, 2), (5, 5), (7, 2)])
def test_what_makes_the_next_step_unsafe_or_vain_stops_it(code: int, exits: int, bench: Callable[..., Bench]) -> None:
    found = bench()
    found.codes = {"two": code}

    assert found.run() == exits
    assert found.started == ["one", "two"]
    (stopped,) = found.events(Stopped)
    assert stopped.why == f"experiment 2 of 3 (two) ended with exit code {code}"


def test_what_is_done_is_not_done_again(bench: Callable[..., Bench]) -> None:
    found = bench()
    found.codes = {"two": 4}
    found.run()
    found.codes, found.started = {}, []

    code = found.run()

    assert (code, found.started) == (0, ["two", "three"])
    assert [event.attempt for event in found.events(StepBegan) if event.step == 1] == [1, 2]
    assert [event.run for event in found.events(StepEnded) if event.step == 1][-1] == "experiments/02-two/run-1"


def test_an_approval_that_nobody_gives_stops_it(bench: Callable[..., Bench]) -> None:
    found = bench('[[experiments]]\nscenario = "one"\napproval = "Is support told?"\n')

    assert found.run() == 4
    assert found.started == []
    assert found.asked == ["experiment 1 of 1 (one): Is support told?"]

    found.yes = "anna"
    assert found.run() == 0
    assert [event.by for event in found.events(Approved)] == ["anna"]
    assert len(found.events(Asked)) == 2


def test_a_step_that_was_stopped_is_approved_anew(bench: Callable[..., Bench]) -> None:
    """Whoever said yes before a guard stopped it may have gone home."""
    found = bench('[[experiments]]\nscenario = "one"\napproval = "Is support told?"\n')
    found.yes, found.codes = "anna", {"one": 4}
    found.run()
    found.yes = None

    assert found.run() == 4
    assert len(found.asked) == 2
    assert len(found.started) == 1


def test_a_yes_beforehand_asks_nobody(bench: Callable[..., Bench]) -> None:
    found = bench('[[experiments]]\nscenario = "one"\napproval = "Is support told?"\n')
    conduct = Conduct(found.loaded, found.folder, command=found._command, ask=None, tell=found.told.append)

    assert conduct.run(lambda _day: Verdict.PASS) == 0
    assert found.events(Asked) == []
    assert [event.by.partition(",")[2] for event in found.events(Approved)] == [" beforehand"]


def test_outside_of_the_window_nothing_begins(bench: Callable[..., Bench]) -> None:
    found = bench(extra="[window]\nfreeze = [{ first = 2000-01-01, last = 2999-01-01 }]")

    assert found.run() == 4
    assert found.started == []
    assert "was not begun: change freeze" in found.events(Stopped)[0].why


def test_a_process_that_dies_is_told_and_stops_it(bench: Callable[..., Bench]) -> None:
    found = bench()
    found.program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    assert found.run() == 2
    assert [event.exit_code for event in found.events(StepEnded)] == [137]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_experiment_mend_and_stops_the_day(number: int, bench: Callable[..., Bench]) -> None:
    found = bench()
    found.waits_s = {"two": 30.0}
    threading.Thread(target=lambda: when_begun(found, 1, lambda: os.kill(os.getpid(), number)), daemon=True).start()

    assert found.run() == 130
    assert (found.folder / "experiments/02-two/run-0/mended").exists()
    assert found.started == ["one", "two"]
    assert found.events(Stopped)[0].why == "interrupted during experiment 2 of 3 (two)"


def test_a_signal_ends_a_pause(bench: Callable[..., Bench]) -> None:
    found = bench('[[experiments]]\nscenario = "one"\npause_s = 600\n')
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    assert found.run() == 130
    assert found.started == []


def when_begun(bench: Bench, step: int, then: Callable[[], object]) -> None:
    """Once the step's process has its run's folder."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if list(bench.folder.glob(f"experiments/{step + 1:02d}-*/run-0/history.jsonl")):
            then()
            return
        time.sleep(0.02)


def test_when_the_day_is_killed_its_experiment_mends_and_ends(tmp_path: Path, bench: Callable[..., Bench]) -> None:
    """A child is the day and kills itself; its experiment notices that it has another parent."""
    found = bench()
    found.program.write_text(PROGRAM.format(follow=FOLLOW))
    command = found._command(found.loaded.plan.experiments[0], tmp_path / "experiments" / "01-one")
    command = [*command[:4], "60", command[5]]
    day = os.fork()
    if day == 0:
        import subprocess

        subprocess.Popen(command)
        when_begun(found, 0, lambda: None)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(day, 0)

    deadline = time.monotonic() + 10
    mended = tmp_path / "experiments" / "01-one" / "run-0" / "mended"
    while not mended.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mended.exists()


def test_a_webhook_that_fails_is_recorded_and_nothing_more(bench: Callable[..., Bench]) -> None:
    found = bench('[[experiments]]\nscenario = "one"\n', '[notify]\nwebhook = "http://127.0.0.1:1/x"')

    assert found.run() == 0
    assert {event.error for event in found.events(Notified)} == {"ConnectionError at 127.0.0.1"}
    texts = [event.text for event in found.events(Notified)]
    assert texts[0] == "Game day 'A day' started on lab: Nothing breaks"
    assert "fault in, seen to bite" in " ".join(texts)
    assert "fault out" in " ".join(texts)
    assert texts[-1] == "Game day 'A day' finished: PASS"


def test_notes_typed_meanwhile_stay_in_the_log(bench: Callable[..., Bench]) -> None:
    found = bench('[[experiments]]\nscenario = "one"\n')
    found.waits_s = {"one": 0.5}
    log = DayLog(found.folder)
    note = NoteTyped(at=log.now(), text="hm", by="anna")
    threading.Thread(target=lambda: when_begun(found, 0, lambda: log.add(note)), daemon=True).start()

    found.run()

    assert load_day(found.folder).notes == [note]
