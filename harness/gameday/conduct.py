"""Runs a game day: each experiment in a process of its own, and a line in the day's log before and after every step.

A process for each, because a day must outlive its experiments: one that runs out of memory, or is killed, takes nothing
with it. The other way round, an experiment whose day was killed ends itself and mends what it broke (`NotesFollowed`);
if that was killed too, its journal is open, and resuming heals before it goes on.
"""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from harness.errors import HarnessError, UsageError
from harness.events import FaultPhase
from harness.findings import Verdict
from harness.gameday.follow import FaultsOf, new_run
from harness.gameday.load import LoadedPlan
from harness.gameday.log import (
    EXPERIMENTS_FOLDER,
    Approved,
    Asked,
    Day,
    DayLog,
    Ended,
    FaultSeen,
    Notified,
    StepBegan,
    StepEnded,
    Stopped,
    load_day,
)
from harness.gameday.notify import Notifier
from harness.gameday.plan import GameDayPlan, PlannedExperiment
from harness.gameday.when import refusal
from harness.run import load_run

LOOK_EVERY_WALL_S = 0.1
STOPPED_BY_GUARD, INTERRUPTED = 4, 130
_COMPLETE = (0, 1, 3)
_IN = {FaultPhase.PROVEN: "fault in, seen to bite"}
_OUT = {FaultPhase.ROLLED_BACK: "fault out", FaultPhase.ROLLBACK_FAILED: "FAULT STILL IN: the rollback failed"}


Ask = Callable[[str, Callable[[], bool]], str | None]
"""(question, whether to stop waiting) -> who said yes; None when nobody did, or nobody is there."""


class Stop(HarnessError):
    """The day stops here and can be resumed."""

    def __init__(self, why: str, exit_code: int) -> None:
        super().__init__(why)
        self.code = exit_code


