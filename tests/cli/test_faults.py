"""harness faults: what it lists, what it refuses, and what it breaks and mends on a lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import EU, US

from harness.cli.durations import Duration, in_words
from harness.faults.catalogue import kinds
from harness.faults.journal import Journal
from harness.faults.record_weighted import RecordWeighted
from harness.lab.state import LabInfo
from harness.stack import Endpoints
from harness.target import Target, save_target


def variable(target: Target) -> str:
    regional = target.stack.in_region(EU)
    stage = target.apigateway(EU).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    return stage["variables"]["HEALTH"]


@pytest.fixture
def target_path(lab_target: Target, tmp_path: Path) -> str:
    save_target(lab_target, tmp_path / "lab.json")
    return str(tmp_path / "lab.json")


def test_every_fault_is_listed_with_what_machines_ask_for(harness: Callable[..., Any]) -> None:
    listed = json.loads(harness("faults", "list", "--json").out)

    assert [fault["fault"] for fault in listed] == list(kinds())
    assert all(fault["iam_actions"] or fault["needs_levers"] for fault in listed)


def test_show_says_what_is_known_and_what_is_not(harness: Callable[..., Any]) -> None:
    told = " ".join(harness("faults", "show", "replication-paused").out.split())

    assert "dynamodb:PutResourcePolicy" in told
    assert "ends itself yes, expires_after_s after it was made" in told
    assert "not known whether a policy written by hand pauses" in told


@pytest.mark.lab
def test_show_with_a_target_tells_the_exact_calls_and_makes_none(
    harness: Callable[..., Any], target_path: str, lab_target: Target
) -> None:
    before = variable(lab_target)
    shown = json.loads(
        harness("faults", "show", "health-broken", f"region={EU}", "--target", target_path, "--json").out
    )

    api = lab_target.stack.in_region(EU).rest_api_id
    assert shown["calls"][0].startswith(f"aws apigateway update-stage --region {EU} --rest-api-id {api}")
    assert '"value":"503"' in shown["calls"][0]
    assert f'"value":"{before}"' in shown["undoing"][0]
    assert variable(lab_target) == before


@pytest.mark.lab
def test_inject_breaks_proves_and_mends(harness: Callable[..., Any], target_path: str, lab_target: Target) -> None:
    ended = harness(
        "faults", "inject", "health-broken", f"region={EU}", "--for", "20s", "--target", target_path, "--json"
    )

    told = json.loads(ended.out)
    assert ended.exit_code == 0
    assert told["injected"][0]["proof"] == "HTTP 503 from the health route"
    held = told["injected"][0]["phases"]
    assert held["rolling_back"] - held["proven"] >= 20
    assert Path(told["report"]).exists()
    assert variable(lab_target) == "200"


@pytest.mark.lab
def test_compound_faults_come_from_a_file(
    harness: Callable[..., Any], target_path: str, lab_target: Target, tmp_path: Path
) -> None:
    """Health flaps in one region while another one's check is disabled."""
    (tmp_path / "steps.toml").write_text(
        f"""
[[steps]]
step = "flap"
period_s = 20
cycles = 2
fault = {{fault = "health-broken", region = "{EU}"}}

[[steps]]
step = "hold"
for_s = 30
fault = {{fault = "health-check-disabled", region = "{US}"}}
"""
    )
    ended = harness("faults", "inject", "--schedule", str(tmp_path / "steps.toml"), "--target", target_path, "--json")

    injected = [one["fault"] for one in json.loads(ended.out)["injected"]]
    assert ended.exit_code == 0
    assert sorted(injected) == ["health-broken", "health-broken", "health-check-disabled"]
    assert variable(lab_target) == "200"


@pytest.mark.lab
def test_ctrl_c_undoes_it_at_once(target_path: str, lab_target: Target, tmp_path: Path) -> None:
    arguments = ("faults", "inject", "health-broken", f"region={EU}", "--for", "4h", "--target", target_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    while "holding" not in process.stderr.readline():
        assert process.poll() is None
    assert variable(lab_target) == "503"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "interrupted" in err
    assert out.startswith("undone health-broken")
    assert variable(lab_target) == "200"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("inject",), "say what to break"),
        (("inject", "health-broken"), "needs region=..."),
        (("inject", "health-broken", "region=eu-west-1", "--for", "5h"), "at most 4 h"),
        (("inject", "health-broken", "region=eu-west-1", "--for", "10s", "--flap", "20s"), "not longer than --for"),
        (("inject", "health-broken", "--schedule", "x.toml"), "give no NAME"),
        (("inject", "--schedule", "x.toml"), "x.toml: No such file"),
        (("show", "health-brokn"), "did you mean health-broken"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    refusal: Callable[..., str], arguments: tuple[str, ...], told: str
) -> None:
    assert told in refusal("faults", *arguments)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[steps]]\nstep = 'hold'\nfault = {fault = 'health-broken', region = 'eu-west-1'}", "needs for_s"),
        ("[[steps]]\nstep = 'hold'\nfor_s = 5\nfault = {fault = 'volcano'}", "Invalid value 'volcano'"),
        ("[[steps]]\nstep = 'jump'", "Invalid value 'jump'"),
        ("steps = 3", "Expected `array`"),
        ("steps = []", "it has no [[steps]]"),
        ("[[steps", "steps.toml: "),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_its_place(
    refusal: Callable[..., str], tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "steps.toml").write_text(text)

    assert told in refusal("faults", "inject", "--schedule", str(tmp_path / "steps.toml"))


@pytest.mark.lab
def test_a_region_of_another_stack_is_refused(refusal: Callable[..., str], target_path: str) -> None:
    told = refusal("faults", "inject", "health-broken", "region=eu-north-1", "--target", target_path)

    assert "is not in 'eu-north-1'; it is in us-east-1, eu-west-1, ap-southeast-2" in told


@pytest.mark.lab
def test_what_is_not_on_this_machine_is_broken_only_on_purpose(
    harness: Callable[..., Any], lab_target: Target, tmp_path: Path
) -> None:
    save_target(Target(lab_target.stack, Endpoints(), name="prod"), tmp_path / "prod.json")

    ended = harness("faults", "inject", "health-broken", f"region={EU}", "--target", str(tmp_path / "prod.json"))

    assert ended.exit_code == 4
    assert "say --allow-faults" in ended.err


@pytest.mark.lab
def test_nothing_new_is_broken_while_something_is_open(
    harness: Callable[..., Any], target_path: str, lab_target: Target, lab: LabInfo
) -> None:
    path = Path(".harness") / "journal" / f"{lab_target.name}.jsonl"
    with Journal(path, run="killed") as journal:
        journal.open(
            RecordWeighted(region=EU),
            {},
            target=lab_target.name,
            stack=lab_target.stack,
            endpoints=lab_target.endpoints,
        )

    ended = harness("faults", "inject", "health-broken", f"region={EU}", "--target", target_path)

    assert ended.exit_code == 4
    assert "harness recover" in ended.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1m5.5s", 65.5), ("2h", 7200)]
)
def test_durations_are_typed_as_people_do(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(("seconds", "words"), [(5.4, "5 s"), (65, "1 min 05 s"), (3660, "1 h 01 min"), (-3, "0 s")])
def test_a_countdown_is_read_at_a_glance(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
