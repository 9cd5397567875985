"""When a region fails its users but not its health check: who suffers, for how long, and what would have seen it?

The reference stack is deployed with the shallow health path, and that this one does not see the table is documented: a
scenario passes when what is documented is what happens, and says what users suffered meanwhile. Whoever does not want
that says how long users may suffer (`--set users_may_suffer_s=60`), and gets a FAIL.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CheckersOnTime,
    DetectedInTime,
    DnsChangedInTime,
    FaultProven,
    FaultSight,
    Paced,
    RoutedToNextNearest,
    Sight,
    SteadyAfter,
    SteadyState,
    UntouchedStayedPut,
    UsersSuffered,
    VantagesRecovered,
)
from harness.checkers.limits import client_limit, detection_limit
from harness.experiment import Experiment
from harness.faults.catalogue import AnyFault
from harness.faults.fault import inject
from harness.faults.health_check_repointed import HealthCheckRepointed
from harness.faults.table_denied import TableDenied
from harness.faults.throttled import MethodThrottled
from harness.probes.live import all_of, check_healthy, dns_home, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName, Stack

DEEP = "/health/deep"

# Few places are enough to see one region's users suffer, and they leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one."""
    users_may_suffer_s: float | None = None
    """Absent: what they suffer is measured, and no judge of it."""
    hold_more_s: float = 10.0


@pytest.mark.destructive
@pytest.mark.parametrize("kind", ["table-denied", "method-throttled"])
def test_users_suffer_while_the_shallow_health_check_stays_green(
    kind: str, run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    region = parameters.region or run.target.stack.region_names[1]
    faults: dict[str, AnyFault] = {
        "table-denied": TableDenied(region=region),
        "method-throttled": MethodThrottled(region=region, methods=("GET /data/{pk}",)),
    }
    conduct(gray_failure(run, faults[kind], region, item_path, parameters))


@pytest.mark.destructive
def test_with_the_deep_health_check_the_region_is_left(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """The health check is led to the deep path first, as one deployed with it would be: journalled and undone too."""
    stack = run.target.stack
    region = parameters.region or stack.region_names[1]
    deep = HealthCheckRepointed(region=region, path=f"/{stack.in_region(region).stage}{DEEP}")
    with inject(deep, run.target, run.recorder, run.journal):
        conduct(seen_failure(run, TableDenied(region=region), region, item_path, parameters))


def gray_failure(run: Run, fault: AnyFault, region: RegionName, item_path: str, parameters: Parameters) -> Experiment:
    """Holds a fault that users feel for as long as a health check that sees it would need to go red."""
    stack, home = run.target.stack, run.home
    return Experiment(
        name=f"gray-{fault.name}-{region}",
        question=f"Is it as documented what users of {region} suffer and its health check sees under {fault.name}?",
        faults=(fault,),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_more_s=detection_limit(stack, Allowances()).at_most_s + parameters.hold_more_s,
        recovered=lambda since_s: all_of(
            check_healthy(region, since_s=since_s), every_vantage_home(home, since_s=since_s)
        ),
        recover_at_most_s=client_limit(stack, Allowances()).at_most_s + 30,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            FaultProven(),
            FaultSight(region=region, documented=documented(stack, fault)),
            UsersSuffered(region=region, at_most_s=parameters.users_may_suffer_s),
            SteadyAfter(),
            Paced(),
        ),
    )


def documented(stack: Stack, fault: AnyFault) -> Sight:
    """What follows from what the deployed health check asks: the deep path reads the table, neither is throttled."""
    return Sight.SEEN if fault.name == "table-denied" and stack.health_check_path == DEEP else Sight.BLIND


def seen_failure(run: Run, fault: AnyFault, region: RegionName, item_path: str, parameters: Parameters) -> Experiment:
    """The same fault under a health check that sees it: a failover."""
    stack, home = run.target.stack, run.home
    limit = client_limit(stack, Allowances())
    return Experiment(
        name=f"gray-{fault.name}-{region}-deep",
        question=f"With a health check that reads the table, is {region} left when {fault.name} hits its users?",
        faults=(fault,),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_until=lambda since_s: all_of(
            dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
        ),
        hold_at_most_s=limit.at_most_s + 30,
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
            FaultSight(region=region, documented=Sight.SEEN),
            UsersSuffered(region=region, at_most_s=parameters.users_may_suffer_s or limit.at_most_s),
            DetectedInTime(region=region),
            DnsChangedInTime(region=region),
            VantagesRecovered(region=region),
            RoutedToNextNearest(region=region),
            UntouchedStayedPut(region=region),
            SteadyAfter(),
            CheckersOnTime(),
            Paced(),
        ),
    )
