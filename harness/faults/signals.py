"""Signals around faults: each unwinds once, none interrupts a rollback."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.errors import HeldTooLong

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Faults:
    """Of the whole process: how its open faults stand to signals. Python delivers signals to the main thread only."""

    depth = 0
    armed = False
    """A signal may raise now: what it interrupts is rolled back."""
    raised = False
    """One has: what comes after it must not interrupt the rollbacks that it set off."""
    overdue: str | None = None
    came: list[int] = []  # noqa: RUF012  # one process has one
    before: dict[int, object] = {}  # noqa: RUF012


class FaultScope:
    """From before a journal entry is written until it is closed.

    While armed, the first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt; whatever comes then waits until every
    fault of this process is rolled back. Not armed, also the first waits. A signal that is ignored (nohup) stays so.
    `at_most_wall_s` after it was armed the scope raises HeldTooLong by itself.
    """

    def __init__(self, what: str, at_most_wall_s: float) -> None:
        self._what = what
        self._at_most_wall_s = at_most_wall_s
        self._timer: threading.Timer | None = None
        self._on_main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> FaultScope:
        if self._on_main:
            _Faults.armed = False
            if _Faults.depth == 0:
                _install()
            _Faults.depth += 1
        return self

    def arm(self) -> None:
        """From here on a signal raises; one that came before does now."""
        if not self._on_main:
            return
        self._timer = threading.Timer(self._at_most_wall_s, self._end_it)
        self._timer.daemon = True
        self._timer.start()
        _Faults.armed = True
        _raise_what_came()

    def disarm(self) -> None:
        if self._on_main:
            _Faults.armed = False
        if self._timer:
            self._timer.cancel()

    def _end_it(self) -> None:
        _Faults.overdue = f"{self._what} was held for {self._at_most_wall_s:.0f} s of wall time, the most that may be"
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, signal.SIGTERM)

    def __exit__(self, *_: object) -> None:
        self.disarm()
        if not self._on_main:
            return
        _Faults.depth -= 1
        if _Faults.depth:
            _Faults.armed = True  # The fault around this one is held on.
            _raise_what_came()
            return
        came = [] if _Faults.raised else _Faults.came
        _restore()
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _install() -> None:
    _Faults.raised, _Faults.overdue, _Faults.came = False, None, []
    _Faults.before = {
        number: signal.signal(number, _handle) for number in _HELD if signal.getsignal(number) is not signal.SIG_IGN
    }


def _restore() -> None:
    before, _Faults.before = _Faults.before, {}
    for number, handler in before.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
    _Faults.came = []


def _handle(number: int, _frame: FrameType | None) -> None:
    _Faults.came.append(number)
    if _Faults.armed:
        _raise_what_came()


def _raise_what_came() -> None:
    if _Faults.raised or not (_Faults.came or _Faults.overdue):
        return
    # Disarmed before it raises: at most one exception comes out of here, wherever it strikes.
    _Faults.armed, _Faults.raised = False, True
    if _Faults.overdue:
        raise HeldTooLong(f"{_Faults.overdue}: it was rolled back")
    raise KeyboardInterrupt


@contextmanager
def signals_held() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP that come inside the block are delivered after it.

    Python delivers signals to the main thread only; on another thread there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {
        number: signal.signal(number, remember) for number in _HELD if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held in dict.fromkeys(came):
            signal.raise_signal(held)


@contextmanager
def terminate_unwinds() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt inside the block, so that `finally` runs: the default would not.

    One that is ignored stays so: who starts a run with nohup wants it to survive the terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, unwind)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
