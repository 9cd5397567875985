"""A global table that breaks its promises is found: each defect that the lab can plant fails a property by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checkers.checks import Check, ClocksAgree, Consistent
from harness.experiment import Experiment, run_experiment
from harness.findings import Finding, Verdict
from harness.lab.client import LabClient
from harness.lab.replication.defects import (
    AttributeMerge,
    ClockSkewedWinner,
    Defect,
    DropReplications,
    DuplicateAndReorder,
    FirstWriterWins,
    ForgetAcknowledged,
    ReadsGoBack,
    ReplicaStopped,
    ResurrectDeleted,
    TieBrokenDifferently,
)
from harness.models.wan import ReplicationDelay
from harness.run import Run
from harness.target import Target
from harness.vantages import choose
from harness.workload import Mix, Workload

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("data-defects")]

# Stronger than their defaults, which take runs of minutes: these take three seconds each.
DEFECTS: tuple[Defect, ...] = (
    FirstWriterWins(),
    ClockSkewedWinner(),
    DropReplications(share=0.2),
    DuplicateAndReorder(late_s=8.0),
    AttributeMerge(),
    ResurrectDeleted(share=0.5),
    ReplicaStopped(),
    ForgetAcknowledged(share=0.1),
    ReadsGoBack(share=0.2),
    TieBrokenDifferently(resolution_s=5.0),
)

# The lab's regions have one clock, so a tenth of a second is generous; replication is slowed down below.
CHECKS: tuple[Check, ...] = (Consistent(at_least_reads=10, at_least_keys=3, clock_uncertainty_s=0.1, settle_s=15.0),)
SLOW = ReplicationDelay(median_s=3.0, sigma=0.35, floor_s=1.0)
"""Two writes of one item meet on their way, which in three seconds of a fast clock they else seldom do."""


@pytest.fixture
def client(lab_target: Target) -> Iterator[LabClient]:
    client = LabClient(lab_target.endpoints.aws_url or "")
    client.set_delay(SLOW)
    yield client
    client.take_off_all()
    client.reset()


@pytest.fixture
def run(lab_target: Target, tmp_path: Path) -> Iterator[Run]:
    run = Run(
        "defects",
        lab_target,
        reports=tmp_path / "reports",
        journal=tmp_path / "journal.jsonl",
        vantages=choose(limit=1),
        seed=1,
    )
    yield run
    run.close()


def findings_of(run: Run, attempt: int = 0, checks: tuple[Check, ...] = CHECKS) -> list[Finding]:
    """Hot keys of all regions, for 120 stack seconds: 3 s of the wall's clock."""
    experiment = Experiment(
        name=f"data-{attempt}",
        question="Is the table consistent?",
        workloads=(
            Workload(
                run=f"{run.folder.name}-{attempt}",
                seed=attempt,
                clients_per_region=2,
                writes_per_s=0.4,
                hot_keys=2,
                cold_keys=2,
                hot_share=0.7,
                mix=Mix(put=20, update=35, create=5, swap=25, delete=15),
            ),
        ),
        steady_s=120.0,
        quiet_s=30.0,
        checks=checks,
    )
    return run_experiment(experiment, run, lambda _stage: None)


def broken(findings: list[Finding]) -> list[str]:
    return [finding.checker for finding in findings if finding.verdict is Verdict.FAIL]


def test_the_clean_table_breaks_nothing(run: Run, client: LabClient) -> None:
    findings = findings_of(run)

    assert [(finding.claim, finding.explanation) for finding in findings if finding.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, run: Run, client: LabClient) -> None:
    """Writes meet by chance of timing: three runs of three seconds each may go by before one does."""
    client.plant(defect)

    assert any(broken(findings_of(run, attempt)) for attempt in range(3)), f"{defect} was not found"


def test_a_region_whose_clock_is_ahead_is_named(run: Run, client: LabClient) -> None:
    """Eight seconds ahead: it wins against what others write up to a second later, so the estimate is below that."""
    ahead = run.target.stack.region_names[0]
    client.skew_clock(ahead, 8.0)

    checks = (ClocksAgree(at_least_pairs=1),)
    estimates = (findings_of(run, attempt, checks)[0] for attempt in range(3))
    found = next((finding for finding in estimates if finding.verdict is Verdict.FAIL), None)

    assert found is not None
    assert found.explanation.startswith(f"{ahead} stamps its writes at least ")
