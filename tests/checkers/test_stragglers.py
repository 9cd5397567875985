"""Who was served elsewhere than DNS led them once the TTL had passed, and why: each reason only where it was seen.

In these histories DNS leads Dublin to Ireland and from 100 s on to Virginia; answers have a TTL of 60 s, so from 162 s
on (2 s of grace) nobody should go to Ireland any more. Everything is looked at every 10 s.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from builders import (
    ADDRESS,
    AP,
    DUBLIN,
    EU,
    SYDNEY,
    US,
    VANTAGES,
    Story,
    a_header,
    a_history,
    an_experiment,
    dns,
    reply,
)

from harness.checkers.stragglers import NoStragglers, StragglersNamed
from harness.checkers.straggling import Reason
from harness.events import AnyEvent, HttpReply
from harness.findings import Finding, Verdict
from harness.history import History
from harness.resolving import BeyondTtl, DnsWay, Resolver, SubnetFate

MOVED_S = 100


def truth(until_s: int = 400) -> list[AnyEvent]:
    return [dns(DUBLIN, EU if at_s < MOVED_S else US, at_s) for at_s in range(0, until_s, 10)]


def asked(at_s: float, region: str | None, **facts: Any) -> HttpReply:
    """Dublin's request; `age` is how old the answer is that it used."""
    age = facts.pop("age", 30.0)
    ok = facts.pop("ok", True)
    return msgspec.structs.replace(reply(DUBLIN, region, at_s, ok=ok), resolved_s=at_s - age, ttl_s=60.0, **facts)


def late(left_s: int = 300, **facts: Any) -> list[AnyEvent]:
    """Dublin asks every 10 s and leaves Ireland at `left_s`; after 160 s its requests tell these facts."""
    return [
        asked(at_s, EU if at_s < left_s else US, **(facts if 160 <= at_s < left_s else {}))
        for at_s in range(0, 400, 10)
    ]


def told(*events: Any, vantages: Any = VANTAGES[:1]) -> History:
    return a_history(an_experiment(end_s=400), *events, header=a_header(vantages=vantages))


def judged(history: History, check: Any = None) -> list[Finding]:
    return (check or NoStragglers()).judge(history, history.experiment("e"))


CLAMPED = late(beyond_ttl=BeyondTtl.CLAMPED, age=200.0)


def test_whoever_leaves_within_the_ttl_is_no_straggler():
    """DNS changes at 100 s; an answer of 95 s may be used until 155 s."""
    (finding,) = judged(told(truth(), late(left_s=160)))

    assert (finding.verdict, finding.measured) == (Verdict.PASS, 0)


def test_whoever_follows_before_the_change_was_seen_is_no_straggler():
    """The answers of 90 s and 100 s enclose the change; a request at 95 s that goes to Virginia was right."""
    early = [reply(DUBLIN, EU, 85), reply(DUBLIN, US, 95), reply(DUBLIN, US, 105)]

    (finding,) = judged(told(truth(), early))

    assert finding.verdict is Verdict.PASS


def test_whoever_goes_ahead_of_dns_straggles():
    """At 75 s nobody had been led to Virginia, and the answer of 80 s led to Ireland still."""
    early = [reply(DUBLIN, EU, 65), reply(DUBLIN, US, 75), reply(DUBLIN, EU, 85)]

    assert judged(told(truth(), early))[0].verdict is Verdict.FAIL


def test_a_straggler_is_named_with_its_reason_and_how_long():
    """From 162 s to the last request that went to Ireland, at 290 s."""
    overall, of_dublin = judged(told(truth(), CLAMPED))

    assert (overall.verdict, of_dublin.verdict, of_dublin.subject) == (Verdict.FAIL, Verdict.FAIL, DUBLIN)
    assert of_dublin.measured == 128
    assert "was served by eu-west-1, though DNS led to us-east-1, from 162.0 s on for 128.0 s" in of_dublin.explanation
    assert f"(13 requests, 0 failed) because {Reason.CLAMPED.value}" in of_dublin.explanation


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"beyond_ttl": BeyondTtl.CLAMPED, "age": 200.0}, Reason.CLAMPED),
        ({"beyond_ttl": BeyondTtl.STALE, "age": 200.0}, Reason.STALE),
        # A resolver that owns up to a stale answer gives it a new TTL.
        ({"beyond_ttl": BeyondTtl.STALE, "age": 5.0, "beyond_ttl_because": "it says so"}, Reason.STALE),
        ({"beyond_ttl": BeyondTtl.PINNED, "age": 200.0, "connection_age_s": 200.0}, Reason.PINNED),
        ({"connection_age_s": 200.0, "age": 200.0}, Reason.PINNED),
        ({"subnet": SubnetFate.NOT_SENT}, Reason.NO_SUBNET),
        ({"subnet": SubnetFate.DROPPED}, Reason.NO_SUBNET),
        ({}, Reason.UNEXPLAINED),
        # Said to be clamped, but the answer was young: what is said is no evidence.
        ({"beyond_ttl": BeyondTtl.CLAMPED, "age": 30.0}, Reason.UNEXPLAINED),
        # It went on over an old connection, but that is not why: the answer had not expired when it was asked.
        ({"connection_age_s": 20.0, "age": 30.0}, Reason.UNEXPLAINED),
    ],
)
def test_the_reason_is_what_was_seen_of_the_request(facts: dict[str, Any], reason: Reason):
    _, of_dublin = judged(told(truth(), late(**facts)))

    assert of_dublin.explanation.endswith(reason.value)


