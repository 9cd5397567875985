"""Whether Route 53's checkers kept their interval; a limit missed by no more than they slipped is in doubt.

30 s × 3: a look is due every 31 s, the response included; 10 s of margin shared by three looks make a limit of 34.3 s.
"""

from __future__ import annotations

import msgspec
from builders import EU, US, Story, a_history, an_experiment, health

from harness.checkers.checkers_on_time import CheckersOnTime
from harness.checkers.checks import DetectedInTime, DnsChangedInTime, FlapsInDns, NoStragglers, judge
from harness.checkers.flapping import Follows
from harness.events import AnyEvent, HealthObservation
from harness.findings import Finding, Verdict
from harness.history import History


def told_by(story: Story, period_s: float, *, region: str = EU, from_s: float = 0.0) -> History:
    """The story; from `from_s` on each poll of the region tells of two checkers that looked again."""

    def told(event: AnyEvent) -> AnyEvent:
        if not isinstance(event, HealthObservation) or event.region != region:
            return event
        periods_s = (period_s if event.start_s >= from_s else 30.0,) * 2
        return msgspec.structs.replace(event, probe_periods_s=periods_s)

    return History([told(event) for event in story.history()])


def on_time(history: History) -> list[Finding]:
    return CheckersOnTime().judge(history, history.experiment("e"))


def test_checkers_that_keep_their_interval_pass():
    (finding,) = on_time(told_by(Story(), 30.5))

    assert (finding.verdict, finding.subject, finding.measured) == (Verdict.PASS, EU, 30.5)


def test_late_checkers_are_unknown_and_the_period_is_told():
    (finding,) = on_time(told_by(Story(), 36.0))

    assert finding.verdict is Verdict.UNKNOWN
    assert "every 36.0 s (nine of ten at most) instead of every 30 s" in finding.explanation


def test_checkers_that_slip_only_after_the_repair_are_late_too():
    assert on_time(told_by(Story(), 36.0, from_s=302.0))[0].verdict is Verdict.UNKNOWN


def test_checkers_that_were_late_before_the_fault_harm_nobody():
    late_before = told_by(Story(), 30.0)
    late = [
        msgspec.structs.replace(e, probe_periods_s=(60.0,) * 4)
        if isinstance(e, HealthObservation) and e.start_s < 55
        else e
        for e in late_before
    ]

    assert on_time(History(late))[0].verdict is Verdict.PASS


def test_a_history_that_tells_of_no_looks_is_unknown():
    """As those written before the fact was recorded."""
    (finding,) = on_time(Story().history())

    assert (finding.verdict, finding.measured) == (Verdict.UNKNOWN, None)


def test_without_a_fault_every_region_is_judged():
    polls = [msgspec.structs.replace(health(US, True, at_s), probe_periods_s=(30.0,)) for at_s in range(0, 200, 5)]

    findings = on_time(a_history(an_experiment(), polls))

    assert {f.subject: f.verdict for f in findings} == {
        US: Verdict.PASS,
        EU: Verdict.UNKNOWN,
        "ap-southeast-2": Verdict.UNKNOWN,
    }


def test_what_a_late_poll_tells_is_left_out():
    """Polls 40 s apart miss a look of each checker, which then seems to have looked every 60 s."""
    polls = [msgspec.structs.replace(health(US, True, at_s), probe_periods_s=(60.0,) * 9) for at_s in range(0, 600, 40)]

    assert {f.measured for f in on_time(a_history(an_experiment(), polls))} == {None}


def test_late_checkers_put_nothing_in_doubt_when_every_limit_was_kept():
    """Called sick after 83 s, within 104 s, though the checkers looked every 36 s."""
    *timed, on_time_at_all = judge(told_by(Story(), 36.0), "e", CHECKS)

    assert {finding.verdict for finding in [*timed, on_time_at_all]} == {Verdict.PASS}
    assert on_time_at_all.explanation.endswith("but every limit was kept all the same")


SLOW = Story(detect_s=115, dns_s=120)
"""Called sick 115 s after it broke, seen at 180 s: 118 s. The limit is 104 s."""
CHECKS = (DetectedInTime(region=EU), DnsChangedInTime(region=EU), CheckersOnTime())


def verdicts(history: History) -> dict[str, Verdict]:
    return {finding.checker: finding.verdict for finding in judge(history, "e", CHECKS) if finding.subject == EU}


def test_a_failover_that_is_late_on_punctual_checkers_fails():
    assert verdicts(told_by(SLOW, 30.5))["time-to-detect"] is Verdict.FAIL


def test_a_failover_that_is_late_by_no_more_than_the_checkers_slipped_is_in_doubt():
    """36 s instead of 30 s, three times: 18 s; it was 14 s late."""
    found = judge(told_by(SLOW, 36.0), "e", CHECKS)

    assert verdicts(told_by(SLOW, 36.0)) == dict.fromkeys(
        ("time-to-detect", "time-until-dns-changed", "checkers-on-time"), Verdict.UNKNOWN
    )
    assert "the checkers looked every 36.0 s, which explains 18.0 s of it" in found[0].explanation


def test_a_failover_that_is_later_than_the_checkers_slipped_still_fails():
    """Called sick after 150 s, 49 s late: 18 s of slip do not explain it."""
    assert verdicts(told_by(Story(detect_s=150, dns_s=155), 36.0))["time-to-detect"] is Verdict.FAIL


def test_stragglers_that_late_checkers_explain_are_in_doubt():
    """DNS may take 114 s and took 128 s, seen at 190 s: 14 s late, of which the checkers' slip explains 18 s."""
    findings = judge(told_by(Story(detect_s=120, dns_s=125), 36.0), "e", (NoStragglers(), CheckersOnTime()))

    late = [finding for finding in findings if finding.checker == "no-stragglers" and finding.subject]
    assert {finding.verdict for finding in late} == {Verdict.UNKNOWN}
    assert late


def test_one_that_never_came_still_fails():
    assert verdicts(told_by(Story(detect_s=1000, dns_s=1000), 36.0))["time-to-detect"] is Verdict.FAIL


def test_dns_that_did_not_follow_a_flapping_region_is_in_doubt_when_the_checkers_were_late():
    """It never left: punctual checkers make that a failure, late ones explain it."""
    story = Story(detect_s=1000, dns_s=1000)
    check = FlapsInDns(region=EU, follows=Follows.EACH_CYCLE, at_least_cycles=1)

    def verdict(history: History) -> Verdict:
        findings = judge(history, "e", (check, CheckersOnTime()))
        return next(found.verdict for found in findings if found.checker == "flaps-in-dns")

    assert verdict(told_by(story, 30.5)) is Verdict.FAIL
    assert verdict(told_by(story, 45.0)) is Verdict.UNKNOWN
