"""When a region is sick, are its users served by the next one, how soon, and do they come home afterwards?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CheckersOnTime,
    DetectedInTime,
    DnsChangedInTime,
    FailbackInTime,
    FailedRequests,
    FaultProven,
    Paced,
    RoutedToNextNearest,
    ServedByNearest,
    SteadyAfter,
    SteadyState,
    UntouchedStayedPut,
    VantagesRecovered,
)
from harness.checkers.limits import client_limit
from harness.experiment import Experiment
from harness.faults.health_broken import HealthBroken
from harness.probes.live import all_of, check_healthy, dns_home, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    hold_more_s: float = 10.0
    """How long the region stays broken after everyone left it."""
    at_most_failed_share: float = 0.01


DEFAULTS = Parameters()


@pytest.mark.destructive
def test_users_of_a_sick_region_fail_over_and_come_home(
    region: RegionName,
    run: Run,
    item_path: str,
    parameters: Parameters,
    conduct: Callable[[Experiment], None],
) -> None:
    conduct(failover(run, region, item_path, parameters))


def failover(run: Run, region: RegionName, item_path: str, parameters: Parameters = DEFAULTS) -> Experiment:
    """Breaks /health in `region` until every vantage has left it, then waits until everyone is home."""
    home = run.home
    patience_s = client_limit(run.target.stack, Allowances()).at_most_s + 30
    return Experiment(
        name=f"failover-{region}",
        question=f"When {region} is sick, are its users served by the next nearest region, and how soon?",
        faults=(HealthBroken(region=region),),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_until=lambda since_s: all_of(
            dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
        ),
        hold_at_most_s=patience_s,
        hold_more_s=parameters.hold_more_s,
        recovered=lambda since_s: all_of(
            check_healthy(region, since_s=since_s),
            dns_home(home, since_s=since_s),
            every_vantage_home(home, since_s=since_s),
        ),
        recover_at_most_s=patience_s,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            ServedByNearest(),
            FaultProven(),
            DetectedInTime(region=region),
            DnsChangedInTime(region=region),
            VantagesRecovered(region=region),
            RoutedToNextNearest(region=region),
            UntouchedStayedPut(region=region),
            FailedRequests(region=region, at_most_share=parameters.at_most_failed_share),
            FailbackInTime(region=region),
            SteadyAfter(),
            CheckersOnTime(),
            Paced(),
        ),
    )
