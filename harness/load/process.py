"""locust in a process of its own, which it monkey-patches; what its users see comes into the history as they see it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from harness.errors import InvalidEvent, TargetError
from harness.events import Gap, Note
from harness.history import decode_lines
from harness.load.plan import LoadPlan
from harness.run import Run
from harness.target import save_target

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
EVENTS_FILE = "load-events.jsonl"
SHAPE_FILE = "load-shape.json"
LOG_FILE = "locust.log"
TAILED_EVERY_WALL_S = 0.1
READY_WITHIN_WALL_S = 60.0
STOPPED_WITHIN_WALL_S = 90.0
"""Users end their requests, workers bring the rest, items are removed."""


class LocustProcess:
    """Runs a plan's load from entering it to leaving it. Locust's own files are in the run's folder too."""

    def __init__(self, plan: LoadPlan, run: Run, *, arguments: Sequence[str] = ()) -> None:
        """`arguments`: more for locust, such as those for its web page."""
        self._run = run
        self._events_path = run.folder / EVENTS_FILE
        self._log_path = run.folder / LOG_FILE
        self._command = _command(plan, run, arguments)
        # With a shape locust waits for the shape's end before it learns to end in order on SIGTERM.
        self._ends_on = signal.SIGINT if plan.shape else signal.SIGTERM
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._seen = threading.Event()
        self._tail = threading.Thread(target=self._read_along, name="load-events", daemon=True)

    def __enter__(self) -> Self:
        """Returns once the first event has come.

        Raises:
            TargetError: locust ended, or no event came in time; says where its log is.
        """
        save_target(self._run.target, self._run.folder / "target.json")
        self._events_path.touch()
        log = self._log_path.open("wb")
        # In a session of its own: Ctrl-C is for us, who end it in order.
        self._process = subprocess.Popen(
            self._command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        log.close()
        self._tail.start()
        if not self._seen.wait(READY_WITHIN_WALL_S):
            self.__exit__(None, None, None)
            raise TargetError(f"no load within {READY_WITHIN_WALL_S:.0f} s: {self._last_words()}")
        if self._process.poll() is not None:
            code = self._process.returncode
            self.__exit__(None, None, None)
            raise TargetError(f"locust ended at once with code {code}: {self._last_words()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        ended_early = process.poll() is not None
        if not ended_early:
            process.send_signal(self._ends_on)
            try:
                process.wait(STOPPED_WITHIN_WALL_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._stopping.set()
        self._tail.join()
        # All of it is in the history now.
        self._events_path.unlink(missing_ok=True)
        self._tell_end(process.returncode, ended_early=ended_early)

    def _tell_end(self, code: int, *, ended_early: bool) -> None:
        now_s = self._run.clock.now_s()
        if ended_early or code < 0:
            reason = f"locust ended with code {code} before it was to: {self._last_words()}"
            gap = Gap(start_s=now_s, end_s=now_s, source="load", vantage="*", missed=0, reason=reason)
            self._run.recorder.record(gap)
        text = f"locust ended with code {code}; its own tables are in {self._log_path.name} and locust_stats.csv"
        self._run.recorder.record(Note(start_s=now_s, end_s=now_s, source="load", text=text))

    def _read_along(self) -> None:
        with self._events_path.open("rb") as file:
            rest = b""
            while True:
                last = self._stopping.wait(TAILED_EVERY_WALL_S)
                while data := file.read(1 << 20):
                    whole, newline, rest = (rest + data).rpartition(b"\n")
                    self._record(whole + newline)
                if last:
                    return
                if self._process and self._process.poll() is not None:
                    self._seen.set()  # whoever waits for the first event waits no longer

    def _record(self, lines: bytes) -> None:
        try:
            events = decode_lines(lines)
        except (msgspec.MsgspecError, InvalidEvent) as error:
            now_s = self._run.clock.now_s()
            reason = f"lines of the load generator could not be read: {error}"
            gap = Gap(start_s=now_s, end_s=now_s, source="load", vantage="*", missed=lines.count(b"\n"), reason=reason)
            self._run.recorder.record(gap)
            return
        for event in events:
            self._run.recorder.record(event)
        if events:
            self._seen.set()

    def _last_words(self) -> str:
        lines = self._log_path.read_text("utf-8", errors="replace").strip().splitlines()
        said = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "no word")
        return f"{said.strip()} (see {self._log_path})"


def free_port() -> int:
    """Of this machine, just now: locust's own one is fixed, and another test may have it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(plan: LoadPlan, run: Run, arguments: Sequence[str]) -> list[str]:
    folder = run.folder
    options = [
        *("--target", str(folder / "target.json")),
        *("--harness-events", str(folder / EVENTS_FILE)),
        *("--harness-started-at", run.started.isoformat()),
        *("--from", ",".join(vantage.name for vantage in run.vantages)),
        *("--connections", plan.connections.value),
        *("--every", f"{plan.every_wall_s:g}"),
        *("--seed", str(run.seed)),
        *("--csv", str(folder / "locust")),
        *("--html", str(folder / "locust.html")),
    ]
    if plan.shape:
        (folder / SHAPE_FILE).write_bytes(msgspec.json.encode(plan.shape))
        options += ["--harness-shape", str(folder / SHAPE_FILE)]
    else:
        options += ["-u", str(plan.users), "-r", f"{plan.spawn_rate:g}"]
    if plan.processes > 1:
        port = str(free_port())
        options += ["--processes", str(plan.processes), "--master-bind-port", port, "--master-port", port]
    headless = [] if "--autostart" in arguments else ["--headless"]
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]
    return [*locust, *headless, *options, *arguments, *plan.classes]
