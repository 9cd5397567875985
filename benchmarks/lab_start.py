"""How long until a lab is up and the reference stack serves in three regions?

    python benchmarks/lab_start.py [RUNS]

Target: 8 s, process start and imports included.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = [one_run() for _ in range(runs)]
    print(f"{'run':<5}{'lab up s':>10}{'deployed s':>12}{'sum s':>8}")
    for number, (up_s, deployed_s) in enumerate(rows, 1):
        print(f"{number:<5}{up_s:>10.2f}{deployed_s:>12.2f}{up_s + deployed_s:>8.2f}")
    median_s = statistics.median(sum(row) for row in rows)
    print(json.dumps({"runs": runs, "median_s": round(median_s, 3), "target_s": 8}))


def one_run() -> tuple[float, float]:
    """(seconds until the lab is ready, seconds from then until every region serves and its check is healthy)."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("start", root=Path(scratch))
        began = time.perf_counter()
        info = spawn(LabSettings(name="start", regions=DEFAULT_REGIONS, owner_pid=os.getpid()), folder)
        up = time.perf_counter()
        try:
            deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            return up - began, time.perf_counter() - up
        finally:
            end(folder, info)


if __name__ == "__main__":
    main()
