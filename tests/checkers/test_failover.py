from __future__ import annotations

import msgspec
import pytest
from builders import (
    DUBLIN,
    EU,
    FRANKFURT,
    SYDNEY,
    US,
    VIRGINIA,
    Story,
    a_fault,
    a_history,
    an_experiment,
    dns,
    health,
    reply,
)

from harness.checkers.failover import DetectedInTime, DnsChangedInTime, FailedRequests, VantagesRecovered
from harness.events import DnsAnswer, HealthObservation, HttpReply
from harness.findings import Verdict


def judged(check, history):
    return check.judge(history, history.experiment("e"))


def test_detection_counts_from_the_end_of_the_injecting_call():
    """Injected at 60-62 s; polled healthy at 130-131 s, sick at 140-141 s: 79 s, and not before 68 s."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        health(EU, True, 10),
        health(EU, True, 130, took_s=1),
        health(EU, False, 140, took_s=1),
    )

    (finding,) = judged(DetectedInTime(region=EU), history)

    assert (finding.verdict, finding.measured, finding.uncertainty) == (Verdict.PASS, 79, 11)


def test_detection_that_is_surely_late_fails():
    """The limit is 3 × 31 + 1 + 10 = 104 s; at 62 + 110 s the poll still said healthy."""
    (finding,) = judged(DetectedInTime(region=EU), Story(detect_s=112).history())

    assert finding.verdict is Verdict.FAIL
    assert finding.limit == 104


def test_a_threshold_of_four_is_not_taken_for_three():
    """Four probes of 30 s are noticed after 115 s on average: above the limit of 104 s for three."""
    (finding,) = judged(DetectedInTime(region=EU), Story(detect_s=115, dns_s=120).history())

    assert finding.verdict is Verdict.FAIL


def test_detection_that_no_poll_could_time_is_unknown():
    """Healthy at 140 s, sick at 200 s: between 78 and 138 s after the fault, with the limit of 104 s in between."""
    history = a_history(
        an_experiment(), a_fault(EU), health(EU, True, 50), health(EU, True, 140), health(EU, False, 200)
    )

    (finding,) = judged(DetectedInTime(region=EU), history)

    assert finding.verdict is Verdict.UNKNOWN


def test_a_region_never_called_sick_fails_once_the_limit_has_passed():
    (finding,) = judged(DetectedInTime(region=EU), Story(detect_s=1000, dns_s=1000).history())

    assert (finding.verdict, finding.measured) == (Verdict.FAIL, None)


def test_a_fault_that_ended_before_the_limit_proves_no_lateness():
    """Rolled back at 120 s, 58 s after it began: the limit of 104 s was never reached."""
    history = a_history(
        an_experiment(), a_fault(EU, rolled_back_s=(120, 122)), [health(EU, True, at_s) for at_s in range(0, 200, 10)]
    )

    (finding,) = judged(DetectedInTime(region=EU), history)

    assert finding.verdict is Verdict.UNKNOWN


def test_without_any_poll_detection_is_unknown():
    (finding,) = judged(DetectedInTime(region=EU), Story().history(without=HealthObservation))

    assert finding.verdict is Verdict.UNKNOWN


def test_failed_polls_say_nothing():
    """A poll that failed at 100 s is neither "sick" nor "still well": 78 s, and nothing known before."""
    history = a_history(
        an_experiment(), a_fault(EU), health(EU, True, 10), health(EU, None, 100), health(EU, False, 140)
    )

    (finding,) = judged(DetectedInTime(region=EU), history)

    assert (finding.measured, finding.uncertainty) == (78, 78)


def test_a_region_that_was_sick_before_proves_no_detection():
    history = a_history(an_experiment(), a_fault(EU), health(EU, False, 50), health(EU, False, 70))

    (finding,) = judged(DetectedInTime(region=EU), history)

    assert finding.verdict is Verdict.UNKNOWN


def test_the_slowest_vantage_decides_when_dns_had_changed():
    """Dublin is led away at 145 s, 83 s after the fault; Frankfurt at 150 s, 88 s after."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        dns(DUBLIN, EU, 55),
        dns(FRANKFURT, EU, 55),
        dns(DUBLIN, EU, 140),
        dns(FRANKFURT, EU, 145),
        dns(DUBLIN, US, 145),
        dns(FRANKFURT, US, 150),
    )

    (finding,) = judged(DnsChangedInTime(region=EU), history)

    assert (finding.verdict, finding.measured, finding.uncertainty, finding.samples) == (Verdict.PASS, 88, 5, 2)
    assert "slowest frankfurt" in finding.explanation