def test_a_declared_behaviour_is_no_evidence():
    """The vantage says that its resolver clamps; nothing that was seen says so."""
    declared = (msgspec.structs.replace(VANTAGES[0], resolver=Resolver(ttl_min_s=300.0)),)

    _, of_dublin = judged(told(truth(), late(), vantages=declared))

    assert of_dublin.explanation.endswith(Reason.UNEXPLAINED.value)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"extended_error": 3}, Reason.STALE),
        ({"ttl_s": 250.0}, Reason.CLAMPED),
        # An answer that would have lived to 231 s: most requests to Ireland came later.
        ({"ttl_s": 70.0}, Reason.UNEXPLAINED),
        ({"subnet": SubnetFate.DROPPED}, Reason.NO_SUBNET),
        ({"ttl_s": 20.0}, Reason.UNEXPLAINED),
    ],
)
def test_a_resolver_of_somebody_elses_gives_itself_away_by_its_answers(facts: dict[str, Any], reason: Reason):
    answer = msgspec.structs.replace(dns(DUBLIN, EU, 161, way=DnsWay.RECURSIVE), **facts)

    _, of_dublin = judged(told(truth(), late(), answer))

    assert f"because {reason.value}" in of_dublin.explanation


def test_several_reasons_are_all_told():
    requests = [
        asked(at_s, EU, age=200.0, beyond_ttl=BeyondTtl.STALE if at_s > 200 else BeyondTtl.CLAMPED)
        for at_s in range(170, 300, 10)
    ]

    _, of_dublin = judged(told(truth(), requests))

    assert f"because {Reason.STALE.value}; 4 of them because {Reason.CLAMPED.value}" in of_dublin.explanation
    assert "and longer" in of_dublin.explanation


def test_a_request_that_failed_straggles_by_its_address():
    requests = [
        asked(at_s, None, ok=False, address=ADDRESS[EU], beyond_ttl=BeyondTtl.PINNED, age=200.0)
        for at_s in range(170, 300, 10)
    ]

    _, of_dublin = judged(told(truth(), requests))

    assert "(13 requests, 13 failed)" in of_dublin.explanation


def test_a_place_whose_subnet_never_arrives_straggles_from_its_first_request_on():
    """DNS leads its subnet to Ireland and Virginia, yet it is served by Sydney all along: 0 to 390 s."""
    requests = [asked(at_s, AP, subnet=SubnetFate.NOT_SENT) for at_s in range(0, 400, 10)]

    _, of_dublin = judged(told(truth(), requests))

    assert of_dublin.measured == 390
    assert of_dublin.explanation.endswith(Reason.NO_SUBNET.value)


def test_the_evidence_is_of_the_reason():
    history = told(truth(), CLAMPED)

    _, of_dublin = judged(history)

    assert of_dublin.evidence
    seen = [history[index] for index in of_dublin.evidence]
    assert all(isinstance(event, HttpReply) and event.beyond_ttl is BeyondTtl.CLAMPED for event in seen)


def test_name_servers_that_change_late_make_stragglers_of_all_they_lead():
    """Ireland breaks at 62 s; DNS may take 114 s, until 176 s, and takes 150 s, until 212 s: seen at 215 s."""
    history = Story(detect_s=100, dns_s=150).history()

    _, *each = judged(history)

    assert {finding.verdict for finding in each} == {Verdict.FAIL}
    assert {finding.subject for finding in each} == {DUBLIN, "frankfurt"}
    assert {finding.measured for finding in each} == {39}
    assert all(Reason.LATE_DNS.value in finding.explanation for finding in each)


def test_an_orderly_failover_has_no_stragglers():
    assert [finding.verdict for finding in judged(Story().history())] == [Verdict.PASS]


def test_without_dns_or_without_requests_nothing_is_known():
    assert judged(told(truth()))[0].verdict is Verdict.UNKNOWN
    assert judged(told(CLAMPED))[0].verdict is Verdict.UNKNOWN


BOTH = (VANTAGES[0], VANTAGES[3])
FOLLOWING = [event for at_s in range(0, 400, 10) for event in (dns(SYDNEY, AP, at_s), reply(SYDNEY, AP, at_s))]


def named(reason: Reason, *events: Any) -> list[Finding]:
    return judged(told(truth(), *events, vantages=BOTH), StragglersNamed(expected={DUBLIN: reason}))


def test_a_straggler_that_is_expected_and_explained_passes_and_tells_how_long():
    of_dublin, others = named(Reason.CLAMPED, CLAMPED, FOLLOWING)

    assert (of_dublin.verdict, of_dublin.measured, others.verdict) == (Verdict.PASS, 128, Verdict.PASS)


def test_the_wrong_reason_fails():
    of_dublin, _ = named(Reason.STALE, CLAMPED, FOLLOWING)

    assert of_dublin.verdict is Verdict.FAIL


def test_a_straggler_that_did_not_straggle_is_unknown():
    of_dublin, _ = named(Reason.CLAMPED, late(left_s=150), FOLLOWING)

    assert of_dublin.verdict is Verdict.UNKNOWN


def test_one_that_nobody_expected_fails():
    astray = [reply(SYDNEY, EU, at_s) for at_s in (205, 215)]

    _, others = named(Reason.CLAMPED, CLAMPED, FOLLOWING, astray)

    assert others.verdict is Verdict.FAIL
    assert "sydney was served by eu-west-1" in others.explanation


def test_where_nobody_else_was_watched_nobody_else_is_cleared():
    _, others = named(Reason.CLAMPED, CLAMPED)

    assert others.verdict is Verdict.UNKNOWN
