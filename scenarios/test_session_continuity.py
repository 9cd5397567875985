"""When a client is moved to another region, does it still see its own writes, and for how long not?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import Allowances, FaultProven, SessionContinuity
from harness.checkers.limits import client_limit
from harness.experiment import Experiment
from harness.faults.health_broken import HealthBroken
from harness.probes.live import all_of, check_healthy, dns_home, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName
from harness.vantages import choose
from harness.workload import SessionPlan, Workload


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """The one whose users are moved. None: the second."""
    sessions: int = 4
    stale_at_most_s: float = 10.0


@pytest.mark.destructive
def test_sessions_go_on_in_the_next_region(
    run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """A region is evacuated by DNS; users near it move away and back while they write and read."""
    stack, home = run.target.stack, run.home
    region = parameters.region or stack.region_names[1]
    near = [name for name, at in home.items() if at == region][: parameters.sessions]
    patience_s = client_limit(stack, Allowances()).at_most_s + 30
    conduct(
        Experiment(
            name=f"session-continuity-{region}",
            question=f"When users of {region} are moved to another region, do they still see what they wrote?",
            faults=(HealthBroken(region=region),),
            workloads=(
                Workload(
                    run=f"{run.folder.name}-sessions",
                    seed=run.seed,
                    clients_per_region=0,
                    reads_per_s=0.0,
                    # Few keys, so that each is read again soon after a move.
                    session=SessionPlan(keys=2),
                ),
            ),
            sessions=choose(near),
            steady=lambda since_s: every_vantage_home(home, since_s=since_s),
            hold_until=lambda since_s: all_of(
                dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
            ),
            hold_at_most_s=patience_s,
            recovered=lambda since_s: all_of(
                check_healthy(region, since_s=since_s),
                dns_home(home, since_s=since_s),
                every_vantage_home(home, since_s=since_s),
            ),
            recover_at_most_s=patience_s,
            probes=ProbePlan(path=item_path),
            checks=(
                FaultProven(),
                SessionContinuity(at_most_stale_s=parameters.stale_at_most_s, at_least_sessions=parameters.sessions),
            ),
        )
    )