def test_dns_that_leads_back_once_more_has_not_changed_before():
    """Away at 140 s, back at 145 s, away for good at 150 s: 88 s."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [dns(DUBLIN, region, at_s) for region, at_s in ((EU, 55), (US, 140), (EU, 145), (US, 150))],
    )

    (finding,) = judged(DnsChangedInTime(region=EU), history)

    assert finding.measured == 88


def test_answers_that_lead_nowhere_are_no_failover():
    history = a_history(
        an_experiment(),
        a_fault(EU),
        dns(DUBLIN, EU, 55),
        [dns(DUBLIN, None, at_s, rcode="NXDOMAIN") for at_s in range(65, 300, 5)],
    )

    finding, of_dublin = judged(DnsChangedInTime(region=EU), history)

    assert (finding.verdict, of_dublin.subject) == (Verdict.FAIL, DUBLIN)


def test_one_vantage_that_dns_leaves_behind_fails_by_name():
    events = [
        event
        for event in Story().events()
        if not (isinstance(event, DnsAnswer) and event.vantage == FRANKFURT and event.region != EU)
    ] + [dns(FRANKFURT, EU, at_s) for at_s in range(150, 300, 5)]

    findings = judged(DnsChangedInTime(region=EU), a_history(events))

    assert [(finding.subject, finding.verdict) for finding in findings] == [
        (EU, Verdict.FAIL),
        (FRANKFURT, Verdict.FAIL),
    ]


def test_a_hole_in_the_answers_over_the_limit_is_unknown():
    """Led to the region at 150 s (88 s after), elsewhere at 200 s (138 s): the limit of 114 s lies between."""
    events = [
        event for event in Story(dns_s=90).events() if not (isinstance(event, DnsAnswer) and 150 < event.start_s < 200)
    ]

    finding = judged(DnsChangedInTime(region=EU), a_history(events))[0]

    assert (finding.verdict, finding.measured, finding.uncertainty) == (Verdict.UNKNOWN, 138, 50)


def test_lost_questions_only_widen_the_uncertainty():
    """Without the answer of 145 s, the change lies between 140 and 150 s: 88 s, less 10."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [dns(DUBLIN, EU, 55), dns(DUBLIN, EU, 140), dns(DUBLIN, None, 145, rcode=None), dns(DUBLIN, US, 150)],
    )

    (finding,) = judged(DnsChangedInTime(region=EU), history)

    assert (finding.measured, finding.uncertainty) == (88, 10)


def test_without_a_vantage_on_the_region_nothing_can_be_said():
    history = a_history(an_experiment(), a_fault(EU), dns(SYDNEY, US, 50), reply(SYDNEY, US, 50))

    assert [f.verdict for f in judged(DnsChangedInTime(region=EU), history)] == [Verdict.UNKNOWN]
    assert [f.verdict for f in judged(VantagesRecovered(region=EU), history)] == [Verdict.UNKNOWN]


def test_a_vantage_is_well_with_the_end_of_its_first_good_reply_from_elsewhere():
    """Served by the sick region at 200 s, by another at 210 to 212 s: 150 s after the fault, not before 138 s."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [reply(DUBLIN, EU, 50), reply(DUBLIN, EU, 200), reply(DUBLIN, US, 210, took_s=2), reply(DUBLIN, US, 220)],
    )

    (finding,) = judged(VantagesRecovered(region=EU), history)

    assert (finding.verdict, finding.measured, finding.uncertainty) == (Verdict.PASS, 150, 12)


def test_a_failed_reply_from_elsewhere_is_no_recovery():
    """The reply at 150 s failed; the first good one came at 160 s."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [reply(DUBLIN, EU, 50), reply(DUBLIN, US, 150, ok=False), reply(DUBLIN, US, 160)],
    )

    (finding,) = judged(VantagesRecovered(region=EU), history)

    assert (finding.measured, finding.uncertainty) == (98, 10)


