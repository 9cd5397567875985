from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from builders import AP, DUBLIN, EU, a_fault, a_history, an_experiment, deployment, dns, gap, health, reply

from harness.events import AnyEvent, DeployedResource, Note
from harness.findings import Finding
from harness.report.evidence import describe, evidence_lines

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
