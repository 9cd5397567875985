"""Failover as the harness measures it from outside, beside the lab's own record of the truth.

    python benchmarks/failover_truth.py

Target: each measured moment lies within one probe interval after the true one (health polls every 2 s, DNS every 1 s).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness.checkers.timeline import FailoverTimes, failover_times
from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.experiment import run_experiment
from harness.lab.api import TruthPage
from harness.lab.ports import Truth
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder, LabInfo
from harness.run import Run
from harness.stack import Stack
from harness.vantages import choose
from harness.workload import place_item
from scenarios.test_failover import failover

HEALTH_EVERY_S, DNS_EVERY_S = 2.0, 1.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    region: str
    moment: str
    true_s: float
    measured_s: float
    probe_interval_s: float

    @property
    def late_s(self) -> float:
        return self.measured_s - self.true_s


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("benchmark", root=Path(scratch))
        info = spawn(LabSettings(name="benchmark", regions=DEFAULT_REGIONS, owner_pid=os.getpid()), folder)
        try:
            rows = measure(info, Path(scratch))
        finally:
            end(folder, info)
    print(f"{'region':<16}{'moment':<22}{'true s':>9}{'measured s':>12}{'late s':>9}{'interval s':>12}  within")
    for row in rows:
        within = "yes" if -0.1 <= row.late_s <= row.probe_interval_s + 0.1 else "NO"
        print(
            f"{row.region:<16}{row.moment:<22}{row.true_s:>9.2f}{row.measured_s:>12.2f}{row.late_s:>9.2f}"
            f"{row.probe_interval_s:>12.1f}  {within}"
        )
    print(json.dumps([msgspec.to_builtins(row) for row in rows]))


def measure(info: LabInfo, scratch: Path) -> list[Row]:
    """All times from the fault: true ones from its taking effect, measured ones on the same clock."""
    target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
    run = Run("benchmark", target, reports=scratch / "reports", journal=scratch / "j.jsonl", vantages=choose(), seed=1)
    path = place_item(target, "benchmark", run.clock)
    for region in target.stack.region_names:
        run_experiment(failover(run, region, path), run, lambda _stage: None)
    history = run.recorder.history()
    # Both clocks run at one rate from known wall times, so their seconds differ by a constant.
    offset_s = _seconds(info.started_at, run.recorder.header.started_at) * run.clock.rate
    truth = _truth(info)
    rows = [row for times in failover_times(history) for row in _rows(times, truth, offset_s, target.stack)]
    run.close()
    return rows


def _rows(times: FailoverTimes, truth: list[Truth], offset_s: float, stack: Stack) -> list[Row]:
    region = times.region
    check = next(one.health_check_id for one in stack.regions if one.region == region)
    injected_s = times.window.injecting_s + offset_s - 0.5

    def after(since_s: float, wanted: Callable[[Truth], bool]) -> float:
        return next(line.at_s for line in truth if line.at_s >= since_s and wanted(line))

    def flipped(healthy: bool) -> Callable[[Truth], bool]:
        return lambda line: (
            line.what == "check-flipped"
            and line.detail.get("health_check_id") == check
            and line.detail.get("healthy") is healthy
        )

    def in_dns(healthy: bool) -> Callable[[Truth], bool]:
        return lambda line: (
            line.what == "dns-status"
            and line.detail.get("health_check_id") == check
            and line.detail.get("healthy") is healthy
        )

    broken_s = after(injected_s, lambda line: line.what == "stage-variable" and line.region == region)
    mended_s = after(
        (times.window.undoing_s or 0) + offset_s - 0.5,
        lambda line: line.what == "stage-variable" and line.region == region,
    )
    dns_changed = max(one.dns_changed.by_s for one in times.vantages if one.dns_changed and one.dns_changed.by_s)
    dns_back = max(one.dns_back.by_s for one in times.vantages if one.dns_back and one.dns_back.by_s)
    healthy_again_s = times.healthy_again.by_s if times.healthy_again else None
    moments = (
        ("unhealthy", after(broken_s, flipped(False)), times.detected.by_s, HEALTH_EVERY_S, broken_s),
        ("DNS left", after(broken_s, in_dns(False)), dns_changed, DNS_EVERY_S, broken_s),
        ("healthy again", after(mended_s, flipped(True)), healthy_again_s, HEALTH_EVERY_S, mended_s),
        ("DNS back", after(mended_s, in_dns(True)), dns_back, DNS_EVERY_S, mended_s),
    )  # fmt: skip
    return [
        Row(
            region=region,
            moment=name,
            true_s=true_s - from_s,
            measured_s=measured_s + offset_s - from_s,
            probe_interval_s=every_s,
        )
        for name, true_s, measured_s, every_s, from_s in moments
        if measured_s is not None
    ]


def _truth(info: LabInfo) -> list[Truth]:
    with urllib.request.urlopen(f"{info.endpoints.aws_url}/lab/truth", timeout=30) as reply:
        return list(msgspec.json.decode(reply.read(), type=TruthPage).lines)


def _seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


if __name__ == "__main__":
    main()
