"""A lab in a process of its own, which outlives the caller unless told whose it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from harness.errors import LabError, LabNotRunning
from harness.lab.settings import LabSettings
from harness.lab.state import LabFolder, LabInfo

T = TypeVar("T")

READY_WITHIN_WALL_S = 60.0
ENDED_WITHIN_WALL_S = 15.0


def spawn(settings: LabSettings, folder: LabFolder) -> LabInfo:
    """Starts the lab and returns when it is ready.

    Raises:
        LabAlreadyRunning: one of that name runs.
        LabError: it ended or was not ready in time; the message has the end of its log.
    """
    folder.take()  # Says at once that one runs; the lab itself takes it again.
    folder.give_back()
    with folder.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.lab.world", str(folder.path), msgspec.json.encode(settings).decode()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ready() -> LabInfo | None:
        if process.poll() is not None:
            raise LabError(f"lab {settings.name!r} ended while starting:\n{_tail(folder)}")
        try:
            info = folder.running()
        except LabNotRunning:
            return None
        return info if info.pid == process.pid else None

    info = _wait(ready, READY_WITHIN_WALL_S)
    if info is None:
        process.kill()
        raise LabError(f"lab {settings.name!r} was not ready within {READY_WITHIN_WALL_S:.0f} s:\n{_tail(folder)}")
    return info


def end(folder: LabFolder, info: LabInfo) -> None:
    """Asks the lab to end, then makes it. Only ever signals the process that holds the folder's lock."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            return
        if _wait(lambda: not folder.is_running(), ENDED_WITHIN_WALL_S):
            return
    raise LabError(f"lab {info.name!r} (process {info.pid}) cannot be ended")


def _wait(done: Callable[[], T], at_most_s: float) -> T | None:
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        result = done()
        if result:
            return result
        time.sleep(0.05)
    return None


def _tail(folder: LabFolder) -> str:
    try:
        lines = folder.log.read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in lines[-15:])
