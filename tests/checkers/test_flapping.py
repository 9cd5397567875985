"""Whether DNS follows a fault that comes and goes, and with which period."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from builders import AP, DUBLIN, EU, SYDNEY, US, a_fault, a_history, an_experiment, dns, reply

from harness.checkers.flapping import FlapsInDns, Follows
from harness.events import AnyEvent
from harness.findings import Finding, Verdict
from harness.history import History

PERIOD_S = 200
SICK_S = 110


def story(
    *more: AnyEvent,
    cycles: int = 3,
    out_s: tuple[float, float] | None = (90, 175),
    every: int = 1,
    proven: bool = True,
) -> History:
    """Sick for 110 of every 200 s from 50 s on; out of DNS between `out_s` of each `every`-th cycle."""

    def led_s(at_s: float) -> str:
        cycle, within_s = divmod(at_s - 50, PERIOD_S)
        out = out_s and 0 <= cycle < cycles and cycle % every == 0 and out_s[0] <= within_s < out_s[1]
        return US if out else EU

    def events() -> Iterator[AnyEvent]:
        end_s = 50 + cycles * PERIOD_S + 50
        yield an_experiment(end_s=end_s)
        for cycle in range(cycles):
            begin_s = 50.0 + cycle * PERIOD_S
            yield from a_fault(
                EU,
                injected_s=(begin_s, begin_s),
                rolled_back_s=(begin_s + SICK_S, begin_s + SICK_S),
                proven=proven,
                fault_id=f"cycle-{cycle}",
            )
        for at_s in range(0, int(end_s), 5):
            yield dns(DUBLIN, led_s(at_s), at_s)
            yield reply(DUBLIN, led_s(at_s - at_s % 60), at_s)
            yield dns(SYDNEY, AP, at_s)

    return a_history(events(), more)


def judged(history: History, follows: Follows = Follows.EACH_CYCLE) -> dict[str, Finding]:
    found = FlapsInDns(region=EU, follows=follows).judge(history, history.experiment("e"))
    return {finding.checker: finding for finding in found}


def test_out_once_a_cycle_with_the_faults_period_passes() -> None:
    found = judged(story())

    assert {finding.verdict for finding in found.values()} == {Verdict.PASS}
    assert found["flaps-in-dns"].measured == 3
    assert found["flap-period"].explanation == "the fault came every 200.0 s, DNS left every 200.0 s (median)"
    assert "out for 85 s and 85 s and 85 s" in found["flaps-in-dns"].explanation


def test_dns_that_misses_a_cycle_fails() -> None:
    """Planted: the region goes out in the first and the third cycle only, so with twice the period."""
    found = judged(story(every=2))

    assert found["flaps-in-dns"].verdict is Verdict.FAIL
    assert found["flap-period"].verdict is Verdict.FAIL


def test_dns_that_never_leaves_fails_where_it_should_follow() -> None:
    found = judged(story(out_s=None))

    assert found["flaps-in-dns"].verdict is Verdict.FAIL
    assert found["flap-period"].verdict is Verdict.UNKNOWN


def test_dns_that_never_leaves_passes_where_the_threshold_swallows_it() -> None:
    found = judged(story(out_s=None), Follows.NOT_AT_ALL)

    assert {finding.verdict for finding in found.values()} == {Verdict.PASS}
    assert "flap-period" not in found


def test_dns_that_leaves_for_a_fault_that_should_be_swallowed_fails() -> None:
    """Planted: a threshold that lets one failure decide."""
    found = judged(story(), Follows.NOT_AT_ALL)

    assert found["flaps-in-dns"].verdict is Verdict.FAIL
    assert found["flaps-of-users"].verdict is Verdict.FAIL


@pytest.mark.parametrize("history", [story(proven=False), story(cycles=1)])
def test_unproven_or_too_few_cycles_prove_nothing(history: History) -> None:
    (finding,) = judged(history).values()

    assert finding.verdict is Verdict.UNKNOWN


def test_a_user_who_moves_oftener_than_dns_fails() -> None:
    """Planted: one more there and back, while DNS was calm."""
    restless = [reply(DUBLIN, US, 20), reply(DUBLIN, EU, 22), reply(DUBLIN, US, 24), reply(DUBLIN, EU, 26)]
    found = judged(story(*restless))

    assert found["flaps-of-users"].verdict is Verdict.FAIL
    assert found["flaps-of-users"].measured > 6
