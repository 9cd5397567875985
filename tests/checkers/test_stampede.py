"""Whether users come back to a mended region without errors and not all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import pytest
from builders import AP, EU, US, a_fault, a_header, a_history, an_experiment, dns, reply

from harness.checkers.stampede import CalmFailback
from harness.events import AnyEvent, VantageSummary
from harness.findings import Finding, Verdict
from harness.history import History

USERS = tuple(f"user-{number}" for number in range(6))
SPREAD_S = (370, 380, 390, 400, 410, 420)


def story(
    back_s: Sequence[float] = SPREAD_S,
    *,
    failing_at_s: float | None = None,
    burst_at_s: float | None = None,
    rolled_back: bool = True,
) -> History:
    """Six users of EU leave at 200 s and come back when `back_s` says; broken at 62 s, mended at 302 s."""
    header = msgspec.structs.replace(
        a_header(),
        vantages=tuple(
            VantageSummary(name=name, latitude=0, longitude=0, expected_order=(EU, US, AP), rtt_ms={}) for name in USERS
        ),
    )

    def events() -> Iterator[AnyEvent]:
        yield an_experiment(end_s=600)
        yield from a_fault(EU, rolled_back_s=(300, 302) if rolled_back else None)
        for number, name in enumerate(USERS):
            for at_s in range(number, 600, 5):
                away = 200 <= at_s < back_s[number]
                region = US if away else EU
                yield dns(name, region, at_s)
                yield reply(name, region, at_s, ok=at_s - at_s % 10 != failing_at_s)
            if burst_at_s is not None:
                yield from (reply(name, EU, burst_at_s + try_ / 10) for try_ in range(5))

    return a_history(events(), header=header)


def judged(history: History, **limits: float) -> dict[str, Finding]:
    found = CalmFailback(region=EU, **limits).judge(history, history.experiment("e"))
    return {finding.checker: finding for finding in found}


def test_users_who_come_back_one_by_one_without_errors_pass() -> None:
    """One every 10 s, seen on a grid of 5 s of their own: at most two in 10 s; 12 requests in each 10 s."""
    found = judged(story())

    assert {finding.verdict for finding in found.values()} == {Verdict.PASS}
    assert found["failback-spread"].measured == pytest.approx(2 / 6)
    assert found["failback-load"].measured == pytest.approx(1.0)


def test_all_at_once_fails() -> None:
    """Planted: every cache expires at the same moment."""
    found = judged(story([400] * 6))

    assert found["failback-spread"].verdict is Verdict.FAIL
    assert found["failback-spread"].measured == 1.0


def test_a_region_that_is_asked_more_than_before_fails() -> None:
    """Planted: every client tries five times more when it is back. 12 requests in 10 s before, 42 after."""
    found = judged(story(burst_at_s=450))

    assert found["failback-load"].verdict is Verdict.FAIL
    assert found["failback-load"].measured == pytest.approx(42 / 12)


def test_an_error_on_the_way_back_fails() -> None:
    found = judged(story(failing_at_s=380))

    assert found["failback-errors"].verdict is Verdict.FAIL


def test_errors_before_the_rollback_are_another_checks_business() -> None:
    assert judged(story(failing_at_s=100))["failback-errors"].verdict is Verdict.PASS


def test_two_users_are_no_crowd() -> None:
    never = 1000.0
    found = judged(story([370, 380, never, never, never, never]))

    assert found["failback-spread"].verdict is Verdict.UNKNOWN


def test_without_a_rollback_nothing_came_back() -> None:
    (finding,) = judged(story(rolled_back=False)).values()

    assert finding.verdict is Verdict.UNKNOWN
