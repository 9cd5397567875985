from __future__ import annotations

from builders import DUBLIN, EU, US, Story, a_fault, a_history, an_experiment, dns, health, reply

from harness.checkers.failback import FailbackInTime
from harness.events import DnsAnswer, HttpReply
from harness.findings import Verdict


def judged(history):
    return FailbackInTime(region=EU).judge(history, history.experiment("e"))


def test_failback_counts_from_the_end_of_the_rollback():
    """Mended at 300-302 s: healthy at 365 s (63 s), DNS back at 370 s (68 s), home at 430 s (128 s)."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [health(EU, healthy, at_s) for healthy, at_s in ((True, 50), (False, 150), (False, 360), (True, 365))],
        [dns(DUBLIN, region, at_s) for region, at_s in ((EU, 50), (US, 150), (US, 365), (EU, 370))],
        [reply(DUBLIN, region, at_s) for region, at_s in ((EU, 50), (US, 200), (US, 420), (EU, 430))],
    )

    assert [(f.verdict, f.measured, f.uncertainty) for f in judged(history)] == [
        (Verdict.PASS, 63, 5),
        (Verdict.PASS, 68, 5),
        (Verdict.PASS, 128, 10),
    ]


def test_a_region_that_stays_sick_after_it_was_mended_fails():
    findings = judged(Story(healthy_s=1000, dns_back_s=1000).history())

    assert findings[0].verdict is Verdict.FAIL
    assert findings[1].verdict is Verdict.FAIL


def test_dns_that_never_leads_back_fails_though_health_did_come_back():
    noticed, dns_back, *_ = judged(Story(dns_back_s=1000).history())

    assert (noticed.verdict, dns_back.verdict) == (Verdict.PASS, Verdict.FAIL)


def test_users_who_do_not_come_home_fail():
    events = [e for e in Story().events() if not (isinstance(e, HttpReply) and e.vantage == DUBLIN and e.start_s > 302)]
    events += [reply(DUBLIN, US, at_s) for at_s in range(310, 600, 10)]

    *_, overall, of_dublin = judged(a_history(events))

    assert (overall.verdict, of_dublin.subject, of_dublin.verdict) == (Verdict.FAIL, DUBLIN, Verdict.FAIL)


def test_a_run_that_ends_right_after_the_rollback_is_unknown():
    """Ended at 350 s, 48 s after it was mended: no limit had passed."""
    findings = judged(Story(end_s=350).history())

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}


def test_a_fault_that_was_not_rolled_back_is_unknown():
    (finding,) = judged(Story(rolled_back=False).history())

    assert finding.verdict is Verdict.UNKNOWN


def test_what_never_left_cannot_come_back():
    findings = judged(Story(detect_s=1000, dns_s=1000).history())

    assert [finding.verdict for finding in findings] == [Verdict.UNKNOWN] * 3


def test_a_hole_in_the_answers_over_the_limit_is_unknown():
    """Led elsewhere at 360 s, home at 450 s: 58 to 148 s after it was mended, the limit of 114 s in between."""
    events = [e for e in Story().events() if not (isinstance(e, DnsAnswer) and 360 < e.start_s < 450)]

    _, dns_back, *_ = judged(a_history(events))

    assert (dns_back.verdict, dns_back.measured) == (Verdict.UNKNOWN, 148)
