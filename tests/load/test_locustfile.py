"""The locustfile, run by locust itself against a lab: its tables, its exit code and our history tell the same."""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trustme

from harness.events import DnsAnswer, HttpReply, LoadSample, Note
from harness.faults.throttled import StageThrottled
from harness.findings import Verdict
from harness.history import load_history
from harness.load.process import free_port
from harness.load.sweeping import MAP_FILE
from harness.run import HISTORY_FILE, load_findings, load_run
from harness.sweep.table import summarize
from harness.target import Target, save_target

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("load")]

LOCUSTFILE = Path(__file__).parents[2] / "harness" / "load" / "locustfile.py"


@pytest.fixture
def locust(lab_target: Target, tmp_path: Path):
    save_target(lab_target, tmp_path / "target.json")

    def run(
        *arguments: str, target: str = "target.json", before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--target", target]
        port = str(free_port())
        options = ["--report-dir", "reports", "--csv", "locust", "--only-summary", *arguments]
        if "--processes" in arguments:
            options += ["--master-bind-port", port, "--master-port", port]
        return subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            preexec_fn=before,
        )

    return run


def counted_by_locust(tmp_path: Path) -> Counter[str]:
    with (tmp_path / "locust_stats.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["Type"] and row["Type"] != "DNS"]
    return Counter({f"{row['Type']} {row['Name']}": int(row["Request Count"]) for row in rows})


def items(target: Target) -> int:
    regional = target.stack.regions[0]
    return int(target.dynamodb(regional.region).scan(TableName=regional.table_name, Select="COUNT")["Count"])


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["alone", "two workers"])
def test_locust_and_the_history_count_the_same(locust, lab_target, tmp_path, processes):
    before = items(lab_target)

    ended = locust("-u", "10", "-r", "10", "-t", "3s", "--every", "0.1", "--from", "aws:eu-*,aws:us-*", *processes)

    assert ended.returncode in {0, 3}, ended.stderr  # 3: the machine was busy
    folder = tmp_path / "reports" / "latest"
    history = load_history(folder / HISTORY_FILE).history
    names = {"GET": "/data/{pk}", "POST": "/data"}
    replies = history.of(HttpReply)
    counted = Counter(f"{one.method} {names[one.method]} · {one.region or 'no region'}" for one in replies)
    assert counted == counted_by_locust(tmp_path)
    assert {one.source for one in replies} == {"load"}
    assert {one.vantage for one in replies} <= {one.name for one in history.header.vantages}
    assert history.of(DnsAnswer)
    assert len({one.source for one in history.of(LoadSample)}) == (2 if processes else 1)
    assert (folder / "index.html").exists()
    assert load_run(folder).exit_code == ended.returncode
    assert items(lab_target) == before


def test_workers_make_a_routing_map_together(locust, tmp_path):
    """Two of them, a thousand subnets each; half a second of questions beside their users."""
    arguments = ["-u", "4", "-r", "10", "-t", "4s", "--from", "aws:eu-*", "--processes", "2"]
    ended = locust(*arguments, "--sweep-subnets", "2000", "--failed-share-at-most", "1")

    folder = tmp_path / "reports" / "latest"
    assert (folder / MAP_FILE).exists(), ended.stderr
    summary = summarize(folder / MAP_FILE)
    assert summary.about.asked_for == summary.rows == 2000, ended.stderr
    assert summary.verdict is Verdict.PASS
    notes = [note.text for note in load_history(folder / HISTORY_FILE).history.of(Note)]
    assert "2 of 2 workers brought their part of routing-map.parquet: pass" in notes


@pytest.fixture
def throttled(lab_target):
    """Half of what the users below ask is refused, in every region."""
    faults = [StageThrottled(region=region, rate_per_s=5.0, burst=5) for region in lab_target.stack.region_names]
    snapshots = [fault.snapshot(lab_target) for fault in faults]
    for fault, snapshot in zip(faults, snapshots, strict=True):
        for call in fault.changes(lab_target.stack, snapshot):
            call.execute(lab_target)
    yield
    for fault, snapshot in zip(faults, snapshots, strict=True):
        fault.rollback(lab_target, snapshot)


@pytest.mark.usefixtures("throttled")
def test_users_that_are_refused_make_the_exit_code(locust, tmp_path):
    ended = locust("-u", "20", "-r", "20", "-t", "3s", "--every", "0.1", "--from", "aws:eu-*")

    assert ended.returncode == 1, ended.stderr
    findings = load_findings(tmp_path / "reports" / "latest")
    refused = next(finding for finding in findings if finding.checker == "requests")
    assert refused.verdict is Verdict.FAIL
    assert refused.samples == sum(counted_by_locust(tmp_path).values())


@pytest.mark.parametrize(
    ("arguments", "target", "told"),
    [
        (["--from", "atlantis"], "target.json", "atlantis"),
        ([], "nowhere.json", "nowhere.json"),
        (["--connections", "close"], "target.json", "invalid choice: 'close'"),
    ],
)
def test_wrong_options_are_told_in_a_line_before_anything_starts(locust, tmp_path, arguments, target, told):
    ended = locust("-t", "3s", *arguments, target=target)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "reports").exists()


def test_a_full_disk_ends_the_load_and_says_so(locust, lab_target, tmp_path):
    """No file may grow beyond 60,000 bytes: some two hundred events."""
    before = items(lab_target)

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    ended = locust("-u", "20", "-r", "20", "-t", "30s", "--every", "0.05", "--from", "aws:eu-*", before=small_disk)

    assert ended.returncode not in {0, 3}, ended.stderr
    assert "cannot be written: No space left on device; the load is ended" in ended.stderr, ended.stderr
    assert load_run(tmp_path / "reports" / "latest").interrupted
    assert items(lab_target) - before <= 20  # those whose batch could not be kept are known to nobody


def test_a_certificate_that_does_not_verify_is_a_failure_by_name(locust, lab_target, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    endpoints = msgspec.structs.replace(lab_target.endpoints, ca_file=str(other))
    save_target(Target(lab_target.stack, endpoints, name="other-ca"), tmp_path / "other.json")

    ended = locust("-t", "3s", target="other.json")

    assert ended.returncode == 2
    assert "certificate" in ended.stderr.lower()
