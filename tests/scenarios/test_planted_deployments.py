"""A stack deployed wrong is found, resource by resource: each planted defect fails the rule that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import EU, US, a_header

from harness.aws import Aws
from harness.checkers.checks import DeployedAsPrescribed, judge
from harness.deployment.deploy import Deployer
from harness.deployment.describe import describe
from harness.deployment.plan import DeployPlan
from harness.deployment.reference import templates_for
from harness.deployment.snapshot import read_deployment
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History

pytestmark = pytest.mark.lab

Template = dict[str, Any]
Plant = Callable[[dict[str, Template]], None]


def of_type(template: Template, kind: str) -> dict[str, Any]:
    (found,) = [resource for resource in template["Resources"].values() if resource["Type"] == kind]
    return found["Properties"]


def without_a_health_check(templates: dict[str, Template]) -> None:
    del of_type(templates[EU], "AWS::Route53::RecordSet")["HealthCheckId"]


def checking_a_wrong_path(templates: dict[str, Template]) -> None:
    of_type(templates[EU], "AWS::Route53::HealthCheck")["HealthCheckConfig"]["ResourcePath"] = "/prod/healthy"


def leading_to_another_regions_api(templates: dict[str, Template]) -> None:
    """eu-west-1's record leads to a domain target in us-east-1; Z1UJRXOUMOOFQ8 is that region's zone for them."""
    alias = of_type(templates[EU], "AWS::Route53::RecordSet")["AliasTarget"]
    alias["DNSName"] = "d-other.execute-api.us-east-1.amazonaws.com"
    alias["HostedZoneId"] = "Z1UJRXOUMOOFQ8"


def missing_a_replica(templates: dict[str, Template]) -> None:
    table = of_type(templates[US], "AWS::DynamoDB::GlobalTable")
    table["Replicas"] = [replica for replica in table["Replicas"] if replica["Region"] != EU]


def switched_to_sick(templates: dict[str, Template]) -> None:
    of_type(templates[EU], "AWS::ApiGateway::Stage")["Variables"]["HEALTH"] = "503"


def with_an_inverted_check(templates: dict[str, Template]) -> None:
    of_type(templates[EU], "AWS::Route53::HealthCheck")["HealthCheckConfig"]["Inverted"] = True


def with_an_old_tls(templates: dict[str, Template]) -> None:
    of_type(templates[EU], "AWS::ApiGateway::DomainName")["SecurityPolicy"] = "TLS_1_0"


@pytest.fixture
def deployed(lab_plan: DeployPlan, tmp_path: Path) -> Callable[[Plant], list[Finding]]:
    """Deploys a stack of its own with the planted defect and returns what the rules find."""

    def deploy_and_judge(plant: Plant) -> list[Finding]:
        plan = msgspec.structs.replace(
            lab_plan, stack_name="Planted", table_name="Planted", domain_name="planted.example.test"
        )
        templates = {
            region: json.loads(path.read_text()) for region, path in templates_for(plan.regions, tmp_path).items()
        }
        plant(templates)
        paths = {region: tmp_path / f"{region}.json" for region in templates}
        for region, path in paths.items():
            path.write_text(json.dumps(templates[region]))
        aws, clock = Aws(plan.endpoints.aws_url), plan.new_clock()
        deployer = Deployer(aws, clock, lambda _progress: None)
        deployer.destroy(plan.stack_name, plan.regions)
        deployer.deploy(plan, paths)
        stack = describe(aws, plan.stack_name, plan.regions)
        seen = read_deployment(aws, stack, clock)
        experiment = ExperimentEvent(
            start_s=seen.start_s,
            end_s=seen.end_s,
            source="test",
            experiment="deployment",
            question="",
            steady_until_s=seen.end_s,
        )
        return judge(History([a_header(stack=stack), seen, experiment]), "deployment", (DeployedAsPrescribed(),))

    return deploy_and_judge


def test_the_templates_as_they_are_pass_every_rule(deployed: Callable[[Plant], list[Finding]]) -> None:
    findings = deployed(lambda _templates: None)

    assert [finding for finding in findings if finding.verdict is not Verdict.PASS] == []
    assert len(findings) > 50


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (without_a_health_check, "withdrawn when eu-west-1 is sick"),
        (checking_a_wrong_path, "/prod/healthy"),
        (leading_to_another_regions_api, "d-other.execute-api.us-east-1.amazonaws.com"),
        (missing_a_replica, "eu-west-1"),
        (switched_to_sick, "503"),
        (with_an_inverted_check, "inverted"),
        (with_an_old_tls, "TLS_1_0"),
    ],
)
def test_a_planted_defect_fails_and_is_named(
    plant: Plant, told: str, deployed: Callable[[Plant], list[Finding]]
) -> None:
    failures = [finding for finding in deployed(plant) if finding.verdict is Verdict.FAIL]

    assert failures
    assert any(told in f"{finding.claim} {finding.explanation}" for finding in failures), failures
    # One defect, few failures: the rules name what is wrong and do not blame its neighbours.
    assert len(failures) <= 3
