"""When a region is cut off from replication: what is at risk, what is lost, and do all agree again afterwards?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import Consistent, FaultProven, RecoveryPoint
from harness.experiment import Experiment
from harness.faults.replication_paused import ReplicationPaused
from harness.run import Run
from harness.stack import RegionName
from harness.workload import Mix, Workload


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """The one that is cut off. None: the last; the main one owns the table, and any other is as good."""
    cut_off_s: float = 60.0
    oldest_at_most_s: float | None = None
    """The recovery point: how old the oldest write may be that was nowhere else at the cut. None: it is not judged."""


@pytest.mark.destructive
def test_a_region_that_was_cut_off_loses_nothing_and_agrees_again(
    run: Run, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    region = parameters.region or run.target.stack.region_names[-1]
    conduct(
        Experiment(
            name=f"partition-{region}",
            question=f"When {region} is cut off from replication, what is lost, and do all regions agree again?",
            faults=(ReplicationPaused(region=region),),
            workloads=(
                Workload(
                    run=f"{run.folder.name}-partition",
                    seed=run.seed,
                    clients_per_region=2,
                    writes_per_s=0.5,
                    hot_keys=4,
                    cold_keys=4,
                    reads_per_s=1.0,
                    polls_every_s=1.0,
                    polled_at_most_s=parameters.cut_off_s + 60.0,
                    # Swaps read first what the client may have written itself.
                    mix=Mix(put=30, update=20, create=10, swap=30, delete=10),
                ),
            ),
            hold_more_s=parameters.cut_off_s,
            quiet_s=30.0,
            checks=(
                FaultProven(),
                RecoveryPoint(region=region, oldest_at_most_s=parameters.oldest_at_most_s),
                Consistent(at_least_reads=30),
            ),
        )
    )
