"""What every fault of the catalogue promises, tried on a real stack in the lab, one fault after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import EU, US, a_stack

from harness.errors import InvalidPlan
from harness.events import FaultPhase
from harness.faults.about import Confidence
from harness.faults.calls import actions_of, carry_out
from harness.faults.catalogue import AnyFault, as_fault, kinds
from harness.faults.fault import inject
from harness.faults.health_broken import HealthBroken
from harness.faults.health_check_disabled import HealthCheckDisabled
from harness.faults.health_check_inverted import HealthCheckInverted
from harness.faults.health_check_repointed import HealthCheckRepointed
from harness.faults.journal import Journal
from harness.faults.record_removed import RecordRemoved
from harness.faults.record_weighted import RecordWeighted
from harness.faults.recover import recover
from harness.faults.replication_paused import ReplicationPaused
from harness.recorder import Recorder
from harness.target import Target

EXAMPLES: tuple[AnyFault, ...] = (
    HealthBroken(region=EU),
    HealthCheckDisabled(region=EU),
    HealthCheckInverted(region=EU),
    HealthCheckRepointed(region=EU),
    RecordRemoved(region=EU),
    RecordWeighted(region=EU),
    RecordWeighted(region=US, weight=10),
    ReplicationPaused(region=EU),
)

on_each_fault = pytest.mark.parametrize("fault", EXAMPLES, ids=lambda fault: fault.describe())

ReadBack = Callable[[Target], dict[str, str]]


@on_each_fault
@pytest.mark.lab
def test_it_is_proven_from_outside_and_leaves_everything_as_it_was(
    fault: AnyFault, lab_target: Target, recorder: Recorder, journal: Journal, read_back: ReadBack
) -> None:
    """To the byte, as read back; undoing it again, or recovering once more, changes nothing."""
    before = read_back(lab_target)
    with inject(fault, lab_target, recorder, journal, prove_within_s=120) as injection:
        (entry,) = journal.open_entries()

        assert injection.proof is not None
        assert read_back(lab_target) != before

    assert read_back(lab_target) == before
    assert recorder.history().faults[-1].phase is FaultPhase.ROLLED_BACK
    as_fault(fault).rollback(lab_target, entry.snapshot)
    assert as_fault(fault).is_rolled_back(lab_target, entry.snapshot)
    assert read_back(lab_target) == before
    assert comes_true(lab_target, lambda: as_fault(fault).prove_removed(lab_target))


@on_each_fault
@pytest.mark.lab
def test_undoing_what_was_never_done_changes_nothing(fault: AnyFault, lab_target: Target, read_back: ReadBack) -> None:
    """A run that was killed between its journal entry and its first call."""
    before = read_back(lab_target)
    snapshot = as_fault(fault).snapshot(lab_target)

    as_fault(fault).rollback(lab_target, snapshot)

    assert as_fault(fault).is_rolled_back(lab_target, snapshot)
    assert read_back(lab_target) == before


@on_each_fault
@pytest.mark.lab
def test_after_a_kill_any_process_with_the_journal_undoes_it(
    fault: AnyFault, lab_target: Target, tmp_path: Path, read_back: ReadBack
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
    """Every call of boto3 is overheard: those that change something are those of changes(), each once."""
    target = Target(lab_target.stack, lab_target.endpoints, name="lab")
    with overheard(target) as heard:
        snapshot = as_fault(fault).snapshot(target)
        said = as_fault(fault).changes(target.stack, snapshot)
        heard.clear()
        carry_out(said, target)
        changing = [name for name in heard if not name.split(":")[1].startswith(("Get", "Describe", "List"))]
        as_fault(fault).prove(target)
        as_fault(fault).rollback(target, snapshot)

    assert changing == [f"{call.service}:{call.operation}" for call in said if call.iam_actions]
    used = {action_of(name) for name in heard}
    assert used | set(actions_of(said)) <= set(fault.about.iam_actions)


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
    assert {type(fault) for fault in EXAMPLES} == set(kinds().values())


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


class overheard:  # noqa: N801  # reads as a sentence
    """The service:operation of every call that boto3 makes for `target` inside the block."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> list[str]:
        heard: list[str] = []
        for region in self._target.stack.region_names:
            for client in (self._target.apigateway(region), self._target.dynamodb(region)):
                client.meta.events.register("before-call", lambda model, **_: heard.append(_name(model)))
        self._target.route53().meta.events.register("before-call", lambda model, **_: heard.append(_name(model)))
        return heard

    def __exit__(self, *_: object) -> None: ...


def _name(model: object) -> str:
    return f"{model.service_model.service_name}:{model.name}"  # type: ignore[attr-defined]


def action_of(name: str) -> str:
    service, operation = name.split(":")
    if service != "apigateway":
        return name
    verbs = {"Get": "GET", "Update": "PATCH", "Create": "POST", "Delete": "DELETE", "Put": "PUT"}
    return f"apigateway:{next(method for verb, method in verbs.items() if operation.startswith(verb))}"


def comes_true(target: Target, holds: Callable[[], bool], within_s: float = 120.0) -> bool:
    clock = target.new_clock()
    while not holds():
        if clock.now_s() > within_s:
            return False
        clock.sleep_until_s(clock.now_s() + 1.0)
    return True
