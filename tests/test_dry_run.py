"""A dry run tells every call and makes none that changes anything."""

from __future__ import annotations

import json

import msgspec
import pytest
from builders import EU, US, a_stack
from fault_looks import read_back

from harness.audit import LoggedCall
from harness.checkers.checks import FaultProven
from harness.dry_run import changes_refused, planned
from harness.errors import WouldChange
from harness.experiment import STEADY_WITHIN_S, Experiment
from harness.faults.calls import carry_out
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.faults.health_broken import HealthBroken
from harness.faults.table_denied import TableDenied
from harness.guards import Alarm, CostCeiling
from harness.guards.prices import Prices
from harness.permissions import policy_for
from harness.probes.watch import ProbePlan
from harness.target import Target
from harness.workload import Workload


def experiment(**fields: object) -> Experiment:
    told: dict[str, object] = {
        "name": "e",
        "question": "?",
        "checks": (FaultProven(),),
        "faults": (HealthBroken(region=EU), EndpointDisabled(region=US), TableDenied(region=US)),
        "hold_at_most_s": 100.0,
        "recover_at_most_s": 50.0,
    }
    return Experiment(**{**told, **fields})  # type: ignore[arg-type]


@pytest.fixture
def target(lab_target: Target) -> Target:
    return Target(lab_target.stack, lab_target.endpoints, name="lab")


@pytest.mark.lab
def test_it_tells_the_calls_and_only_reads(target: Target, lab_target: Target) -> None:
    heard: list[LoggedCall] = []
    target.aws.calls.listen(heard.append)
    before = read_back(lab_target)
    told = planned(experiment(), target, vantages=0)

    api_id = target.stack.in_region(EU).rest_api_id
    (call,) = told.faults[0].calls
    assert call.startswith(f"aws apigateway update-stage --region {EU} --rest-api-id {api_id} --stage-name prod")
    assert [len(fault.calls) for fault in told.faults] == [1, 2, 1]
    assert told.faults[2].ends_itself_after_s == 3600
    assert heard
    assert not any(call.changes for call in heard)
    assert read_back(lab_target) == before


@pytest.mark.lab
def test_a_call_that_would_change_something_is_not_even_sent(target: Target) -> None:
    fault, sent = HealthBroken(region=EU), []
    snapshot = fault.snapshot(target)
    target.apigateway(EU).meta.events.register("before-send", lambda **_: sent.append(1))
    with changes_refused(target), pytest.raises(WouldChange, match="apigateway UpdateStage would have been called"):
        carry_out(fault.changes(target.stack, snapshot), target)

    assert sent == []
    carry_out(fault.undoing(target.stack, snapshot), target)
    assert sent == [1]


@pytest.mark.lab
def test_time_is_every_wait_to_its_end_and_traffic_is_counted_for_all_of_it(target: Target) -> None:
    """Twice 20 s steady and 10 s more: 50 s. At most 120 + 40 + 110 held + 50 recovering + 2 × 60 of looking: 440 s.
    10 vantages ask every 5 s over HTTPS and every second over DNS: 880 and 4400, and each request resolves."""
    told = planned(experiment(faults=(HealthBroken(region=EU),), probes=ProbePlan(path="/data/x")), target, vantages=10)

    assert STEADY_WITHIN_S == 120
    assert (told.at_least_s, told.at_most_s) == (50, 440)
    assert (told.usage.https_requests, told.usage.dns_answers) == (880, 5280)
    assert told.cost is None


@pytest.mark.lab
def test_cost_is_told_when_prices_are_given(target: Target) -> None:
    guard = CostCeiling(at_most=5, prices=Prices(million_https_requests=1e6))
    told = planned(
        experiment(faults=(HealthBroken(region=EU),), probes=ProbePlan(path="/data/x"), guards=(guard,)),
        target,
        vantages=10,
    )

    assert told.cost == pytest.approx(880)


@pytest.mark.lab
def test_permissions_are_those_of_watching_of_the_faults_and_of_what_else_it_does(target: Target) -> None:
    plain = set(planned(experiment(faults=(HealthBroken(region=EU),)), target, vantages=0).iam_actions)
    more = planned(
        experiment(workloads=(Workload(run="w", seed=1),), guards=(Alarm(name="a", region=EU),)), target, vantages=0
    )

    assert {"apigateway:PATCH", "route53:GetHealthCheckStatus"} <= plain
    assert not {"dynamodb:PutItem", "dynamodb:PutResourcePolicy", "cloudwatch:DescribeAlarms"} & plain
    assert {"dynamodb:PutItem", "dynamodb:PutResourcePolicy", "cloudwatch:DescribeAlarms"} <= set(more.iam_actions)


def test_the_policy_names_the_stacks_resources_and_no_others() -> None:
    document = json.loads(
        msgspec.json.encode(policy_for(["route53:UpdateHealthCheck", "dynamodb:PutItem"], a_stack(EU)))
    )

    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "HarnessDynamodb",
                "Effect": "Allow",
                "Action": ["dynamodb:PutItem"],
                "Resource": [
                    f"arn:aws:dynamodb:{EU}:*:table/demo",
                    f"arn:aws:dynamodb:{EU}:*:table/demo/stream/*",
                ],
            },
            {
                "Sid": "HarnessRoute53",
                "Effect": "Allow",
                "Action": ["route53:UpdateHealthCheck"],
                "Resource": [
                    "arn:aws:route53:::hostedzone/Z1",
                    "arn:aws:route53:::change/*",
                    f"arn:aws:route53:::healthcheck/check-{EU}",
                ],
            },
        ],
    }