class Conduct:
    """One process's part of a day.

    `command` gives the arguments of the experiment's process; `tell` shows a line to whoever looks;
    `ask` is None when a person said yes to everything beforehand.
    """

    def __init__(
        self,
        loaded: LoadedPlan,
        folder: Path,
        *,
        command: Callable[[PlannedExperiment, Path], Sequence[str]],
        ask: Ask | None,
        tell: Callable[[str], None],
    ) -> None:
        self._plan = loaded.plan
        self._folder = folder
        self._log = DayLog(folder)
        self._command = command
        self._ask = ask
        self._tell = tell
        webhook = self._plan.notify.webhook if self._plan.notify else None
        self._notifier = Notifier(webhook, self._notified)
        self._signals: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, verdict: Callable[[Day], Verdict]) -> int:
        """Every step that is not done yet, in order. Returns the exit code; the day's verdict is `verdict`'s."""
        with self._notifier, self._signals_forwarded():
            again = bool(load_day(self._folder).attempts(0))
            self._announce(f"{'resumed' if again else 'started'} on {self._plan.target}: {self._plan.goal}")
            try:
                for number, experiment in enumerate(self._plan.experiments):
                    self._step(number, experiment)
            except Stop as stop:
                self._log.add(Stopped(at=self._log.now(), why=str(stop), exit_code=stop.code))
                self._announce(f"stopped and needs a person: {stop}. Go on with `harness gameday run --resume`.")
                return stop.code
            result = verdict(load_day(self._folder))
            self._log.add(Ended(at=self._log.now(), verdict=result))
            self._announce(f"finished: {result.value.upper()}")
            return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 3}[result]

    def _step(self, number: int, experiment: PlannedExperiment) -> None:
        day = load_day(self._folder)
        if number in day.done:
            self._tell(f"{self._which(number)} was done before: not again")
            return
        self._pause(experiment.pause_s, number)
        if experiment.approval:
            # Also of a step that was approved before it was stopped: whoever was there then may have gone home.
            self._approve(number, experiment.approval)
        why = refusal(self._plan.window, self._log.now())
        if why:
            raise Stop(f"{self._which(number)} was not begun: {why}", STOPPED_BY_GUARD)
        attempt = day.attempts(number) + 1
        folder = self._folder / EXPERIMENTS_FOLDER / f"{number + 1:02d}-{experiment.scenario}"
        self._log.add(StepBegan(at=self._log.now(), step=number, attempt=attempt))
        self._tell(f"{self._which(number)} begins")
        code, run = self._carry_out(number, experiment, folder)
        self._log.add(
            StepEnded(
                at=self._log.now(),
                step=number,
                attempt=attempt,
                exit_code=code,
                run=str(run.relative_to(self._folder)) if run else None,
                verdict=_verdict_of(run),
            )
        )
        self._go_on(number, code)

    def _go_on(self, number: int, code: int) -> None:
        """A deviation is what a game day is for; only what makes the next step unsafe, or in vain, stops it."""
        if self._signals or code == INTERRUPTED:
            raise Stop(f"interrupted during {self._which(number)}", INTERRUPTED)
        if code not in _COMPLETE:
            raise Stop(f"{self._which(number)} ended with exit code {code}", code if 0 < code < 7 else 2)

    def _carry_out(self, number: int, experiment: PlannedExperiment, folder: Path) -> tuple[int, Path | None]:
        before = set(folder.glob("*"))
        # In a session of its own: the terminal's Ctrl-C comes here, and goes to it once.
        child = self._child = subprocess.Popen(list(self._command(experiment, folder)), start_new_session=True)
        run: Path | None = None
        faults: FaultsOf | None = None
        while True:
            code = child.poll()
            run = run or new_run(folder, before)
            faults = faults or (FaultsOf(run) if run else None)
            for seen in faults.new(number) if faults else ():
                self._fault(number, seen)
            if code is not None:
                self._child = None
                return (code if code >= 0 else 128 - code), run
            time.sleep(LOOK_EVERY_WALL_S)

    def _fault(self, number: int, seen: FaultSeen) -> None:
        self._log.add(seen)
        told = _IN.get(seen.phase) or _OUT.get(seen.phase)
        if told:
            needs = " This needs a person." if seen.phase is FaultPhase.ROLLBACK_FAILED else ""
            self._announce(f"{self._which(number)}: {told}: {seen.fault} in {', '.join(seen.regions)}.{needs}")

    def _pause(self, for_s: float, number: int) -> None:
        if for_s:
            self._tell(f"{for_s:g} s of quiet before {self._which(number)}")
        until = time.monotonic() + for_s
        while (left_s := until - time.monotonic()) > 0:
            if self._signals:
                raise Stop(f"interrupted before {self._which(number)}", INTERRUPTED)
            time.sleep(min(left_s, LOOK_EVERY_WALL_S))

    def _approve(self, number: int, question: str) -> None:
        if self._ask is None:
            self._log.add(Approved(at=self._log.now(), step=number, by=f"{who()}, beforehand"))
            return
        self._log.add(Asked(at=self._log.now(), step=number, question=question))
        self._announce(f"needs a person before {self._which(number)}: {question}")
        by = self._ask(f"{self._which(number)}: {question}", lambda: bool(self._signals))
        if self._signals:
            raise Stop(f"interrupted before {self._which(number)}", INTERRUPTED)
        if by is None:
            raise Stop(f"{self._which(number)} was not approved: {question}", STOPPED_BY_GUARD)
        self._log.add(Approved(at=self._log.now(), step=number, by=by))

    def _which(self, number: int) -> str:
        return f"experiment {number + 1} of {len(self._plan.experiments)} ({self._plan.experiments[number].title})"

    def _announce(self, text: str) -> None:
        self._tell(text)
        self._notifier.tell(f"Game day {self._plan.title!r} {text}")

    def _notified(self, text: str, error: str | None) -> None:
        self._log.add(Notified(at=self._log.now(), text=text, error=error))
        if error:
            self._tell(f"the webhook was not told: {error}")

    @contextmanager
    def _signals_forwarded(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and SIGHUP go to the experiment, which mends and ends; the day waits for that."""

        def forward(number: int, _frame: FrameType | None) -> None:
            self._signals.append(number)
            if self._child and self._child.poll() is None:
                self._child.send_signal(signal.SIGINT)

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, forward) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _verdict_of(run: Path | None) -> Verdict | None:
    """None where the process ended before it could write one."""
    try:
        return load_run(run).verdict if run else None
    except UsageError:
        return None


def experiment_command(
    experiment: PlannedExperiment, folder: Path, *, scenario: Path, options: Sequence[str], log: Path
) -> list[str]:
    """The process of one experiment: `harness run`, whose exit codes say how it ended."""
    return [
        *_harness_run(experiment, scenario),
        *options,
        *("--report-dir", str(folder), "--game-day", str(log), "-p", "no:cacheprovider"),
    ]


def rehearsal_command(experiment: PlannedExperiment, *, scenario: Path, options: Sequence[str]) -> list[str]:
    """Tells every call that the experiment would make, and makes none that changes anything."""
    return [*_harness_run(experiment, scenario), *options, "--plan", "-q", "-p", "no:cacheprovider"]


def options_of(plan: GameDayPlan, lab: str) -> list[str]:
    """What every experiment of a plan is run with."""
    options = ["--target", plan.target, "--lab", lab, "--seed", str(plan.seed)]
    return [*options, *(["--from", plan.vantages] if plan.vantages else [])]


def _harness_run(experiment: PlannedExperiment, scenario: Path) -> list[str]:
    settings = [option for name, value in experiment.settings.items() for option in ("--set", f"{name}={value}")]
    settings += ["--all-regions", experiment.all_regions_of] if experiment.all_regions_of else []
    return [sys.executable, "-m", "harness", "run", "--scenarios", str(scenario.resolve()), *settings]


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
