"""run_experiment() against the lab, with the quickest health checks there are: a failed look in 10 s decides.

What is measured depends on how busy the machine is; what these tests claim does not: which faults were injected and
undone, what the history and the run keep, and how a stack that does not fail over is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from builders import EU

from harness import experiment as experiment_module
from harness.checkers.checks import (
    Allowances,
    Check,
    DetectedInTime,
    DnsChangedInTime,
    FaultProven,
    RoutedToNextNearest,
    VantagesRecovered,
)
from harness.errors import GuardTripped, InvalidPlan, NotOptedIn
from harness.events import DnsAnswer, FaultPhase, HealthObservation, HttpReply
from harness.experiment import Experiment, Stage, run_experiment
from harness.faults.health_broken import HealthBroken
from harness.faults.schedule import Flap
from harness.findings import Finding, Verdict
from harness.guards import StopFile
from harness.history import load_history
from harness.probes.live import check_healthy, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import HISTORY_FILE, Run, load_run
from harness.stack import OPT_IN_TAG
from harness.target import Target
from harness.vantages import choose
from harness.workload import Workload, place_item

pytestmark = pytest.mark.lab

PATIENT = Allowances(margin_s=200.0)
"""A busy machine may hold anything up for seconds, which are minutes here."""

CHECKS: tuple[Check, ...] = (
    FaultProven(),
    DetectedInTime(region=EU, allowances=PATIENT),
    DnsChangedInTime(region=EU, allowances=PATIENT),
    VantagesRecovered(region=EU, allowances=PATIENT),
    RoutedToNextNearest(region=EU),
)


@pytest.fixture
def run(lab_target: Target, tmp_path: Path) -> Iterator[Run]:
    run = Run(
        "test",
        lab_target,
        reports=tmp_path / "reports",
        journal=tmp_path / "journal.jsonl",
        vantages=choose(["eu-west-1", "eu-west-2", "us-east-1", "ap-southeast-2"]),
        seed=1,
    )
    yield run
    run.close()


@pytest.fixture
def failover(run: Run) -> Experiment:
    """eu-west-1 is sick until everyone left it."""
    home = run.home
    return Experiment(
        name="failover",
        question="?",
        faults=(HealthBroken(region=EU),),
        checks=CHECKS,
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        steady_s=5.0,
        hold_until=lambda since_s: every_vantage_left(EU, since_s=since_s),
        hold_at_most_s=400.0,
        hold_more_s=1.0,
        recovered=lambda since_s: check_healthy(EU, since_s=since_s),
        recover_at_most_s=400.0,
        probes=ProbePlan(path=place_item(run.target, "test", run.clock), https_every_s=2.0),
    )


def silent(_stage: Stage) -> None: ...


def health_variable(target: Target) -> str:
    regional = target.stack.in_region(EU)
    stage = target.apigateway(EU).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    return stage["variables"]["HEALTH"]


def phases(run: Run) -> list[FaultPhase]:
    return [event.phase for event in run.recorder.history().faults]


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    """The worst verdict of each checker."""
    found: dict[str, Verdict] = {}
    for finding in findings:
        name = finding.checker.split(":")[0]
        found[name] = Verdict.worst((found.get(name, Verdict.PASS), finding.verdict))
    return found


def test_a_failover_is_broken_measured_mended_and_kept(failover: Experiment, run: Run) -> None:
    findings = run_experiment(failover, run, silent)

    assert phases(run) == [
        FaultPhase.INJECTING,
        FaultPhase.INJECTED,
        FaultPhase.PROVEN,
        FaultPhase.ROLLING_BACK,
        FaultPhase.ROLLED_BACK,
        FaultPhase.REMOVED,
    ]
    assert {finding.verdict for finding in findings} == {Verdict.PASS}, findings
    assert {finding.experiment for finding in findings} == {"failover"}
    run.close()
    saved = load_history(run.folder / HISTORY_FILE).history
    assert min(len(saved.of(kind)) for kind in (HttpReply, DnsAnswer, HealthObservation)) > 10
    assert saved.experiment("failover").aborted is None
    assert load_run(run.folder).experiments[0].checks == CHECKS
    assert health_variable(run.target) == "200"


def test_a_flapping_fault_is_injected_proven_and_undone_once_a_cycle(failover: Experiment, run: Run) -> None:
    """Two cycles of 20 s, on for half; nothing is held after the last one."""
    flap = Flap(fault=HealthBroken(region=EU), period_s=20, cycles=2)
    flapping = msgspec.structs.replace(failover, faults=(), steps=(flap,), checks=(FaultProven(),), hold_at_most_s=0)

    findings = run_experiment(flapping, run, silent)

    cycle = [
        FaultPhase.INJECTING,
        FaultPhase.INJECTED,
        FaultPhase.PROVEN,
        FaultPhase.ROLLING_BACK,
        FaultPhase.ROLLED_BACK,
    ]
    assert phases(run) == [*cycle, *cycle, FaultPhase.REMOVED, FaultPhase.REMOVED]
    assert len({event.fault_id for event in run.recorder.history().faults}) == 2
    assert {finding.verdict for finding in findings} == {Verdict.PASS}
    assert run.journal.open_entries() == []
    assert health_variable(run.target) == "200"


def test_ctrl_c_between_two_cycles_leaves_nothing_broken(failover: Experiment, run: Run) -> None:
    flap = Flap(fault=HealthBroken(region=EU), period_s=20, cycles=5)
    flapping = msgspec.structs.replace(failover, faults=(), steps=(flap,), checks=(FaultProven(),))

    def interrupt(stage: Stage) -> None:
        if stage.doing == "waiting for the next fault" and phases(run):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(flapping, run, interrupt)

    assert phases(run)[-1].is_undone
    assert health_variable(run.target) == "200"


def test_ctrl_c_while_a_fault_bites_undoes_it_and_leaves_what_was_seen(failover: Experiment, run: Run) -> None:
    def interrupt(stage: Stage) -> None:
        if stage.doing.startswith("holding"):
            assert health_variable(run.target) == "503"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(failover, run, interrupt)

    assert health_variable(run.target) == "200"
    assert run.journal.open_entries() == []
    assert phases(run)[-1].is_undone
    assert run.recorder.history().experiment("failover").aborted == "interrupted"
    assert verdicts(run.findings)["time-to-detect"] is Verdict.UNKNOWN


def test_a_guard_that_trips_heals_first_and_reports_second(failover: Experiment, run: Run, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    guarded = msgspec.structs.replace(
        failover, guards=(StopFile(path=str(stop)),), hold_until=lambda _since_s: lambda _view: False
    )

    def stop_while_it_is_held(stage: Stage) -> None:
        if stage.doing.startswith("holding"):
            stop.touch()

    with pytest.raises(GuardTripped, match="stop-file"):
        run_experiment(guarded, run, stop_while_it_is_held)

    assert health_variable(run.target) == "200"
    assert phases(run)[-1].is_undone
    assert run.journal.open_entries() == []
    aborted = run.recorder.history().experiment("failover").aborted
    assert aborted == f"stopped by guard 'stop-file': {stop} exists; remove it to go on"
    assert verdicts(run.findings)["aborted"] is Verdict.UNKNOWN
    record = run.close()
    assert (record.exit_code, record.experiments[0].stopped_by) == (4, aborted)


def test_a_guard_that_does_not_hold_lets_nothing_be_broken(failover: Experiment, run: Run, tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    run.guards = (StopFile(path=str(tmp_path / "stop")),)

    with pytest.raises(GuardTripped):
        run_experiment(failover, run, silent)

    assert phases(run) == []


def test_nothing_is_broken_when_the_steady_state_is_not_reached(
    failover: Experiment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_view: object) -> bool:
        return False

    monkeypatch.setattr(experiment_module, "STEADY_WITHIN_S", 10.0)
    unsteady = msgspec.structs.replace(failover, steady=lambda _since_s: never)

    findings = run_experiment(unsteady, run, silent)

    assert phases(run) == []
    assert health_variable(run.target) == "200"
    assert run.recorder.history().experiment("failover").aborted == "no steady state within 10 s"
    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}


def test_what_stopped_an_experiment_is_in_its_history(failover: Experiment, run: Run) -> None:
    api_id = run.target.stack.in_region(EU).rest_api_id
    arn = f"arn:aws:apigateway:{EU}::/restapis/{api_id}"
    client = run.target.apigateway(EU)
    client.tag_resource(resourceArn=arn, tags={OPT_IN_TAG: "false"})
    try:
        with pytest.raises(NotOptedIn):
            run_experiment(failover, run, silent)
    finally:
        client.tag_resource(resourceArn=arn, tags={OPT_IN_TAG: "true"})

    assert phases(run) == []
    aborted = run.recorder.history().experiment("failover").aborted
    assert aborted is not None
    assert "faults touch only stacks whose owner set it to 'true'" in aborted


@pytest.fixture
def disabled_check(lab_target: Target) -> Iterator[None]:
    """Route 53 takes a disabled health check for healthy, whatever the endpoint says."""
    check = lab_target.stack.in_region(EU).health_check_id
    lab_target.route53().update_health_check(HealthCheckId=check, Disabled=True)
    yield
    lab_target.route53().update_health_check(HealthCheckId=check, Disabled=False)


@pytest.mark.usefixtures("disabled_check")
def test_a_stack_whose_health_check_is_disabled_fails(failover: Experiment, run: Run) -> None:
    """Held 60 s; the limits are 1 × (10 + 1) + 1 + 10 = 22 s to notice, and 10 s more for DNS."""
    checks: tuple[Check, ...] = (FaultProven(), DetectedInTime(region=EU), DnsChangedInTime(region=EU))
    planted = msgspec.structs.replace(failover, checks=checks, hold_at_most_s=60.0)

    found = verdicts(run_experiment(planted, run, silent))

    assert found == {
        "fault-proven": Verdict.PASS,
        "fault-undone": Verdict.PASS,
        "time-to-detect": Verdict.FAIL,
        "time-until-dns-changed": Verdict.FAIL,
    }


def test_two_workloads_of_one_name_are_refused() -> None:
    """They would write the same values."""
    with pytest.raises(InvalidPlan, match=r"its 2 workloads are named w, w: .* give each a `run` of its own"):
        Experiment(name="e", question="?", checks=(), workloads=(Workload(run="w", seed=1), Workload(run="w", seed=2)))
