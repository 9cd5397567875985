"""Signals around a rollback are held back, and delivered after it."""

from __future__ import annotations

import signal

import pytest

from harness.faults.signals import signals_held, terminate_unwinds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_block_comes_after_it(number: signal.Signals) -> None:
    steps: list[str] = []
    before = signal.signal(number, lambda *_: steps.append("delivered"))
    try:
        with signals_held():
            signal.raise_signal(number)
            signal.raise_signal(number)
            steps.append("rolled back")
    finally:
        signal.signal(number, before)

    assert steps == ["rolled back", "delivered"]


def test_handlers_are_as_before_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="rollback"), signals_held():
        raise ValueError("rollback")

    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_unwinds_like_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), terminate_unwinds():
        signal.raise_signal(signal.SIGTERM)
