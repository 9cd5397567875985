from __future__ import annotations

import pytest
from builders import AP, DUBLIN, EU, US, VANTAGES, a_fault, a_history, an_experiment, dns, health, reply

from harness.checkers.fail_open import FailsOpen
from harness.findings import Verdict

ALL_REGIONS = (US, EU, AP)


def everything_sick(*, broken=ALL_REGIONS, noticed=ALL_REGIONS, until_s=300, region_of=None, proven=True, ok=True):
    """All broken at 62 s, called sick at 140 s, mended from 300 s; every vantage is asked about every 5 s."""
    yield an_experiment()
    yield from a_fault(*broken, rolled_back_s=(until_s, until_s + 2), proven=proven)
    for at_s in range(0, 400, 5):
        for region in ALL_REGIONS:
            yield health(region, not (region in noticed and 140 <= at_s < until_s), at_s)
        for vantage in VANTAGES:
            home = vantage.expected_order[0]
            yield dns(vantage.name, region_of(vantage, at_s) if region_of else home, at_s)
            yield reply(vantage.name, home, at_s, ok=ok or at_s < 62)


def judged(**story):
    history = a_history(everything_sick(**story))
    return FailsOpen().judge(history, history.experiment("e"))


def test_answers_as_if_all_were_well_pass():
    assert [finding.verdict for finding in judged()] == [Verdict.PASS, Verdict.PASS]


def test_three_faults_are_as_good_as_one_on_three_regions():
    """Called sick one after another; the last at 150 s counts."""
    events = [event for event in everything_sick() if event.source != "runner"]
    faults = [a_fault(region, injected_s=(60 + n, 61 + n)) for n, region in enumerate(ALL_REGIONS)]
    history = a_history(an_experiment(), events, *faults)

    assert {finding.verdict for finding in FailsOpen().judge(history, history.experiment("e"))} == {Verdict.PASS}


def test_no_answer_when_all_are_sick_fails():
    """Fail closed: from 140 s on, nobody is led anywhere."""
    routed, *_ = judged(region_of=lambda vantage, at_s: None if at_s >= 140 else vantage.expected_order[0])

    assert routed.verdict is Verdict.FAIL


def test_one_region_for_everybody_fails():
    routed, *_ = judged(region_of=lambda vantage, at_s: US if at_s >= 140 else vantage.expected_order[0])

    assert routed.verdict is Verdict.FAIL


def test_a_short_wandering_while_the_last_region_falls_passes():
    """Dublin is led away at 135 s and home again at 150 s: 10 s after the last was called sick, limit 20 s."""

    def region_of(vantage, at_s):
        return vantage.expected_order[1 if vantage.name == DUBLIN and 135 <= at_s < 150 else 0]

    routed, *_ = judged(region_of=region_of)

    assert (routed.verdict, routed.measured, routed.limit) == (Verdict.PASS, 10, 20)


def test_wandering_for_longer_than_the_limit_fails_by_vantage():
    def region_of(vantage, at_s):
        return vantage.expected_order[1 if vantage.name == DUBLIN and 135 <= at_s < 180 else 0]

    routed, of_dublin, _ = judged(region_of=region_of)

    assert (routed.verdict, of_dublin.subject) == (Verdict.FAIL, DUBLIN)


def test_requests_that_fail_fail_the_second_claim():
    *_, served = judged(ok=False)

    assert served.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("story", "why"),
    [
        ({"broken": (US, EU)}, f"no fault was injected in {AP}"),
        ({"proven": False}, "not proven"),
        ({"noticed": (US, EU)}, f"never called {AP} sick"),
    ],
)
def test_unless_all_were_provably_sick_nothing_can_be_said(story, why):
    findings = judged(**story)

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert all(why in finding.explanation for finding in findings)


def test_faults_that_never_overlapped_prove_nothing():
    """Virginia was called sick at 70 s and mended at 100 s, before the others were called sick at 140 s."""
    events = [
        event
        for event in everything_sick(noticed=(EU, AP))
        if event.source != "runner" and getattr(event, "health_check_id", "") != f"check-{US}"
    ]
    faults = [a_fault(US, rolled_back_s=(100, 102)), a_fault(EU, AP)]
    history = a_history(an_experiment(), events, faults[0], faults[1], health(US, True, 50), health(US, False, 70))

    findings = FailsOpen().judge(history, history.experiment("e"))

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert "the first was mended at 100.0 s" in findings[0].explanation


def test_too_short_a_hold_is_unknown():
    """Called sick at 140 s, mended from 145 s: no answer was seen after the 20 s that the limit leaves."""
    events = [e for e in everything_sick(until_s=145) if not (getattr(e, "vantage", "") and 135 < e.start_s < 150)]
    history = a_history(events)

    routed, *_ = FailsOpen().judge(history, history.experiment("e"))

    assert routed.verdict is Verdict.UNKNOWN
