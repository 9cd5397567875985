"""Plans are checked before AWS is asked anything, and errors name the field, the value and the next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.deployment.plan import DeployPlan, plan_from_environment, plan_from_file
from harness.errors import InvalidPlan, UnknownRegion

PLAN = """
name = "staging"
domain_name = "api.example.com"
hosted_zone_id = "Z123"
regions = ["eu-west-1", "us-east-1"]
health_check_interval_s = 10
"""


def test_a_plan_file_gives_the_templates_parameters(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)

    assert plan_from_file(path).parameters() == {
        "HostedZoneId": "Z123",
        "DomainName": "api.example.com",
        "TableName": "GlobalApplication",
        "HealthCheckInterval": "10",
        "FailureThreshold": "3",
        "HealthCheckPath": "/health",
        "AllowFaults": "true",
    }


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("eu-wset-1", "did you mean eu-west-1?"),
        ("EU-West-1", "did you mean eu-west-1?"),
        ("mars", "`harness vantages list` shows those that are"),
    ],
)
def test_an_unknown_region_is_named_with_the_closest(region: str, told: str) -> None:
    with pytest.raises(UnknownRegion, match=rf"region '{region}' is not known; {re.escape(told)}"):
        DeployPlan(name="a", domain_name="d", hosted_zone_id="z", regions=("us-east-1", region))


def test_a_target_file_is_not_taken_for_a_plan(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan, match="a plan is a TOML file; JSON files are targets"):
        plan_from_file(tmp_path / "lab.json")


@pytest.mark.parametrize("regions", [("us-east-1",), ("us-east-1", "us-east-1"), ()])
def test_fewer_than_two_different_regions_are_no_multi_region_stack(regions: tuple[str, ...]) -> None:
    with pytest.raises(InvalidPlan, match="two or more"):
        DeployPlan(name="a", domain_name="d", hosted_zone_id="z", regions=regions)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("health_check_interval_s = 20", "health_check_interval_s"),
        ("failure_threshold = 11", "1 to 10"),
        ('colour = "red"', "colour"),
        ("regions = 3", "regions"),
        ("regions = [", "plan.toml"),
        ('regions = ["us-east-1"]', "plan.toml: regions us-east-1: name two or more"),
        ('regions = ["us-east-1", "eu-wst-1"]', "plan.toml: region 'eu-wst-1' is not known"),
    ],
)
def test_a_wrong_plan_file_names_the_file_and_the_field(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(f'name = "a"\ndomain_name = "d"\nhosted_zone_id = "z"\n{line}\n')
    with pytest.raises(InvalidPlan, match=told):
        plan_from_file(path)


def test_a_missing_variable_is_named_with_an_example() -> None:
    with pytest.raises(InvalidPlan, match=r"HOSTED_ZONE_ID not set: .*HOSTED_ZONE_ID=Z0123456789"):
        plan_from_environment({"DOMAIN_NAME": "api.example.com"})
