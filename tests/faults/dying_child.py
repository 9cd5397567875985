"""A process that injects a fault and dies at a named step, or gets a signal at a given line. For test_killed.py.

It reads requests from stdin, one JSON object a line, and answers each with how the child that it forked for it ended.
Forked, because importing boto3 anew for each of a hundred deaths takes longer than the deaths.

The product has no hooks for this: the child wraps functions, or traces lines, before it begins.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from harness.clock import ScaledClock
from harness.events import RunHeader
from harness.faults import fault as door
from harness.faults import journal_store
from harness.faults.calls import AwsCall
from harness.faults.catalogue import AnyFault
from harness.faults.journal import Journal
from harness.faults.journal_store import FileStore
from harness.recorder import Recorder
from harness.target import Target, load_target

TRACED = ("harness/faults/fault.py", "harness/faults/signals.py", "harness/faults/journal.py", "/contextlib.py")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wrap(owner: Any, name: str, nth: int, *, before: bool) -> None:
    """Dies before or after the `nth` call of a function."""
    wrapped, calls = getattr(owner, name), []

    @functools.wraps(wrapped)
    def dying(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if before and len(calls) == nth:
            die()
        result = wrapped(*arguments, **named)
        if not before and len(calls) == nth:
            die()
        return result

    setattr(owner, name, dying)


def plant(step: str, fault: AnyFault, changes: int) -> None:
    steps: dict[str, Callable[[], None]] = {
        "the entry is about to be written": lambda: wrap(FileStore, "append", 1, before=True),
        "the entry is written and not yet flushed": lambda: wrap(journal_store.os, "fsync", 1, before=True),
        "the entry is on the disk": lambda: wrap(FileStore, "append", 1, before=False),
        "the first call is about to be made": lambda: wrap(AwsCall, "execute", 1, before=True),
        "the first call was made": lambda: wrap(AwsCall, "execute", 1, before=False),
        "every call was made": lambda: wrap(door, "carry_out", 1, before=False),
        "it was proven": lambda: wrap(type(fault), "prove", 1, before=False),
        "it is held": lambda: None,
        "the rollback is about to begin": lambda: wrap(door, "undo", 1, before=True),
        "the first undoing call is about to be made": lambda: wrap(AwsCall, "execute", changes + 1, before=True),
        "the first undoing call was made": lambda: wrap(AwsCall, "execute", changes + 1, before=False),
        "it was rolled back and read back": lambda: wrap(door, "undo", 1, before=False),
        "the closing line is about to be written": lambda: wrap(FileStore, "append", 2, before=True),
        "the closing line is written and not yet flushed": lambda: wrap(journal_store.os, "fsync", 2, before=True),
        "the entry is closed": lambda: wrap(FileStore, "append", 2, before=False),
    }
    steps[step]()


def signal_at_line(number: int, count: list[int]) -> None:
    """SIGINT when the `number`th line of the door is about to run; 0: only counts them."""

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            count[0] += 1
            if count[0] == number:
                signal.raise_signal(signal.SIGINT)
        return trace

    sys.settrace(trace)


def header(target: Target) -> RunHeader:
    return RunHeader(
        start_s=0, end_s=0, source="t", name="t", started_at="2026-01-01T00:00:00Z", target="lab", clock_rate=1.0,
        seed=1, stack=target.stack, harness_version="0", vantages=(),
    )  # fmt: skip


def child(request: dict[str, Any], path: Path) -> None:
    target = load_target(path)
    fault = msgspec.json.decode(json.dumps(request["fault"]), type=AnyFault)
    snapshot = fault.snapshot(target)
    clock = ScaledClock(target.endpoints.clock_rate)
    lines = [0]
    with Journal(Path(request["journal"]), run="dying") as journal, Recorder(clock, header(target)) as recorder:
        if "step" in request:
            plant(request["step"], fault, len(fault.changes(target.stack, snapshot)))
        else:
            signal_at_line(request["line"], lines)
        with contextlib.suppress(KeyboardInterrupt), door.inject(fault, target, recorder, journal):
            if request.get("step") == "it is held":
                die()
        sys.settrace(None)
        if lines[0] < request.get("line", 0) or not request.get("line", 1):
            print(json.dumps({"lines": lines[0]}), flush=True)


def main() -> None:
    path = Path(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(request, path)
            sys.exit(0)
        _pid, status = os.waitpid(pid, 0)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
