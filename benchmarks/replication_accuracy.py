"""Replication latency as the harness measures it from outside, beside what the lab was told to make it.

    python benchmarks/replication_accuracy.py [CONSTANT_RUN_S DEFAULT_RUN_S]

Targets, at the lab's rate 1:
- told to delay every write by 150 ms, the median measured of every pair of regions is within 5 ms of that;
- with the default distribution, p50 and p95 of the lab's own record of the same writes lie within the confidence
  intervals of those measured.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness.checkers.replication import PairLatency, Quantile, replication_latencies
from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.events import ExperimentEvent, Gap, ItemRead, ItemWrite
from harness.lab.client import LabClient
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder, LabInfo
from harness.models.wan import ReplicationDelay
from harness.probes.pacing import percentile
from harness.run import Run
from harness.stack import RegionName
from harness.target import Target
from harness.workload import Mix, Traffic, Workload, clean_up

CONSTANT_S = 0.150
MEDIAN_WITHIN_S = 0.005
CONSTANT_RUN_S, DEFAULT_RUN_S = 40.0, 120.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    pair: str
    samples: int
    share: float
    true_ms: float
    measured_ms: float
    low_ms: float
    high_ms: float
    resolution_ms: float
    within: bool


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was and what it cost."""

    run: str
    delay: ReplicationDelay
    wall_s: float
    writes: int
    reads: int
    missed_slots: int
    harness_cpu_share: float


def main() -> None:
    constant_run_s, default_run_s = map(float, sys.argv[1:3]) if len(sys.argv) > 2 else (CONSTANT_RUN_S, DEFAULT_RUN_S)
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("benchmark", root=Path(scratch))
        settings = LabSettings(name="benchmark", regions=DEFAULT_REGIONS, rate=1.0, owner_pid=os.getpid())
        info = spawn(settings, folder)
        try:
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            constant = measure("constant", info, target, Path(scratch), constant_run_s)
            default = measure("default", info, target, Path(scratch), default_run_s)
        finally:
            end(folder, info)
    rows = [*constant[1], *default[1]]
    show(rows, [constant[0], default[0]])
    sys.exit(0 if all(row.within for row in rows) else 1)


def measure(name: str, info: LabInfo, target: Target, scratch: Path, wall_s: float) -> tuple[Told, list[Row]]:
    delay = ReplicationDelay.constant(CONSTANT_S) if name == "constant" else ReplicationDelay()
    lab = LabClient(info.endpoints.aws_url or "")
    lab.set_delay(delay)
    run = Run(name, target, reports=scratch / "reports", journal=scratch / f"{name}.jsonl", vantages=(), seed=1)
    workload = Workload(
        run=name,
        seed=1,
        clients_per_region=1,
        writes_per_s=2.0,
        hot_keys=0,
        cold_keys=8,
        reads_per_s=0,
        # A median is to be told to 5 ms, from writes that are polled for during 150 ms each.
        polls_every_s=0.02 if name == "constant" else 0.05,
        # A delete or a refused condition can be timed too, but fewer of them: these are to be many.
        mix=Mix(put=1, update=1, create=0, swap=0, delete=0),
    )
    start_s, cpu_s = run.clock.now_s(), time.process_time()
    with Traffic(target, workload, run.recorder) as traffic:
        time.sleep(wall_s)
    cpu_s = time.process_time() - cpu_s
    end_s = run.clock.now_s()
    experiment = ExperimentEvent(
        start_s=start_s, end_s=end_s, source="benchmark", experiment=name, question=name, steady_until_s=end_s
    )
    run.recorder.record(experiment)
    history = run.recorder.history()
    record = true_latencies_s(lab, traffic.keys.prefix)
    clean_up(target, history)
    run.close()
    told = Told(
        run=name,
        delay=delay,
        wall_s=end_s - start_s,
        writes=len(history.of(ItemWrite)),
        reads=len(history.of(ItemRead)),
        missed_slots=sum(gap.missed for gap in history.of(Gap)),
        harness_cpu_share=cpu_s / (end_s - start_s),
    )
    rows = constant_rows if name == "constant" else default_rows
    pairs = replication_latencies(history, experiment)
    return told, [one for pair in pairs for one in rows(pair, record[pair.source, pair.receiving])]


def true_latencies_s(lab: LabClient, prefix: str) -> dict[tuple[RegionName, RegionName], list[float]]:
    """The lab's own record of every write to the run's keys, in order, by pair of regions."""
    found: defaultdict[tuple[RegionName, RegionName], list[float]] = defaultdict(list)
    page = lab.replicated()
    while page.lines:
        for line in page.lines:
            if line.key.startswith(prefix):
                found[line.origin, line.destination].append(line.visible_at_s - line.written_at_s)
        page = lab.replicated(page.next)
    return {pair: sorted(latencies_s) for pair, latencies_s in found.items()}


def constant_rows(pair: PairLatency, _: list[float]) -> list[Row]:
    """The median alone, by its distance from what the lab was told."""
    if pair.p50 is None:
        raise SystemExit(f"{pair.source} to {pair.receiving}: no write could be timed")
    return [row("constant", pair, pair.p50, CONSTANT_S, abs(pair.p50.estimate_s - CONSTANT_S) <= MEDIAN_WITHIN_S)]


def default_rows(pair: PairLatency, true_s: list[float]) -> list[Row]:
    rows = []
    for found in (pair.p50, pair.p95):
        if found is None:
            raise SystemExit(f"{pair.source} to {pair.receiving}: too few writes could be timed, run longer")
        truth_s = percentile(true_s, found.share)
        rows.append(row("default", pair, found, truth_s, found.low_s <= truth_s <= found.high_s < math.inf))
    return rows


def row(run: str, pair: PairLatency, found: Quantile, true_s: float, within: bool) -> Row:
    return Row(
        run=run,
        pair=f"{pair.source} > {pair.receiving}",
        samples=pair.samples,
        share=found.share,
        true_ms=1000 * true_s,
        measured_ms=1000 * found.estimate_s,
        low_ms=1000 * found.low_s,
        high_ms=1000 * found.high_s,
        resolution_ms=1000 * (pair.resolution_s or math.nan),
        within=within,
    )


def show(rows: list[Row], runs: list[Told]) -> None:
    print(f"{'run':<10}{'pair':<34}{'writes':>7}{'p':>5}{'true ms':>10}{'measured':>10}{'95 %: low':>11}{'high':>9}")
    for one in rows:
        print(
            f"{one.run:<10}{one.pair:<34}{one.samples:>7}{one.share * 100:>5.0f}{one.true_ms:>10.1f}"
            f"{one.measured_ms:>10.1f}{one.low_ms:>11.1f}{one.high_ms:>9.1f}  {'within' if one.within else 'OUTSIDE'}"
        )
    for told in runs:
        print(
            f"{told.run}: {told.writes} writes and {told.reads} reads in {told.wall_s:.0f} s, {told.missed_slots} "
            f"slots missed; the harness took {told.harness_cpu_share:.0%} of a core"
        )
    print(json.dumps({"rows": msgspec.to_builtins(rows), "runs": msgspec.to_builtins(runs)}))


if __name__ == "__main__":
    main()
