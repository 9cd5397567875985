"""When an operator takes a region out of DNS by hand, by weights or an inverted check, how soon is it empty?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import EvacuatedInTime, FailedRequests, FaultProven, Paced, SteadyAfter, SteadyState
from harness.experiment import Experiment
from harness.faults.catalogue import AnyFault
from harness.faults.health_check_inverted import HealthCheckInverted
from harness.faults.record_weighted import RecordWeighted
from harness.probes.live import all_of, dns_home, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName

# Few places are enough to see a region run empty, and they leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")

RECORDS_PROPAGATE_S = 60.0
"""Changes of records "generally propagate to all Route 53 servers within 60 seconds"."""
STATUS_PROPAGATES_S = 10.0
"""From a health check's status to the name servers; AWS publishes no figure."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one."""


@pytest.mark.destructive
def test_weights_take_a_region_out_of_dns(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """Nobody is led to the nearest region any more; what counts is that nobody is led to this one."""
    region = parameters.region or run.target.stack.region_names[1]
    conduct(evacuation(run, "by-weight", RecordWeighted(region=region), item_path, RECORDS_PROPAGATE_S))


@pytest.mark.destructive
def test_an_inverted_health_check_takes_a_region_out_of_dns(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    region = parameters.region or run.target.stack.region_names[1]
    conduct(evacuation(run, "by-inversion", HealthCheckInverted(region=region), item_path, STATUS_PROPAGATES_S))


def evacuation(run: Run, how: str, fault: AnyFault, item_path: str, propagation_s: float) -> Experiment:
    (region,), home, stack = fault.regions, run.home, run.target.stack
    patience_s = propagation_s + stack.record_ttl_s + 60.0
    return Experiment(
        name=f"evacuation-{how}-{region}",
        question=f"How soon is {region} empty when an operator takes it out {how.replace('-', ' ')}?",
        faults=(fault,),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_until=lambda since_s: all_of(
            dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
        ),
        hold_at_most_s=patience_s,
        hold_more_s=10.0,
        recovered=lambda since_s: all_of(dns_home(home, since_s=since_s), every_vantage_home(home, since_s=since_s)),
        recover_at_most_s=patience_s,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            FaultProven(),
            EvacuatedInTime(region=region, propagation_s=propagation_s),
            # The region is well all the while: whoever has not left it yet is still served there.
            FailedRequests(region=region, at_most_share=0.0),
            SteadyAfter(),
            Paced(),
        ),
    )
