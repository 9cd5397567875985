"""What every fault of the catalogue promises, tried on a real stack in the lab, one fault after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import AP, EU, US, a_stack
from fault_looks import eventually, read_back

from harness.audit import LoggedCall
from harness.errors import InvalidPlan
from harness.events import FaultPhase
from harness.faults.about import Confidence
from harness.faults.blast_radius import BlastRadius
from harness.faults.calls import AwsCall, actions_of, carry_out
from harness.faults.capacity_capped import CapacityCapped
from harness.faults.catalogue import AnyFault, as_fault, kinds
from harness.faults.clock_skewed import ClockSkewed
from harness.faults.domain_detached import DomainDetached
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.health_check_disabled import HealthCheckDisabled
from harness.faults.health_check_inverted import HealthCheckInverted
from harness.faults.health_check_repointed import HealthCheckRepointed
from harness.faults.journal import Journal
from harness.faults.partition import Partition
from harness.faults.record_removed import RecordRemoved
from harness.faults.record_weighted import RecordWeighted
from harness.faults.recover import recover
from harness.faults.region_outage import RegionOutage
from harness.faults.replication_paused import ReplicationPaused
from harness.faults.replication_paused_by_fis import ReplicationPausedByFis
from harness.faults.resolver_stale import ResolverStale
from harness.faults.table_denied import TableDenied
from harness.faults.table_slow import TableSlow
from harness.faults.throttled import MethodThrottled, StageThrottled
from harness.faults.wan_delayed import WanDelayed
from harness.recorder import Recorder
from harness.target import Target

EXAMPLES: tuple[AnyFault, ...] = (
    CapacityCapped(regions=(US, EU, AP)),
    ClockSkewed(region=EU),
    ClockSkewed(region=EU, ahead_s=-60),
    DomainDetached(region=EU),
    EndpointDisabled(region=EU),
    HealthBroken(region=EU),
    HealthCheckDisabled(region=EU),
    HealthCheckInverted(region=EU),
    HealthCheckRepointed(region=EU),
    HealthCheckRepointed(region=EU, path="/prod/health/deep"),
    MethodThrottled(region=EU),
    Partition(region=EU, other=US),
    RecordRemoved(region=EU),
    RegionOutage(region=EU),
    RegionOutage(region=EU, mode="hang"),
    RecordWeighted(region=EU),
    RecordWeighted(region=US, weight=10),
    ReplicationPaused(region=EU),
    StageThrottled(region=EU),
    TableDenied(region=EU),
    TableSlow(region=EU, share=0.5),
    WanDelayed(region=EU, other=US),
)

on_each_fault = pytest.mark.parametrize("fault", EXAMPLES, ids=str)


@on_each_fault
@pytest.mark.lab
def test_it_is_proven_from_outside_and_leaves_everything_as_it_was(
    fault: AnyFault,
    lab_target: Target,
    recorder: Recorder,
    journal: Journal,
) -> None:
    """To the byte, as read back; undoing it again, or recovering once more, changes nothing."""
    before = read_back(lab_target)
    # One of them is in every region by its nature.
    every = BlastRadius(every_region_of=lab_target.stack.name)
    with inject(fault, lab_target, recorder, journal, blast_radius=every, prove_within_s=120) as injection:
        (entry,) = journal.open_entries()

        assert injection.proof is not None
        assert read_back(lab_target) != before

    assert read_back(lab_target) == before
    assert recorder.history().faults[-1].phase is FaultPhase.REMOVED
    as_fault(fault).rollback(lab_target, entry.snapshot)
    assert as_fault(fault).is_rolled_back(lab_target, entry.snapshot)
    assert read_back(lab_target) == before
    assert eventually(lab_target, lambda: as_fault(fault).prove_removed(lab_target))


@on_each_fault
@pytest.mark.lab
def test_undoing_what_was_never_done_changes_nothing(fault: AnyFault, lab_target: Target) -> None:
    """A run that was killed between its journal entry and its first call."""
    before = read_back(lab_target)
    snapshot = as_fault(fault).snapshot(lab_target)

    as_fault(fault).rollback(lab_target, snapshot)

    assert as_fault(fault).is_rolled_back(lab_target, snapshot)
    assert read_back(lab_target) == before


@on_each_fault
@pytest.mark.lab
def test_after_a_kill_any_process_with_the_journal_undoes_it(
    fault: AnyFault, lab_target: Target, tmp_path: Path
) -> None:
    """The entry is on disk and the calls were made; nothing else of the run is left."""
    before = read_back(lab_target)
    with Journal(tmp_path / "j.jsonl", run="killed") as journal:
        snapshot = as_fault(fault).snapshot(lab_target)
        journal.open(fault, snapshot, target=lab_target.name, stack=lab_target.stack, endpoints=lab_target.endpoints)
        carry_out(as_fault(fault).changes(lab_target.stack, snapshot), lab_target)

    assert [result.how for result in recover(tmp_path / "j.jsonl", lambda _: None)] == ["recovered"]
    assert read_back(lab_target) == before
    assert recover(tmp_path / "j.jsonl", lambda _: None) == []


@on_each_fault
@pytest.mark.lab
def test_it_calls_what_it_says_and_needs_no_more_permissions_than_it_lists(
    fault: AnyFault, lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """Every call is overheard: those that change something are those of changes(), each done once."""
    target = Target(lab_target.stack, lab_target.endpoints, name="lab")
    heard: list[LoggedCall] = []
    snapshot = as_fault(fault).snapshot(target)
    said = as_fault(fault).changes(target.stack, snapshot)
    stop_listening = target.aws.calls.listen(heard.append)
    carry_out(said, target)
    # One that AWS was too busy for and that was made again is not done twice.
    changing = [call for call in heard if call.changes and call.phase == "ended" and call.error is None]
    as_fault(fault).prove(target)
    as_fault(fault).rollback(target, snapshot)
    stop_listening()

    assert [(call.service, call.operation) for call in changing] == [
        (call.service, call.operation) for call in said if isinstance(call, AwsCall)
    ]
    made = [
        AwsCall(service=call.service, region=call.region, operation=call.operation, parameters=call.parameters)
        for call in heard
    ]
    assert set(actions_of([*made, *said])) <= set(fault.about.iam_actions)


@pytest.mark.parametrize("kind", kinds().values(), ids=kinds())
def test_it_says_what_is_known_of_it(kind: type[AnyFault]) -> None:
    """A name as in the plans, one line, its permissions, and nothing stated as fact that is not known."""
    about = kind.about

    assert kind.__struct_config__.tag == kind.name
    assert about.summary
    assert about.aws
    assert about.needs_levers is (about.confidence is Confidence.LAB)
    assert about.iam_actions or about.needs_levers
    assert about.confidence is not Confidence.UNKNOWN or about.unknown


def test_every_kind_of_fault_has_an_example_here() -> None:
    """Two need something made first: test_resolver_stale.py, test_replication_paused_by_fis.py."""
    made_first = {ResolverStale, ReplicationPausedByFis}
    assert {type(fault) for fault in EXAMPLES} | made_first == set(kinds().values())


@pytest.mark.lab
def test_what_is_broken_already_is_not_broken_again(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    """Nothing could be proven of it; by its own journal it is a second fault on one resource, and refused before."""
    fault = HealthCheckDisabled(region=EU)
    check_id = lab_target.stack.in_region(EU).health_check_id
    lab_target.route53().update_health_check(HealthCheckId=check_id, Disabled=True)
    try:
        with (
            pytest.raises(InvalidPlan, match=r"Disabled is 'true' already, so there is nothing to break"),
            inject(fault, lab_target, recorder, journal),
        ):
            pytest.fail("the fault was let in")
    finally:
        lab_target.route53().update_health_check(HealthCheckId=check_id, Disabled=False)


def test_by_hand_is_what_undoing_calls() -> None:
    told = as_fault(HealthCheckInverted(region=EU)).by_hand(a_stack(), {"Inverted": "false"})

    assert told.startswith("aws route53 update-health-check --region us-east-1 --health-check-id ")
    assert told.endswith(" --no-inverted")
