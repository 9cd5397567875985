from __future__ import annotations

from collections.abc import Callable

from builders import EU, FRANKFURT

from harness.checkers.checks import VantagesRecovered, judge
from harness.checkers.timeline import failover_times
from harness.events import HttpReply
from harness.findings import Finding, Verdict
from harness.history import History
from harness.report.answers import answer
from harness.report.failovers import judged_failovers


def test_a_failover_is_answered_with_the_fastest_and_the_slowest_user(
    story: History, story_findings: list[Finding]
) -> None:
    """Broken at 62 s, DNS changed at 147 s; both vantages' caches expire at 180 s: 118 s. Mended at 302 s, DNS back
    at 367 s, caches expire at 420 s: 118 s again. Limits: 184 s."""
    judged = judged_failovers("e", failover_times(story), story_findings)

    told = answer(story_findings, judged, health_path="/health")

    assert told.startswith(
        "Yes: the users of eu-west-1 were well again at most 118 s after /health broke (limit 184 s), "
        "home again at most 118 s after it was mended (limit 184 s) and 0 of "
    )


def test_without_a_history_the_slowest_user_is_told(story_findings: list[Finding]) -> None:
    assert answer(story_findings).startswith("Yes: the users of eu-west-1 were well again at most 118 s after it broke")


def test_users_are_told_from_the_fastest_to_the_slowest(story: History) -> None:
    """Frankfurt's requests of 180 to 209 s were not made, so it was well at 210 s: 148 s after 62 s."""
    history = History(
        event
        for event in story
        if not (isinstance(event, HttpReply) and event.vantage == FRANKFURT and 180 <= event.start_s < 210)
    )
    findings = judge(history, "e", [VantagesRecovered(region=EU)])

    told = answer(findings, judged_failovers("e", failover_times(history), findings), health_path="/health/deep")

    assert told == "Yes: the users of eu-west-1 were well again 118 to 148 s after /health/deep broke (limit 184 s)."


def test_no_names_the_first_claim_that_does_not_hold(a_finding: Callable[..., Finding]) -> None:
    findings = [a_finding(), a_finding(Verdict.FAIL, claim="Users came home", explanation="8 of 13 did")]

    assert answer(findings) == "No: “Users came home” does not hold: 8 of 13 did."


def test_other_claims_that_do_not_hold_are_counted(a_finding: Callable[..., Finding]) -> None:
    assert answer([a_finding(Verdict.FAIL)] * 3).endswith("2 more claims do not hold.")


def test_one_other_claim_is_singular(a_finding: Callable[..., Finding]) -> None:
    assert answer([a_finding(Verdict.FAIL)] * 2).endswith("1 more claim does not hold.")


def test_a_doubt_still_tells_what_was_seen(a_finding: Callable[..., Finding]) -> None:
    served = a_finding(checker="failed-requests", measured=0.01, limit=0.02, unit="share", samples=200)
    findings = [served, a_finding(Verdict.UNKNOWN, claim="Probes were made on time", explanation="late by p99 65 ms")]

    assert answer(findings) == (
        "Cannot tell: “Probes were made on time” could not be judged: late by p99 65 ms. "
        "What was seen: 2 of 200 requests failed."
    )


def test_why_an_experiment_was_stopped_comes_before_what_that_left_unjudged(a_finding: Callable[..., Finding]) -> None:
    unjudged = a_finding(Verdict.UNKNOWN, explanation="no fault was injected")
    stopped = a_finding(Verdict.UNKNOWN, checker="aborted", explanation="it was stopped: no steady state within 120 s")

    assert answer([unjudged, stopped]) == (
        "Cannot tell: it was stopped: no steady state within 120 s. 1 more claim could not be judged."
    )


def test_what_failed_is_not_told_as_a_fact(a_finding: Callable[..., Finding]) -> None:
    late = a_finding(
        Verdict.FAIL, checker="time-to-recover", subject="eu-west-1", measured=900.0, limit=194.0, unit="s"
    )

    assert "What was seen" not in answer([late])


def test_nothing_checked_is_no_answer() -> None:
    assert answer([]) == "Cannot tell: nothing was checked."


def test_rules_are_counted(a_finding: Callable[..., Finding]) -> None:
    assert answer([a_finding(checker="deployment/record-exists")] * 104) == "Yes: all 104 rules hold."


def test_claims_without_numbers_are_counted(a_finding: Callable[..., Finding]) -> None:
    assert answer([a_finding(), a_finding()]) == "Yes: all 2 claims hold."


def test_a_gray_failure_is_answered_with_what_users_suffered_and_the_blind_spot(
    a_finding: Callable[..., Finding],
) -> None:
    sight = a_finding(
        checker="fault-sight",
        claim="table-denied in eu-west-1: users suffer and every health check stays green",
        explanation="2 of 2 users suffered for up to 230 s: 46 of 46 requests failed; the blind spot: it asks /health",
    )
    suffered = a_finding(checker="users-suffered", explanation="2 of 2 users suffered for up to 230 s: 46 of 46 ...")

    assert answer([sight, suffered]) == (
        "Yes: as documented, users suffer and every health check stays green: 2 of 2 users suffered for up to 230 s. "
        "The blind spot: it asks /health."
    )


def test_where_nothing_broke_it_is_told_who_was_served_by_whom(a_finding: Callable[..., Finding]) -> None:
    found = a_finding(
        checker="served-by-nearest", explanation="31 of 31 vantages were; close calls, not judged: 1", measured=0
    )

    assert answer([found]) == "Yes: 31 of 31 vantages were served by their nearest region."


def test_it_is_told_how_long_users_of_wayward_resolvers_suffered_and_why(a_finding: Callable[..., Finding]) -> None:
    clamped = a_finding(
        checker="stragglers-named",
        subject="clamped",
        claim="clamped straggles because its resolver kept the answer beyond the TTL",
        measured=100.4,
    )
    stale = a_finding(
        checker="stragglers-named",
        subject="stale",
        claim="stale straggles because it could not ask anew",
        explanation="stale was served by eu-west-1 from 237.1 s on for 146.5 s and longer",
        measured=146.5,
    )

    assert answer([clamped, stale]) == (
        "Yes: clamped was served elsewhere for 100 s because its resolver kept the answer beyond the TTL"
        " and stale was served elsewhere for 146 s and longer because it could not ask anew."
    )
