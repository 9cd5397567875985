from __future__ import annotations

import pytest
from builders import DUBLIN, EU, SYDNEY, US, Story, a_history, an_experiment, dns, health, reply

from harness.checkers.steady_state import SteadyAfter, SteadyState
from harness.events import DnsAnswer, HealthObservation, HttpReply
from harness.findings import Verdict

BEFORE = SteadyState(at_least_requests=20)


def judged(check, history):
    return check.judge(history, history.experiment("e"))


def verdicts(check, history):
    return [finding.verdict for finding in judged(check, history)]


def test_a_sick_region_before_the_fault_fails():
    called_well, *_ = judged(BEFORE, Story().history(health(US, False, 33)))

    assert called_well.verdict is Verdict.FAIL
    assert US in called_well.explanation


def test_a_sick_region_during_the_fault_is_no_matter():
    assert verdicts(BEFORE, Story().history(health(US, False, 100)))[0] is Verdict.PASS


def test_an_answer_that_leads_nowhere_fails():
    _, answered, _ = judged(BEFORE, Story().history(dns(SYDNEY, None, 33, rcode="SERVFAIL")))

    assert answered.verdict is Verdict.FAIL
    assert "sydney was led nowhere (SERVFAIL)" in answered.explanation


def test_a_lost_question_is_no_wrong_answer():
    assert verdicts(BEFORE, Story().history(dns(SYDNEY, None, 33, rcode=None)))[1] is Verdict.PASS


def test_one_failed_request_in_25_is_too_much():
    """24 requests before 60 s, and one that failed: 4 % of 25, limit 1 %."""
    *_, served = judged(BEFORE, Story().history(reply(DUBLIN, None, 33, ok=False)))

    assert (served.verdict, served.measured, served.samples) == (Verdict.FAIL, pytest.approx(0.04), 25)


@pytest.mark.parametrize(("kind", "position"), [(HealthObservation, 0), (DnsAnswer, 1), (HttpReply, 2)])
def test_what_nobody_looked_at_is_unknown(kind, position):
    found = verdicts(BEFORE, Story().history(without=kind))

    assert found[position] is Verdict.UNKNOWN
    assert found.count(Verdict.PASS) == 2


def test_a_region_without_a_poll_is_unknown_and_named():
    events = [e for e in Story().events() if not (isinstance(e, HealthObservation) and e.region == EU)]

    assert "no poll of eu-west-1" in judged(BEFORE, a_history(events))[0].explanation


def test_steady_after_begins_when_the_last_vantage_is_home():
    """Home at 420 s: what fails at 410 s is still the fault's doing."""
    assert set(verdicts(SteadyAfter(), Story().history(reply(DUBLIN, None, 410, ok=False)))) == {Verdict.PASS}


def test_a_failure_after_all_are_home_fails():
    """From 420 s on 72 requests, and one that failed: 1.4 %, limit 1 %."""
    *_, served = judged(SteadyAfter(), Story().history(reply(DUBLIN, None, 500, ok=False)))

    assert served.verdict is Verdict.FAIL


def test_steady_after_begins_when_those_who_were_refused_are_served():
    """DNS never led away; Dublin is refused until the fault is undone at 302 s, and twice more: 2 of 119 is 1.7 %."""
    story = Story(detect_s=10_000, dns_s=10_000, failing=(DUBLIN,))
    late = {(DUBLIN, 310.0), (DUBLIN, 320.0)}
    events = [e for e in story.events() if not (isinstance(e, HttpReply) and (e.vantage, e.start_s) in late)]
    refused = [reply(DUBLIN, EU, at_s, ok=False) for _, at_s in sorted(late)]

    assert set(verdicts(SteadyAfter(), a_history(events, refused))) == {Verdict.PASS}


def test_refused_again_after_having_been_served_fails():
    """Served at 310 s; from then on 116 requests, of which those at 330 and 340 s failed: 1.7 %, limit 1 %."""
    story = Story(detect_s=10_000, dns_s=10_000, failing=(DUBLIN,))
    more = [reply(DUBLIN, EU, at_s, ok=False) for at_s in (331, 341)]
    *_, served = judged(SteadyAfter(), story.history(*more))

    assert served.verdict is Verdict.FAIL


def test_a_region_that_falls_sick_again_fails():
    called_well, *_ = judged(SteadyAfter(), Story().history(health(EU, False, 500)))

    assert called_well.verdict is Verdict.FAIL


def test_a_run_that_ends_at_once_is_unknown():
    """Home at 420 s, ended at 425 s: too few requests to tell."""
    *_, served = judged(SteadyAfter(), Story(end_s=425).history())

    assert served.verdict is Verdict.UNKNOWN
    assert "more are needed" in served.explanation


def test_without_a_rollback_there_is_no_after():
    assert verdicts(SteadyAfter(), Story(rolled_back=False).history()) == [Verdict.UNKNOWN]


def test_without_a_fault_there_is_no_after():
    assert verdicts(SteadyAfter(), a_history(an_experiment())) == [Verdict.UNKNOWN]
