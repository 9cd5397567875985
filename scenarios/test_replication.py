"""How late are the other regions, pair by pair, as a client sees it?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import ReplicatedInTime
from harness.events import Way
from harness.experiment import Experiment
from harness.run import Run
from harness.workload import Mix, Workload


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    watched_s: float = 28.0
    p50_at_most_s: float = 2.5
    p95_at_most_s: float = 5.0


# Replication takes less than a second: a clock that runs faster than the wall's leaves no time to look often.
pytestmark = pytest.mark.parametrize("clock_rate", [1.0], indirect=True, scope="session")


@pytest.mark.destructive
def test_a_write_is_soon_everywhere(run: Run, parameters: Parameters, conduct: Callable[[Experiment], None]) -> None:
    conduct(
        Experiment(
            name="replication-latency",
            question="How long until a write in one region can be read in the others?",
            workloads=(at_the_table(run), through_the_application(run)),
            steady_s=parameters.watched_s,
            quiet_s=4.0,
            checks=(
                in_time(parameters, Way.DYNAMODB, at_least_samples=100),
                # Looked for less often, so that both ways fit on one machine: its intervals are wider.
                in_time(parameters, Way.HTTPS, at_least_samples=60),
            ),
        )
    )


def in_time(parameters: Parameters, way: Way, *, at_least_samples: int) -> ReplicatedInTime:
    return ReplicatedInTime(
        way=way,
        p50_at_most_s=parameters.p50_at_most_s,
        p95_at_most_s=parameters.p95_at_most_s,
        at_least_samples=at_least_samples,
    )


def at_the_table(run: Run) -> Workload:
    return Workload(
        run=run.folder.name,
        seed=run.seed,
        # 112 writes in each region: as many as it takes to judge a p95, in as short a time as can be.
        clients_per_region=4,
        writes_per_s=1.0,
        hot_share=0.0,
        cold_keys=6,
        reads_per_s=2.0,
        # Puts alone: a put is seen for what it is, whatever the item was before.
        mix=Mix(put=1, update=0, create=0, swap=0, delete=0),
        polls_every_s=0.05,
    )


def through_the_application(run: Run) -> Workload:
    """POST in one region, GET in the others, as users of the stack do."""
    return Workload(
        run=f"{run.folder.name}-https",
        seed=run.seed,
        clients_per_region=3,
        way=Way.HTTPS,
        polls_every_s=0.1,
        writes_per_s=1.0,
    )
