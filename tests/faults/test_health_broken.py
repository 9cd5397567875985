"""health-broken on a real stack in the lab: it bites, and it is undone whatever happens to us."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from builders import EU, US

from harness.errors import BlastRadiusExceeded, JournalOpen, NotDeployed, NotOptedIn, RollbackFailed
from harness.events import FaultPhase, RunHeader
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.faults.recover import recover
from harness.recorder import Recorder
from harness.target import Target, save_target

pytestmark = pytest.mark.lab


def health_variable(target: Target, region: str = EU) -> str:
    regional = target.stack.in_region(region)
    stage = target.apigateway(region).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    return stage["variables"]["HEALTH"]


def set_health_variable(target: Target, value: str, region: str = EU) -> None:
    regional = target.stack.in_region(region)
    target.apigateway(region).update_stage(
        restApiId=regional.rest_api_id,
        stageName=regional.stage,
        patchOperations=[{"op": "replace", "path": "/variables/HEALTH", "value": value}],
    )


@pytest.fixture
def recorder(lab_target: Target) -> Recorder:
    header = RunHeader(
        start_s=0,
        end_s=0,
        source="test",
        name="test",
        started_at="",
        target="lab",
        clock_rate=40,
        seed=1,
        stack=lab_target.stack,
        harness_version="0",
    )
    return Recorder(lab_target.new_clock(), header)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl", run="test") as journal:
        yield journal


def phases(recorder: Recorder) -> list[FaultPhase]:
    return [event.phase for event in recorder.history().faults]


def test_it_bites_in_its_region_and_is_undone(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    with inject(HealthBroken(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof == "HTTP 503 from the health route"
        assert (health_variable(lab_target, EU), health_variable(lab_target, US)) == ("503", "200")
        assert len(journal.open_entries()) == 1

    assert health_variable(lab_target) == "200"
    assert journal.open_entries() == []
    assert phases(recorder) == [
        FaultPhase.INJECTING,
        FaultPhase.INJECTED,
        FaultPhase.PROVEN,
        FaultPhase.ROLLING_BACK,
        FaultPhase.ROLLED_BACK,
        FaultPhase.REMOVED,
    ]


def test_it_is_undone_after_ctrl_c_in_the_block(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    with pytest.raises(KeyboardInterrupt), inject(HealthBroken(region=EU), lab_target, recorder, journal):
        raise KeyboardInterrupt

    assert health_variable(lab_target) == "200"


def test_somebody_elses_change_is_left_alone_and_reported(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    with (
        pytest.raises(RollbackFailed, match=r"is '404': neither '503'.* nor '200' .*aws apigateway update-stage"),
        inject(HealthBroken(region=EU), lab_target, recorder, journal),
    ):
        set_health_variable(lab_target, "404")

    assert health_variable(lab_target) == "404"
    assert len(journal.open_entries()) == 1
    assert phases(recorder)[-1] is FaultPhase.ROLLBACK_FAILED
    set_health_variable(lab_target, "200")


def test_a_second_fault_on_the_same_resource_is_refused(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    fault = HealthBroken(region=EU)
    with (
        inject(fault, lab_target, recorder, journal),
        pytest.raises(BlastRadiusExceeded, match="both change apigateway:eu-west-1"),
        inject(fault, lab_target, recorder, journal),
    ):
        pytest.fail("the second fault was let in")

    assert health_variable(lab_target) == "200"


def test_a_stack_without_the_opt_in_tag_is_not_touched(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    api_id = lab_target.stack.in_region(EU).rest_api_id
    arn = f"arn:aws:apigateway:{EU}::/restapis/{api_id}"
    client = lab_target.apigateway(EU)
    client.tag_resource(resourceArn=arn, tags={"harness:allow-faults": "false"})
    try:
        with (
            pytest.raises(NotOptedIn, match="only stacks whose owner set it to 'true'"),
            inject(HealthBroken(region=EU), lab_target, recorder, journal),
        ):
            pytest.fail("the fault was let in")
    finally:
        client.tag_resource(resourceArn=arn, tags={"harness:allow-faults": "true"})

    assert journal.open_entries() == []


def test_a_stack_that_is_gone_is_named(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    gone = msgspec.structs.replace(lab_target.stack.in_region(EU), stage="staging")
    stack = msgspec.structs.replace(lab_target.stack, regions=(lab_target.stack.regions[0], gone))
    target = Target(stack, lab_target.endpoints, name="lab")
    with (
        pytest.raises(NotDeployed, match=r"/staging does not exist in eu-west-1: .* deploy or discover again"),
        inject(HealthBroken(region=EU), target, recorder, journal),
    ):
        pytest.fail("the fault was let in")


KILLED = """
import pathlib, sys, time
from harness.events import RunHeader
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.recorder import Recorder
from harness.target import load_target

target = load_target(pathlib.Path(sys.argv[1]))
header = RunHeader(start_s=0, end_s=0, source="t", name="t", started_at="", target="lab", clock_rate=40, seed=1,
                   stack=target.stack, harness_version="0")
journal = Journal(pathlib.Path(sys.argv[2]), run="killed")
with inject(HealthBroken(region="eu-west-1"), target, Recorder(target.new_clock(), header), journal):
    print("broken", flush=True)
    time.sleep(60)
"""


def broken_by_another_process(target: Target, folder: Path) -> subprocess.Popen[str]:
    """A process that holds the fault; returns when it bites."""
    save_target(target, folder / "target.json")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder / "target.json"), str(folder / "journal.jsonl")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "broken\n"
    return process


def test_after_kill_9_nothing_new_starts_until_recover_has_undone_it(lab_target: Target, tmp_path: Path) -> None:
    process = broken_by_another_process(lab_target, tmp_path)
    process.kill()
    process.wait(10)
    path = tmp_path / "journal.jsonl"
    assert health_variable(lab_target) == "503"
    with Journal(path, run="next") as journal, pytest.raises(JournalOpen, match="harness recover"):
        journal.refuse_if_open()

    results = recover(path, lambda _result: None)

    assert [(result.how, result.ok) for result in results] == [("recovered", True)]
    assert health_variable(lab_target) == "200"
    assert recover(path, lambda _result: None) == []


def test_recover_is_refused_while_the_run_still_holds_the_fault(lab_target: Target, tmp_path: Path) -> None:
    process = broken_by_another_process(lab_target, tmp_path)
    try:
        with pytest.raises(JournalOpen, match="run killed"):
            recover(tmp_path / "journal.jsonl", lambda _result: None)
    finally:
        # Ctrl-C lets it roll back by itself.
        process.send_signal(signal.SIGINT)
        process.wait(20)

    assert health_variable(lab_target) == "200"
