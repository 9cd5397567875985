"""When every region says that it is sick, does Route 53 fail open, and are users still served?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.checkers.checks import Allowances, FailsOpen, FaultProven, Paced, SteadyAfter, SteadyState
from harness.checkers.limits import client_limit
from harness.experiment import Experiment
from harness.faults.blast_radius import BlastRadius
from harness.faults.health_broken import HealthBroken
from harness.probes.live import all_of, check_healthy, check_unhealthy, every_vantage_home
from harness.probes.watch import ProbePlan
from harness.run import Run


@pytest.mark.destructive
@pytest.mark.every_region
def test_users_are_still_served_when_every_region_is_called_sick(
    run: Run, item_path: str, conduct: Callable[[Experiment], None]
) -> None:
    conduct(all_unhealthy(run, item_path))


def all_unhealthy(run: Run, item_path: str) -> Experiment:
    """Breaks /health everywhere. The data path stays well, so users lose nothing unless DNS stops answering."""
    stack, home = run.target.stack, run.home
    patience_s = client_limit(stack, Allowances()).at_most_s + 30
    return Experiment(
        name="all-regions-unhealthy",
        question="When every health check fails, does Route 53 answer as if all were healthy?",
        faults=tuple(HealthBroken(region=region) for region in stack.region_names),
        blast_radius=BlastRadius(every_region_of=stack.name),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_until=lambda since_s: all_of(*(check_unhealthy(region, since_s=since_s) for region in stack.region_names)),
        hold_at_most_s=patience_s,
        # Name servers learn it, caches expire, and then it is watched for as long again.
        hold_more_s=Allowances().propagation_s + 2 * stack.record_ttl_s,
        recovered=lambda since_s: all_of(
            *(check_healthy(region, since_s=since_s) for region in stack.region_names),
            every_vantage_home(home, since_s=since_s),
        ),
        recover_at_most_s=patience_s,
        probes=ProbePlan(path=item_path),
        checks=(SteadyState(), FaultProven(), FailsOpen(), SteadyAfter(), Paced()),
    )
