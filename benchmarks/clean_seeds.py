"""Does the consistency check pass the clean lab, seed after seed?

    python benchmarks/clean_seeds.py [SEEDS]

A lab, and for each seed (default 20) hot and cold keys written from all regions for 200 stack seconds. Exit code 1 when
any run found a violation. tests/scenarios/test_planted_data_defects.py is the other half: each defect must be found.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from harness.checkers.checks import Consistent
from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.experiment import Experiment, run_experiment
from harness.findings import Verdict
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder
from harness.run import Run
from harness.target import Target
from harness.vantages import choose
from harness.workload import Mix, Workload

RATE = 40.0


def main() -> int:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("seeds", root=Path(scratch))
        settings = LabSettings(name="seeds", regions=DEFAULT_REGIONS, rate=RATE, owner_pid=os.getpid())
        info = spawn(settings, folder)
        try:
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            verdicts = [run_one(target, Path(scratch), seed) for seed in range(1, seeds + 1)]
        finally:
            end(folder, info)
    passed = sum(verdict is Verdict.PASS for verdict in verdicts)
    print(json.dumps({"seeds": seeds, "passed": passed, "verdicts": [verdict.value for verdict in verdicts]}))
    return 0 if Verdict.FAIL not in verdicts and passed else 1


def run_one(target: Target, scratch: Path, seed: int) -> Verdict:
    run = Run(
        f"seed-{seed}",
        target,
        reports=scratch / "reports",
        journal=scratch / "journal.jsonl",
        vantages=choose(limit=1),
        seed=seed,
    )
    experiment = Experiment(
        name="data",
        question="Is the table consistent?",
        workloads=(
            Workload(
                run=run.folder.name,
                seed=seed,
                clients_per_region=2,
                writes_per_s=0.4,
                hot_keys=4,
                cold_keys=2,
                hot_share=0.6,
                mix=Mix(put=20, update=30, create=10, swap=25, delete=15),
            ),
        ),
        steady_s=200.0,
        checks=(Consistent(at_least_reads=20, clock_uncertainty_s=0.1),),
    )
    try:
        findings = run_experiment(experiment, run, lambda _stage: None)
    finally:
        run.close()
    bad = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    verdict = Verdict.worst(finding.verdict for finding in findings)
    print(f"seed {seed:>3}  {verdict.value:<8}{len(findings)} properties", *(finding.explanation for finding in bad))
    return verdict


if __name__ == "__main__":
    sys.exit(main())
