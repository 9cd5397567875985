"""One master and workers on hosts of their own: a whole run, one whose worker is killed, one whose master is killed.

    python benchmarks/load_many.py [--workers 3] [--seconds 12]

Each worker is in a network namespace (root and iproute2; else it says why not and ends with 0). What each run reports
is printed beside what was done to it.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from namespaces import Host, hosts, why_not

from harness.checkers.checks import judge
from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.events import Gap, HttpReply, LoadSample
from harness.findings import overall
from harness.history import load_history
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder
from harness.load.process import LOCUSTFILE
from harness.run import HISTORY_FILE, load_run
from harness.target import save_target

LOCUST = (sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--only-summary")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    done: str
    exit_code: int
    verdict: str
    interrupted: bool
    requests: int
    counted_by_locust: int | None
    workers: int
    gaps: int
    clocks_within_ms: float
    told: str


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=12)
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"not run: {reason}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("benchmark", root=Path(scratch))
        info = spawn(LabSettings(name="benchmark", regions=DEFAULT_REGIONS, rate=1.0, owner_pid=os.getpid()), folder)
        try:
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            save_target(target, Path(scratch) / "target.json")
            reachable = [(address, info.endpoints.https_port) for address in info.addresses.values()]
            name_server, _, port = info.endpoints.nameservers[0].rpartition(":")
            with hosts(options.workers, reachable, (name_server, int(port)), Path(scratch)) as workers:
                for done in ("nothing", "a worker killed", "the master killed"):
                    show(one_run(done, workers, Path(scratch), options.seconds))
        finally:
            end(folder, info)


def show(outcome: Outcome) -> None:
    print(f"\n{outcome.done}: exit code {outcome.exit_code}, verdict {outcome.verdict}", end="")
    print(", told as interrupted" if outcome.interrupted else "")
    counted = "no table of locust's" if outcome.counted_by_locust is None else f"locust {outcome.counted_by_locust:,}"
    print(f"  {outcome.requests:,} requests in the history ({counted}) of {outcome.workers} workers", end="")
    print(f", whose clocks agree within {outcome.clocks_within_ms:.2f} ms; {outcome.gaps} gaps")
    print(f"  {outcome.told}")


def one_run(done: str, workers: Sequence[Host], scratch: Path, seconds: int) -> Outcome:
    reports = scratch / done.replace(" ", "-")
    master_command = [*LOCUST, "--master", "--headless", "--expect-workers", str(len(workers)), "-u", "30", "-r", "30"]
    master_command += ["-t", f"{seconds}s", "--target", str(scratch / "target.json"), "--from", "aws:eu-*,aws:us-*"]
    master_command += ["--every", "0.1", "--report-dir", str(reports), "--csv", str(reports) + "-locust"]
    master = subprocess.Popen(master_command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    running = [
        subprocess.Popen(
            host.command(*LOCUST, "--worker", "--master-host", host.master_address),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for host in workers
    ]
    try:
        _wait_for_load(reports, master)
        time.sleep(seconds / 2)
        if done == "a worker killed":
            running[0].kill()
        if done == "the master killed":
            master.kill()
        master.wait(seconds + 60)
    finally:
        for process in running:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    return _outcome(done, master.returncode, reports)


def _wait_for_load(reports: Path, master: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and master.poll() is None:
        history = reports / "latest" / HISTORY_FILE
        if history.exists() and b'"kind":"https"' in history.read_bytes():
            return
        time.sleep(0.2)
    said = master.stderr.read() if master.poll() is not None and master.stderr else "it still runs"
    raise SystemExit(f"no load within a minute: {said[-2000:]}")


def _outcome(done: str, exit_code: int, reports: Path) -> Outcome:
    folder = reports / "latest"
    record = load_run(folder)
    history = load_history(folder / HISTORY_FILE).history
    samples = history.of(LoadSample)
    checks = record.experiments[0].checks if record.experiments else ()
    findings = judge(history, "load", checks) if checks else []
    kept_up = next((finding for finding in findings if finding.checker == "generator-kept-up"), None)
    stats = Path(f"{reports}-locust_stats.csv")
    return Outcome(
        done=done,
        exit_code=exit_code,
        verdict=overall(findings).value if findings else record.verdict.value,
        interrupted=record.interrupted,
        requests=len(history.of(HttpReply)),
        counted_by_locust=_counted(stats) if stats.exists() and not record.interrupted else None,
        workers=len({sample.source for sample in samples}),
        gaps=len(history.of(Gap)),
        clocks_within_ms=max((sample.clock_uncertainty_s or 0.0 for sample in samples), default=0.0) * 1000,
        told=kept_up.explanation if kept_up else "nothing was judged: run.json says that the run was cut short",
    )


def _counted(stats: Path) -> int:
    with stats.open() as file:
        rows = [row for row in csv.DictReader(file) if row["Type"] and row["Type"] != "DNS"]
    return sum(int(row["Request Count"]) for row in rows)


if __name__ == "__main__":
    main()
