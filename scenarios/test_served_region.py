"""Is every user served by the nearest region that is well: from all places, and while each region is out?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harness.checkers.checks import (
    Check,
    EveryRegionAnswers,
    InAndOutOfDns,
    NoFlaps,
    NoStragglers,
    Paced,
    ServedByNearest,
    SickRegionWithdrawn,
    SplitBrain,
    SteadyState,
    judge,
)
from harness.experiment import Experiment
from harness.findings import Finding
from harness.probes.live import every_vantage_home
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import Vantage, catalogue
from scenarios.test_failover import failover
from scenarios.verdicts import require_pass

ASKED_A_SECOND = 3.2
"""HTTPS requests of all places together, in stack seconds: half as many as 32 places make that ask every 5 s."""
LOOKS = 3
ROUTING = {"served-by-nearest", "routed-to-next-nearest", "untouched-stayed-put"}
"""What a failover says itself of who was served by whom."""
CHECKS: tuple[Check, ...] = (EveryRegionAnswers(), SplitBrain(), NoFlaps(), NoStragglers())


@contextmanager
def everywhere(_target: Target) -> Iterator[tuple[Vantage, ...]]:
    """The whole catalogue: AWS regions and cities."""
    yield catalogue()


@pytest.mark.parametrize("places", [everywhere], ids=["everywhere"], indirect=True, scope="session")
def test_everybody_is_served_by_the_nearest_region(
    run: Run, item_path: str, conduct: Callable[[Experiment], None]
) -> None:
    conduct(steady(run, item_path))


@pytest.mark.destructive
def test_while_a_region_is_out_its_users_are_served_by_the_next_nearest(
    region: RegionName, run: Run, item_path: str, conduct: Callable[[Experiment], list[Finding]]
) -> None:
    """The failover of this run is looked at again, by more checks; when there was none, there is one now."""
    experiment = f"failover-{region}"
    if not any(record.name == experiment for record in run.experiments):
        conduct(failover(run, region, item_path))
    checks = (*CHECKS, SickRegionWithdrawn(), InAndOutOfDns(region=region))
    findings = judge(run.recorder.history(), experiment, checks)
    told = [found for found in run.findings if found.experiment == experiment and found.checker in ROUTING]
    run.add_checks(experiment, checks, findings)
    require_pass([*told, *findings])


def steady(run: Run, item_path: str) -> Experiment:
    """Nothing is broken; each place looks a few times."""
    home, every_s = run.home, max(5.0, len(run.vantages) / ASKED_A_SECOND)
    return Experiment(
        name="served-region",
        question="Is every user served by the nearest region?",
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        steady_s=LOOKS * every_s,
        probes=ProbePlan(path=item_path, https_every_s=every_s),
        checks=(SteadyState(), ServedByNearest(), *CHECKS, Paced()),
    )
