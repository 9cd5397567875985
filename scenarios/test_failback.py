"""When a region that was gone is back, do its users return without errors, and not all at once?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CalmFailback,
    CheckersOnTime,
    FailbackInTime,
    FaultProven,
    Paced,
    SteadyAfter,
    SteadyState,
)
from harness.checkers.limits import client_limit
from harness.experiment import Experiment
from harness.faults.health_broken import HealthBroken
from harness.probes.live import all_of, check_healthy, dns_home, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName

# Sixteen places are enough for a crowd, and leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one; more of the sixteen users live near it than near the others."""
    load_at_most: float = 1.5
    share_at_once_at_most: float = 0.9
    """Of six users: five within ten seconds happen by chance once in fifty times, all six once in a thousand."""
    at_most_failed_share: float = 0.0


@pytest.mark.destructive
def test_users_come_home_without_errors_and_without_a_stampede(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """Health alone breaks, so that every error there is comes from going away and coming back."""
    stack, home = run.target.stack, run.home
    region = parameters.region or stack.region_names[1]
    patience_s = client_limit(stack, Allowances()).at_most_s + 30
    conduct(
        Experiment(
            name=f"failback-{region}",
            question=f"When {region} is back, do its users return without errors, and not all at once?",
            faults=(HealthBroken(region=region),),
            steady=lambda since_s: every_vantage_home(home, since_s=since_s),
            hold_until=lambda since_s: all_of(
                dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
            ),
            hold_at_most_s=patience_s,
            hold_more_s=5.0,
            recovered=lambda since_s: all_of(
                check_healthy(region, since_s=since_s),
                dns_home(home, since_s=since_s),
                every_vantage_home(home, since_s=since_s),
            ),
            recover_at_most_s=patience_s,
            steady_s=30.0,
            probes=ProbePlan(path=item_path),
            checks=(
                SteadyState(),
                FaultProven(),
                FailbackInTime(region=region),
                CalmFailback(
                    region=region,
                    load_at_most=parameters.load_at_most,
                    share_at_once_at_most=parameters.share_at_once_at_most,
                    at_most_failed_share=parameters.at_most_failed_share,
                ),
                SteadyAfter(),
                CheckersOnTime(),
                Paced(),
            ),
        )
    )
