"""When health comes and goes, does DNS follow, with which period, and what do users see of it?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import CheckersOnTime, FaultProven, FlapsInDns, Paced, SteadyAfter, SteadyState
from harness.checkers.detection import detection_bounds_s
from harness.checkers.flapping import Follows
from harness.experiment import Experiment
from harness.faults.health_broken import HealthBroken
from harness.faults.schedule import Flap
from harness.probes.live import every_vantage_home
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName, Stack

# Few places are enough to see DNS take a region in and out, and they leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")

CHECKERS = 16
"""Ours, as observed; AWS publishes no number."""
PROPAGATION_S = 10.0
"""From a flip to the last name server; AWS publishes no figure."""

MARGIN_S = 20.0
"""What the calls that break and mend take of each cycle, on a machine that is busy and by a clock that is fast."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one."""
    slow_cycles: int = 2
    quick_cycles: int = 3


@pytest.mark.destructive
def test_dns_follows_health_that_is_sick_for_long_enough(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """Each time long enough to be noticed, and well again for long enough to be noticed too."""
    stack = run.target.stack
    sick_s = _noticed_s(stack) + PROPAGATION_S + MARGIN_S
    well_s = _well_again_s(stack) + PROPAGATION_S + MARGIN_S
    flap = Flap(
        fault=HealthBroken(region=parameters.region or stack.region_names[1]),
        period_s=sick_s + well_s,
        duty=sick_s / (sick_s + well_s),
        cycles=parameters.slow_cycles,
    )
    conduct(flapping(run, item_path, "slow", flap, Follows.EACH_CYCLE))


@pytest.mark.destructive
def test_dns_does_not_follow_health_that_is_sick_for_too_short(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """Mended before any checker can have failed as often as the threshold asks: users notice nothing."""
    stack = run.target.stack
    sick_s = (stack.failure_threshold - 1) * stack.health_check_interval_s * 0.75
    flap = Flap(
        fault=HealthBroken(region=parameters.region or stack.region_names[1]),
        period_s=2 * sick_s,
        cycles=parameters.quick_cycles,
    )
    conduct(flapping(run, item_path, "quick", flap, Follows.NOT_AT_ALL))


def flapping(run: Run, item_path: str, name: str, flap: Flap, follows: Follows) -> Experiment:
    (region,), home = flap.fault.regions, run.home
    return Experiment(
        name=f"flapping-{name}-{region}",
        question=f"When {region} is sick for {flap.duty * flap.period_s:.0f} of every {flap.period_s:.0f} s, "
        f"does DNS {'follow' if follows is Follows.EACH_CYCLE else 'stay as it is'}, and what do users see?",
        steps=(flap,),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        recovered=lambda since_s: every_vantage_home(home, since_s=since_s),
        recover_at_most_s=_well_again_s(run.target.stack) + PROPAGATION_S + 2 * run.target.stack.record_ttl_s,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            FaultProven(),
            FlapsInDns(region=region, follows=follows, at_least_cycles=min(2, flap.cycles)),
            SteadyAfter(),
            CheckersOnTime(at_least_looks=10),
            Paced(),
        ),
    )


def _noticed_s(stack: Stack) -> float:
    """Until the quorum surely calls a region sick whose checkers are answered at once."""
    return detection_bounds_s(stack, 0.0, CHECKERS)[1]


def _well_again_s(stack: Stack) -> float:
    """Until it surely calls it well again: as many good answers as failures, of three checkers in 16."""
    return stack.failure_threshold * stack.health_check_interval_s
