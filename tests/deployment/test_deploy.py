"""Deployments to the lab: repeated, refused, and given up, each told in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.aws import Aws
from harness.deployment.deploy import Deployer, Progress
from harness.deployment.describe import describe
from harness.deployment.plan import DeployPlan
from harness.deployment.reference import deploy_reference, templates_for
from harness.errors import DeployFailed, NotDeployed, TargetError

pytestmark = pytest.mark.lab


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def make_deployer(lab_plan: DeployPlan, told: list[Progress]) -> Callable[[], Deployer]:
    return lambda: Deployer(Aws(lab_plan.endpoints.aws_url), lab_plan.new_clock(), told.append)


@pytest.fixture
def second_plan(lab_plan: DeployPlan) -> DeployPlan:
    """Beside the tests' stack: another name, table and domain."""
    return msgspec.structs.replace(
        lab_plan, stack_name="Second", table_name="Second", domain_name="second.example.test"
    )


@pytest.mark.usefixtures("lab_target")
def test_a_second_deployment_changes_nothing(
    lab_plan: DeployPlan, told: list[Progress], tmp_path: Path, make_deployer: Callable[[], Deployer]
) -> None:
    make_deployer().deploy(lab_plan, templates_for(lab_plan.regions, tmp_path))

    assert sorted((progress.region, progress.status) for progress in told) == sorted(
        (region, "UNCHANGED") for region in lab_plan.regions
    )


def test_a_stack_that_is_not_there_is_told_with_the_next_step(lab_plan: DeployPlan) -> None:
    with pytest.raises(NotDeployed, match="stack Nowhere is not deployed in us-east-1: run `harness deploy` first"):
        describe(Aws(lab_plan.endpoints.aws_url), "Nowhere", lab_plan.regions)


def test_deleting_what_is_not_there_is_no_error(
    lab_plan: DeployPlan, told: list[Progress], make_deployer: Callable[[], Deployer]
) -> None:
    make_deployer().destroy("Nowhere", lab_plan.regions)

    assert {progress.status for progress in told} == {"ABSENT"}


def test_a_domain_outside_the_zone_is_refused_before_anything_is_created(second_plan: DeployPlan) -> None:
    plan = msgspec.structs.replace(second_plan, domain_name="api.example.org")

    with pytest.raises(TargetError, match=r"domain api\.example\.org is not in hosted zone .* \(example\.test\)"):
        deploy_reference(plan, lambda _progress: None, lambda _text: None)

    with pytest.raises(NotDeployed):
        describe(Aws(plan.endpoints.aws_url), plan.stack_name, plan.regions)


def test_a_failure_names_region_resource_and_reason_and_how_to_go_on(
    second_plan: DeployPlan, tmp_path: Path, make_deployer: Callable[[], Deployer]
) -> None:
    plan = msgspec.structs.replace(second_plan, hosted_zone_id="ZWRONG")
    templates = templates_for(plan.regions, tmp_path)
    try:
        with pytest.raises(DeployFailed, match=r"in us-east-1 ended ROLLBACK_COMPLETE: .*LatencyRecord: .*ZWRONG"):
            make_deployer().deploy(plan, templates)
        with pytest.raises(DeployFailed, match="cannot update: run `harness destroy`, then deploy again"):
            make_deployer().deploy(plan, templates)
    finally:
        make_deployer().destroy(plan.stack_name, plan.regions)
