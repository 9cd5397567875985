from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from builders import AP, DUBLIN, EU, a_fault, a_history, an_experiment, deployment, dns, gap, health, reply

from harness.events import AnyEvent, DeployedResource, HttpReply, Note
from harness.findings import Finding
from harness.report.evidence import describe, evidence_lines
from harness.resolving import BeyondTtl, DnsWay, SubnetFate

RESOURCE = DeployedResource(region=EU, resource="AWS::Route53::RecordSet euApi", properties={"ttl": "60"})


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (dns(DUBLIN, EU, 1), "DNS to dublin: 127.2.0.1 (eu-west-1)"),
        (dns(DUBLIN, None, 1, rcode="NXDOMAIN"), "DNS to dublin: NXDOMAIN without an address"),
        (reply(DUBLIN, EU, 1), "GET /health from dublin: HTTP 200 by eu-west-1"),
        (
            msgspec.structs.replace(reply(DUBLIN, None, 1, ok=False), error="refused"),
            "GET /health from dublin: refused",
        ),
        (health(EU, False, 1), "health check of eu-west-1 unhealthy: 0 of 16 checkers"),
        (health(EU, None, 1), "health check of eu-west-1 could not be read: no reason given"),
        (a_fault(EU)[3], "health-broken in eu-west-1 rolling back"),
        (gap(DUBLIN, 1, 2), "1 https look of dublin left out: late"),
        (Note(start_s=1, end_s=1, source="me", text="coffee"), "coffee"),
        (an_experiment(aborted="not steady"), "experiment e stopped: not steady"),
    ],
)
def test_an_event_is_told_on_one_line(event: AnyEvent, told: str) -> None:
    assert describe(event) == told


def straggler(**fields: object) -> HttpReply:
    return msgspec.structs.replace(reply(DUBLIN, EU, 200), resolved_s=100.0, ttl_s=60.0, **fields)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            straggler(beyond_ttl=BeyondTtl.CLAMPED),
            "by an answer 100.0 s old, TTL 60 s: the resolver keeps answers longer than their TTL",
        ),
        (straggler(connection_age_s=90.0), "over a connection opened 90.0 s before"),
        (straggler(subnet=SubnetFate.DROPPED), "the client subnet was dropped on the way"),
        (straggler(refused=("127.1.0.1", "127.1.0.2")), "127.1.0.1 and 127.1.0.2 could not be connected to"),
        (straggler(cache=2), "from cache 2 of its resolver"),
        (
            msgspec.structs.replace(dns(DUBLIN, EU, 1), way=DnsWay.RECURSIVE, subnet=SubnetFate.DROPPED),
            "127.2.0.1 (eu-west-1) by 127.0.0.1:53; the client subnet was dropped on the way",
        ),
    ],
)
def test_what_was_not_plain_about_the_way_is_told(event: AnyEvent, told: str) -> None:
    assert describe(event).endswith(told)


def test_of_a_deployment_only_the_resource_in_question_is_told() -> None:
    seen = deployment(RESOURCE, DeployedResource(region=AP, resource="other"))

    assert describe(seen, RESOURCE.resource) == "AWS::Route53::RecordSet euApi in eu-west-1: ttl 60"


def test_a_resource_that_was_not_deployed_is_told_to_be_missing() -> None:
    assert describe(deployment(RESOURCE), "a table") == "1 resource read back; a table is not among them"


def test_evidence_names_index_and_time(a_finding: Callable[..., Finding]) -> None:
    history = a_history(reply(DUBLIN, EU, 1, took_s=0.5))

    assert evidence_lines(history, a_finding(evidence=(1,))) == [
        "event 1, 1.0 to 1.5 s: GET /health from dublin: HTTP 200 by eu-west-1"
    ]


def test_evidence_that_the_history_lost_is_told(a_finding: Callable[..., Finding]) -> None:
    (line,) = evidence_lines(a_history(), a_finding(evidence=(7,)))

    assert line == "event 7 is not in this history: it was judged by a longer one"
