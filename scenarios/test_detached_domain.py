"""When the health check asks another host than users do, what does it miss, and what does it call sick that is well?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CheckersOnTime,
    DetectedInTime,
    FaultProven,
    FaultSight,
    Paced,
    Sight,
    SteadyAfter,
    SteadyState,
    UsersSuffered,
)
from harness.checkers.limits import client_limit, detection_limit
from harness.experiment import Experiment
from harness.faults.domain_detached import DomainDetached
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.probes.live import all_of, check_healthy, check_unhealthy, dns_home, every_vantage_home
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName

# Few places are enough to see one region's users suffer, and they leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one."""
    users_may_suffer_s: float | None = None
    """Absent: what they suffer is measured, and no judge of it."""
    hold_more_s: float = 10.0


@pytest.mark.destructive
def test_a_detached_domain_is_found_though_the_health_check_is_green(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """403 for everybody who comes by the common name, and a health check on the API's own host that is content."""
    stack, home = run.target.stack, run.home
    region = parameters.region or stack.region_names[1]
    conduct(
        Experiment(
            name=f"detached-domain-{region}",
            question=f"Is it as documented what users and health check see of a detached domain in {region}?",
            faults=(DomainDetached(region=region),),
            steady=lambda since_s: every_vantage_home(home, since_s=since_s),
            hold_more_s=detection_limit(stack, Allowances()).at_most_s + parameters.hold_more_s,
            recovered=lambda since_s: every_vantage_home(home, since_s=since_s),
            recover_at_most_s=client_limit(stack, Allowances()).at_most_s + 30,
            probes=ProbePlan(path=item_path),
            checks=(
                SteadyState(),
                FaultProven(),
                FaultSight(region=region, documented=Sight.BLIND),
                UsersSuffered(region=region, at_most_s=parameters.users_may_suffer_s),
                SteadyAfter(),
                Paced(),
            ),
        )
    )


@pytest.mark.destructive
def test_a_disabled_endpoint_is_a_false_alarm(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """The other way round: the host that the health check asks refuses, and nobody who comes by the domain notices."""
    stack, home = run.target.stack, run.home
    region = parameters.region or stack.region_names[1]
    limit = client_limit(stack, Allowances())
    conduct(
        Experiment(
            name=f"false-alarm-{region}",
            question=f"Is it as documented that {region} is called sick when only the API's own host refuses?",
            faults=(EndpointDisabled(region=region),),
            steady=lambda since_s: every_vantage_home(home, since_s=since_s),
            hold_until=lambda since_s: check_unhealthy(region, since_s=since_s),
            hold_at_most_s=limit.at_most_s,
            hold_more_s=parameters.hold_more_s,
            recovered=lambda since_s: all_of(
                check_healthy(region, since_s=since_s),
                dns_home(home, since_s=since_s),
                every_vantage_home(home, since_s=since_s),
            ),
            recover_at_most_s=limit.at_most_s + 30,
            probes=ProbePlan(path=item_path),
            checks=(
                SteadyState(),
                FaultProven(),
                FaultSight(region=region, documented=Sight.FALSE_ALARM),
                UsersSuffered(region=region, at_most_s=parameters.users_may_suffer_s),
                DetectedInTime(region=region),
                SteadyAfter(),
                CheckersOnTime(),
                Paced(),
            ),
        )
    )
