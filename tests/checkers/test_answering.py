"""Which regions DNS answers with: each that is the nearest of somebody, and none that is called sick."""

from __future__ import annotations

from builders import AP, DUBLIN, EU, FRANKFURT, SYDNEY, US, VIRGINIA, Story, a_history, an_experiment, dns, health

from harness.checkers.answering import EveryRegionAnswers, SickRegionWithdrawn
from harness.events import AnyEvent, HealthObservation
from harness.findings import Finding, Verdict
from harness.history import History


def judged(check: EveryRegionAnswers | SickRegionWithdrawn, history: History) -> list[Finding]:
    return check.judge(history, history.experiment("e"))


def everyone_at(*regions: str) -> list[AnyEvent]:
    """Dublin, Frankfurt, Virginia and Sydney are led to these, once."""
    return [dns(name, region, 10) for name, region in zip((DUBLIN, FRANKFURT, VIRGINIA, SYDNEY), regions, strict=True)]


def test_every_region_that_somebody_is_led_to_answers():
    findings = judged(EveryRegionAnswers(), Story().history())

    assert {finding.subject: finding.verdict for finding in findings} == dict.fromkeys((US, EU, AP), Verdict.PASS)


def test_a_region_that_is_missing_from_the_record_set_fails_by_name():
    findings = judged(EveryRegionAnswers(), a_history(an_experiment(), everyone_at(US, US, US, AP)))

    (of_ireland,) = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    assert of_ireland.subject == EU
    assert "0 of 2 places whose nearest region it is were led there" in of_ireland.explanation


def test_one_place_led_astray_is_no_missing_region():
    findings = judged(EveryRegionAnswers(), a_history(an_experiment(), everyone_at(EU, US, US, AP)))

    assert {finding.verdict for finding in findings} == {Verdict.PASS}


def test_a_region_near_which_nobody_looks_is_unknown():
    findings = judged(EveryRegionAnswers(), a_history(an_experiment(), dns(DUBLIN, EU, 10)))

    verdicts = {finding.subject: finding.verdict for finding in findings}
    assert verdicts == {EU: Verdict.PASS, US: Verdict.UNKNOWN, AP: Verdict.UNKNOWN}


def test_answers_during_the_fault_say_nothing_of_the_record_set():
    findings = judged(EveryRegionAnswers(), a_history(an_experiment(), dns(DUBLIN, US, 100), dns(FRANKFURT, US, 100)))

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}


def test_a_sick_region_that_dns_withdraws_passes():
    (finding,) = judged(SickRegionWithdrawn(), Story().history())

    assert (finding.verdict, finding.subject, finding.measured) == (Verdict.PASS, EU, 0)


def test_a_record_that_does_not_follow_its_health_check_fails_by_the_regions_name():
    """Called sick from 145 to 360 s; 20 s are left to the name servers, and Dublin and Frankfurt are led there on."""
    (finding,) = judged(SickRegionWithdrawn(), Story(dns_s=10_000).history())

    assert (finding.verdict, finding.subject) == (Verdict.FAIL, EU)
    assert "dublin, frankfurt): its record has no health check" in finding.explanation


def test_answers_until_the_name_servers_follow_are_not_held_against_it():
    """DNS changed 20 s after the quorum did, at 162 s."""
    assert judged(SickRegionWithdrawn(), Story(dns_s=100).history())[0].verdict is Verdict.PASS


def test_when_all_are_called_sick_dns_may_lead_anywhere():
    kept = [event for event in Story(dns_s=10_000).events() if not isinstance(event, HealthObservation)]
    sick = [health(region, False, at_s) for at_s in range(100, 300, 5) for region in (US, EU, AP)]

    (finding,) = judged(SickRegionWithdrawn(), a_history(kept, sick))

    assert finding.verdict is Verdict.UNKNOWN


def test_where_no_region_was_called_sick_nothing_was_checked():
    (finding,) = judged(SickRegionWithdrawn(), Story(detect_s=10_000, dns_s=10_000).history())

    assert finding.verdict is Verdict.UNKNOWN
