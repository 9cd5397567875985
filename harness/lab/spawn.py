"""A lab in a process of its own, which outlives the caller unless told whose it is."""

from __future__ import annotations

import contextlib
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
ERROR = "error: "
"""Begins the last line of the log of a lab that could not start for a reason that it knows."""


def spawn(settings: LabSettings, folder: LabFolder) -> LabInfo:
    """Starts the lab and returns when it is ready.

    Raises:
        LabAlreadyRunning: one of that name runs.
        LabError: it ended, and says why, or was not ready in time.
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
    try:
        return _ready(process, settings.name, folder)
    except BaseException:
        # Ctrl-C too: a lab that its caller never heard of would run on.
        process.kill()
        process.wait()
        raise


def _ready(process: subprocess.Popen[bytes], name: str, folder: LabFolder) -> LabInfo:
    def ready() -> LabInfo | None:
        if process.poll() is not None:
            raise LabError(_last_words(name, folder))
        try:
            info = folder.running()
        except LabNotRunning:
            return None
        return info if info.pid == process.pid else None

    info = _wait(ready, READY_WITHIN_WALL_S)
    if info is None:
        raise LabError(f"lab {name!r} was not ready within {READY_WITHIN_WALL_S:.0f} s; its log is {folder.log}")
    return info


def end(folder: LabFolder, info: LabInfo) -> None:
    """Asks the lab to end, then makes it; returns when its process is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            return
        if _wait(lambda: not folder.is_running() and is_gone(info.pid), ENDED_WITHIN_WALL_S):
            return
    raise LabError(f"lab {info.name!r} (process {info.pid}) cannot be ended")


def is_gone(pid: int) -> bool:
    """True when no such process runs; one of our own that has ended is reaped."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _wait(done: Callable[[], T], at_most_s: float) -> T | None:
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        result = done()
        if result:
            return result
        time.sleep(0.05)
    return None


def _last_words(name: str, folder: LabFolder) -> str:
    """The error that the lab ended with; the end of its log when it crashed."""
    lines = folder.log.read_text(errors="replace").splitlines()
    if lines and lines[-1].startswith(ERROR):
        return lines[-1].removeprefix(ERROR)
    told = "".join(f"\n  {line}" for line in lines[-15:])
    return f"lab {name!r} crashed while starting; the end of its log {folder.log}:{told}"
