"""What our locust users cost beside bare ones, what recording costs, and whether a master loses events of four workers.

    python benchmarks/load.py [--seconds 6] [--rounds 3] [--events 1000000] [--json FILE]

Rounds of bare and our users alternate on one machine against one lab over verified TLS. What is compared is the CPU
time of the generator for each request: it bounds the requests a second of a process, and is fair on a machine that is
not quiet. Targets: ours / bare >= 0.8, recorded / unrecorded >= 0.95, no event lost of 10^6.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder
from harness.run import HISTORY_FILE
from harness.target import Target, save_target
from harness.workload import place_item

USERS_FOLDER = Path(__file__).parent / "load_users"
KINDS = ("bare", "ours", "ours-unrecorded")
USERS = 16
WORKERS = 4


class Row(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    cpu_us: float
    """CPU microseconds of the generator for each request: what bounds the requests a second of one process."""
    spread: float
    """(Most - least) / median of its rounds."""


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    events: int
    kept: int
    gaps: int
    events_per_s: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("benchmark", root=Path(scratch))
        settings = LabSettings(name="benchmark", regions=DEFAULT_REGIONS, rate=1.0, owner_pid=os.getpid())
        info = spawn(settings, folder)
        try:
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            bench = Bench(target, Path(scratch), info.addresses["eu-west-1"])
            rows = bench.side_by_side(options.seconds, options.rounds)
            flood = bench.flood(options.events)
        finally:
            end(folder, info)
    report(rows, flood, options.json)


def report(rows: list[Row], flood: Flood, path: Path | None) -> None:
    rate = {row.what: 1e6 / row.cpu_us for row in rows}
    print(f"{'users':<18}{'CPU µs/request':>16}{'so requests/s':>15}{'spread':>9}")
    for row in rows:
        print(f"{row.what:<18}{row.cpu_us:>16.0f}{rate[row.what]:>15,.0f}{row.spread:>9.0%}")
    ratios = {
        "ours / bare": rate["ours"] / rate["bare"],
        "recorded / unrecorded": rate["ours"] / rate["ours-unrecorded"],
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")
    print(
        f"{WORKERS} workers recorded {flood.events:,} events at {flood.events_per_s:,.0f} a second;"
        f" the history has {flood.kept:,} of them and {flood.gaps} gaps"
    )
    told = {"rows": msgspec.to_builtins(rows), "ratios": ratios, "flood": msgspec.to_builtins(flood)}
    if path:
        path.write_text(json.dumps(told, indent=2))


class Bench:
    def __init__(self, target: Target, scratch: Path, address: str) -> None:
        self._scratch = scratch
        self._cpu_file = scratch / "cpu.json"
        save_target(target, scratch / "target.json")
        self._environment = os.environ | {
            "HARNESS_BENCH_TARGET": str(scratch / "target.json"),
            "HARNESS_BENCH_CPU": str(self._cpu_file),
            "HARNESS_BENCH_ADDRESS": address,
            "HARNESS_BENCH_ITEM": place_item(target, "benchmark", target.new_clock()),
        }

    def side_by_side(self, seconds: float, rounds: int) -> list[Row]:
        costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(rounds):
            # Each round in another order: what warms up or slows down with time favours nobody.
            for kind in (*KINDS[number % 3 :], *KINDS[: number % 3]):
                costs[kind].append(self._cost_of(kind, seconds))
        return [
            Row(
                what=kind,
                cpu_us=statistics.median(found),
                spread=(max(found) - min(found)) / statistics.median(found),
            )
            for kind, found in costs.items()
        ]

    def _cost_of(self, kind: str, seconds: float) -> float:
        ours = [] if kind == "bare" else ["--from", "aws:eu-west-1", "--every", "0", "--report-dir", self._reports]
        self._locust("side_by_side.py", kind, "-u", str(USERS), "-r", "100", "-t", f"{seconds:g}s", *ours)
        cpu_s, asked = msgspec.json.decode(self._cpu_file.read_bytes(), type=tuple[float, int])
        return cpu_s / asked * 1e6

    def flood(self, events: int) -> Flood:
        users = WORKERS * 2
        self._environment["HARNESS_BENCH_EVENTS"] = str(events // users)
        wall_s = max(20, events // 15_000)
        self._locust(
            *("flood.py", "flood", "-u", str(users), "-r", "100", "-t", f"{wall_s}s", "--processes", str(WORKERS)),
            *("--report-dir", self._reports),
        )
        history = next(self._scratch.glob("reports/latest")) / HISTORY_FILE
        kept, gaps, first, last = 0, 0, float("inf"), 0.0
        with history.open("rb") as file:
            for line in file:
                if line.startswith(b'{"kind":"https"'):
                    kept += 1
                    start_s = float(line[line.index(b'"start_s":') + 10 : line.index(b',"end_s"')])
                    first, last = min(first, start_s), max(last, start_s)
                gaps += line.startswith(b'{"kind":"gap"')
        return Flood(events=events // users * users, kept=kept, gaps=gaps, events_per_s=kept / max(last - first, 1e-9))

    @property
    def _reports(self) -> str:
        return str(self._scratch / "reports")

    def _locust(self, file: str, kind: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "locust", "-f", str(USERS_FOLDER / file), "--headless", "--only-summary"]
        ended = subprocess.run(
            [*command, "--csv", str(self._scratch / "bench"), *arguments],
            env=self._environment | {"HARNESS_BENCH": kind},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if ended.returncode not in {0, 1, 3}:  # verdicts of ours: a busy machine is not what is measured here
            raise SystemExit(f"locust ended with {ended.returncode}:\n{ended.stderr[-3000:]}")


if __name__ == "__main__":
    main()
