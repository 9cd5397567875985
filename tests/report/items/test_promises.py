from __future__ import annotations

from collections.abc import Callable

import msgspec
from builders import AP, EU, US, a_history, an_experiment
from data_builders import a_delete, a_read, a_write

from harness.checkers.consistency.check import Consistent
from harness.events import AnyEvent, Outcome
from harness.findings import Finding, Verdict
from harness.report.items.promises import BrokenPromise, broken_promises


def consistent(shows: str | None, at_s: float, *, key: str = "k", region: str = US) -> AnyEvent:
    return msgspec.structs.replace(a_read(shows, at_s, key=key, region=region), consistent=True)


def broken(*events: AnyEvent) -> list[BrokenPromise]:
    experiment = an_experiment(end_s=600)
    history = a_history(experiment, events)
    return broken_promises(history, Consistent().judge(history, experiment))


def settled(shows: str | None, *, key: str = "k", at_s: float = 500.0) -> list[AnyEvent]:
    return [consistent(shows, at_s, key=key, region=region) for region in (US, EU, AP)]


def test_a_broken_promise_tells_how_often_and_the_first_in_words() -> None:
    """The US shows the new value and then the old one again."""
    (promise,) = broken(
        a_write("old", 10.0, client="ann"),
        a_write("new", 20.0, client="ann"),
        consistent("new", 30.0),
        consistent("old", 40.0),
        *settled("new"),
    )[:1]

    assert promise.amount.startswith("1 violation on 1 key")
    (story,) = promise.stories
    assert story.told.startswith("key 'k': ")


def test_the_calls_that_prove_it_stand_below_in_order_of_time() -> None:
    promises = broken(
        a_write("old", 10.0, client="ann"),
        a_delete("gone", 20.0),
        consistent(None, 30.0),
        consistent("old", 40.0),
        *settled(None),
    )

    calls = [(call.when, call.client, call.what) for call in promises[0].stories[0].calls]

    assert ("10.000 to 10.000 s", "ann", "put of 'old': acknowledged") in calls
    assert ("20.000 to 20.000 s", "writer", "delete: acknowledged") in calls
    assert calls[-1] == ("40.000 to 40.000 s", "reader", "read: a = 'old', b = 'old'")
    assert calls == sorted(calls)


def test_each_key_has_a_story_of_its_own() -> None:
    events = [
        event
        for key in ("k1", "k2")
        for event in (a_write(key, 10.0, key=key), consistent("nobody", 30.0, key=key), *settled(key, key=key))
    ]

    (promise,) = broken(*events)

    assert {story.told.partition(":")[0] for story in promise.stories} == {"key 'k1'", "key 'k2'"}
    assert [len(story.calls) for story in promise.stories] == [1, 1]


def test_a_promise_that_was_kept_or_could_not_be_judged_is_not_here(a_finding: Callable[..., Finding]) -> None:
    findings = [a_finding(verdict, checker="consistency-whole") for verdict in (Verdict.PASS, Verdict.UNKNOWN)]

    assert broken_promises(a_history(), findings) == []


def test_other_failures_are_not_here(a_finding: Callable[..., Finding]) -> None:
    assert broken_promises(a_history(), [a_finding(Verdict.FAIL, checker="recovery-point")]) == []


def test_evidence_that_the_history_lost_is_left_out(a_finding: Callable[..., Finding]) -> None:
    finding = a_finding(
        Verdict.FAIL, checker="consistency-whole", explanation="1 violation: key 'k': odd", evidence=(9,)
    )

    (promise,) = broken_promises(a_history(), [finding])

    assert promise.stories[0].told == "key 'k': odd"
    assert promise.stories[0].calls == ()


def test_an_unknown_write_and_a_failed_read_say_what_they_prove(a_finding: Callable[..., Finding]) -> None:
    history = a_history(a_write("v", 1.0, outcome=Outcome.UNKNOWN), a_read(None, 2.0, outcome=Outcome.FAIL))
    finding = a_finding(Verdict.FAIL, checker="consistency-whole", explanation="1: key 'k': odd", evidence=(1, 2))

    (promise,) = broken_promises(history, [finding])

    assert [call.what for call in promise.stories[0].calls] == [
        "put of 'v': no reply: it may have happened",
        "read (eventually consistent): no answer",
    ]