def test_a_user_who_goes_back_to_the_sick_region_was_not_well():
    history = a_history(
        an_experiment(),
        a_fault(EU),
        [reply(DUBLIN, region, at_s) for region, at_s in ((EU, 50), (US, 150), (EU, 160), (US, 170))],
    )

    (finding,) = judged(VantagesRecovered(region=EU), history)

    assert finding.measured == 108


def test_a_client_that_ignores_the_ttl_fails_by_name():
    """Frankfurt is served by the sick region until 290 s: 228 s, above 114 + 60 + 10 = 184 s."""
    events = [
        event
        for event in Story().events()
        if not (isinstance(event, HttpReply) and event.vantage == FRANKFURT and event.start_s > 62)
    ] + [reply(FRANKFURT, EU, at_s) for at_s in range(70, 300, 10)]

    overall, of_frankfurt = judged(VantagesRecovered(region=EU), a_history(events))

    assert (overall.verdict, overall.limit) == (Verdict.FAIL, 184)
    assert (of_frankfurt.subject, of_frankfurt.verdict) == (FRANKFURT, Verdict.FAIL)


def test_users_who_only_saw_failures_after_the_limit_fail():
    """Every request of Dublin fails from 70 s to the end: at 250 s, 188 s after the fault, it surely was not well."""
    history = a_history(
        an_experiment(),
        a_fault(EU),
        reply(DUBLIN, EU, 50),
        [reply(DUBLIN, None, at_s, ok=False) for at_s in range(70, 251, 10)],
    )

    finding = judged(VantagesRecovered(region=EU), history)[0]

    assert finding.verdict is Verdict.FAIL


def test_failed_requests_are_counted_as_a_share():
    """4 vantages × one request per 10 s from 70 to 590 s = 212; Virginia's fail from 70 to 300 s = 24."""
    (finding,) = judged(FailedRequests(region=EU), Story(failing=(VIRGINIA,)).history())

    assert finding.samples == 212
    assert finding.measured == pytest.approx(24 / 212)
    assert finding.verdict is Verdict.FAIL
    assert len(finding.evidence) == 24


def test_too_few_requests_tell_no_share_and_say_how_many_more():
    (finding,) = judged(FailedRequests(region=EU, at_least_requests=300), Story().history())

    assert finding.verdict is Verdict.UNKNOWN
    assert "88 more are needed" in finding.explanation


@pytest.mark.parametrize("check", [DetectedInTime, DnsChangedInTime, VantagesRecovered, FailedRequests])
def test_a_region_without_a_fault_is_unknown(check):
    (finding,) = judged(check(region=US), Story().history())

    assert finding.verdict is Verdict.UNKNOWN
    assert US in finding.explanation


def test_evidence_is_the_last_look_before_and_the_first_after():
    history = Story().history()

    (finding,) = judged(DetectedInTime(region=EU), history)

    before, after = (history[index] for index in finding.evidence)
    assert (before.healthy, after.healthy) == (True, False)
    assert after.start_s - before.start_s == 5


def test_limits_follow_the_stack():
    """10 s × 3: 3 × 11 + 1 + 10 = 44 s, so the 80 s of a 30 s check are too slow."""
    story = Story()
    stack = msgspec.structs.replace(story.header.stack, health_check_interval_s=10.0)
    fast = msgspec.structs.replace(story, header=msgspec.structs.replace(story.header, stack=stack))

    (finding,) = judged(DetectedInTime(region=EU), fast.history())

    assert (finding.verdict, finding.limit) == (Verdict.FAIL, 44)
