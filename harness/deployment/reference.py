"""Deploys the reference stack of infra/ from a plan, waits until it serves, and returns the target."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.aws import Aws
from harness.clock import Clock
from harness.deployment.deploy import Deployer, OnProgress
from harness.deployment.describe import describe
from harness.deployment.plan import DeployPlan
from harness.errors import DeployFailed
from harness.probes.endpoint import get_status
from harness.probes.health import HealthPoll
from harness.probes.preflight import check_domain
from harness.stack import RegionName
from harness.target import Target

HEALTHY_WITHIN_S = 900.0
POLL_EVERY_S = 5.0

Say = Callable[[str], None]


def deploy_reference(plan: DeployPlan, tell: OnProgress, say: Say) -> Target:
    """Returns when every region's health route answers and its health check is healthy.

    Raises:
        TargetError: the domain is not in the hosted zone. Checked first: its certificate would never be validated.
        DeployFailed: a stack failed, or a region was not healthy in time.
    """
    aws, clock = Aws(plan.endpoints.aws_url), plan.new_clock()
    check_domain(aws, plan.hosted_zone_id, plan.domain_name)
    with tempfile.TemporaryDirectory() as folder:
        Deployer(aws, clock, tell).deploy(plan, templates_for(plan.regions, Path(folder)))
    target = Target(describe(aws, plan.stack_name, plan.regions), plan.endpoints, name=plan.name)
    wait_until_healthy(target, clock, say)
    return target


def templates_for(regions: tuple[RegionName, ...], folder: Path) -> dict[RegionName, Path]:
    """The templates that came with the package for the default regions; others are synthesized, which needs [cdk]."""
    from infra.templates import DEFAULT_REGIONS, template_path

    if regions == tuple(DEFAULT_REGIONS):
        return {region: template_path(region) for region in regions}
    from infra.synth import synthesize

    return dict(synthesize(regions, folder))


def wait_until_healthy(target: Target, clock: Clock, say: Say) -> None:
    """Returns when, in every region, the health route answers 200 to 399 and Route 53's checkers agree."""
    poll = HealthPoll(target, clock)
    deadline_s = clock.now_s() + HEALTHY_WITHIN_S
    for regional in target.stack.regions:
        path = f"/{regional.stage}{target.stack.health_check_path}"
        say(f"waiting for https://{regional.execute_api_host}{path} and its health check")
        while True:
            status = get_status(target, regional.execute_api_host, path)
            observation = poll.look(regional)
            if status is not None and 200 <= status < 400 and observation.healthy:
                break
            if clock.now_s() > deadline_s:
                raise DeployFailed(
                    f"{regional.region}: https://{regional.execute_api_host}{path} gave {status or 'no answer'} and "
                    f"{observation.checkers_healthy} of {observation.checkers_total} checkers were healthy, still "
                    f"{HEALTHY_WITHIN_S:.0f} s after the deployment"
                )
            clock.sleep_until_s(clock.now_s() + POLL_EVERY_S)
