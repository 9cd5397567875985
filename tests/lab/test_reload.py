"""Changes of the control plane are read back: all of them, and many at once."""

from __future__ import annotations

import threading

from harness.lab.ports import Change
from harness.lab.reload import Reloader

WITHIN_S = 5.0


def change(action: str) -> Change:
    return Change(service="apigateway", region="eu-west-1", action=action)


def test_changes_during_a_read_back_share_the_next_one() -> None:
    """The first read-back waits until two more changes have come: they are given to the second, together."""
    batches: list[list[str]] = []
    first_began, both_asked, done = threading.Event(), threading.Event(), threading.Event()

    def reload(changes: list[Change]) -> None:
        batches.append([one.action for one in changes])
        if len(batches) == 1:
            first_began.set()
            both_asked.wait(WITHIN_S)
        else:
            done.set()

    reloader = Reloader(reload)
    reloader.start()
    reloader.ask(change("one"))
    assert first_began.wait(WITHIN_S)
    reloader.ask(change("two"))
    reloader.ask(change("three"))
    both_asked.set()
    assert done.wait(WITHIN_S)
    reloader.stop()

    assert batches == [["one"], ["two", "three"]]


def test_a_read_back_that_fails_does_not_end_the_next_ones() -> None:
    done = threading.Event()

    def reload(changes: list[Change]) -> None:
        if changes[0].action == "bad":
            raise ConnectionError("control plane")
        done.set()

    reloader = Reloader(reload)
    reloader.start()
    reloader.ask(change("bad"))
    while not done.is_set():
        reloader.ask(change("good"))
        done.wait(0.01)
    reloader.stop()

    assert done.is_set()
