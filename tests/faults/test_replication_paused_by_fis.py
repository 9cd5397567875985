"""replication-paused-by-fis on a table in the lab: FIS's statements come and go, whoever started it lives or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jmespath
import pytest
from builders import EU, a_stack
from fault_looks import read_back

from harness.audit import LoggedCall
from harness.errors import BlastRadiusExceeded, InvalidPlan, NotDeployed, TargetError
from harness.events import FaultPhase
from harness.faults.calls import AwsCall, actions_of, carry_out
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.policies import read_policy
from harness.faults.recover import recover
from harness.faults.replication_paused import ReplicationPaused
from harness.faults.replication_paused_by_fis import ACTION, SID, TAG, ReplicationPausedByFis
from harness.recorder import Recorder
from harness.target import Target

pytestmark = pytest.mark.lab
Make = Callable[..., ReplicationPausedByFis]


def arn_of(target: Target) -> str:
    table = target.stack.in_region(EU).table_name
    return target.dynamodb(EU).describe_table(TableName=table)["Table"]["TableArn"]


def sids(target: Target) -> set[str]:
    return read_policy(target, EU, arn_of(target)).sids()


def statuses(target: Target, fault: ReplicationPausedByFis) -> list[str]:
    found = target.client("fis", EU).list_experiments(experimentTemplateId=fault.experiment_template_id)
    return [one["state"]["status"] for one in found["experiments"]]


@pytest.fixture
def make(lab_target: Target) -> Iterator[Make]:
    """Makes a template, as its owner does, and the fault that starts it; the templates are deleted at the end."""
    client, made = lab_target.client("fis", EU), list[str]()

    def with_template(action: str = ACTION, duration: str = "PT1H", **target: Any) -> ReplicationPausedByFis:
        aimed_at = target or {"resourceArns": [arn_of(lab_target)]}
        template = client.create_experiment_template(
            description="pause",
            roleArn="arn:aws:iam::123456789012:role/fis",
            stopConditions=[{"source": "none"}],
            targets={"t": {"resourceType": "aws:dynamodb:global-table", "selectionMode": "ALL", **aimed_at}},
            actions={"a": {"actionId": action, "parameters": {"duration": duration}, "targets": {"Tables": "t"}}},
        )["experimentTemplate"]
        made.append(template["id"])
        return ReplicationPausedByFis(region=EU, experiment_template_id=template["id"])

    yield with_template
    for template_id in made:
        client.delete_experiment_template(id=template_id)


def test_it_is_proven_from_outside_and_leaves_everything_as_it_was(
    make: Make, lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """To the byte, with somebody else's statement in the policy before, during and after; undone again: the same."""
    fault, arn = make(), arn_of(lab_target)
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": {"AWS": "123456789099"}, "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [{**theirs, "Action": "dynamodb:DeleteItem"}]})
    eu = lab_target.dynamodb(EU)
    carry_out_later(lab_target, lambda: eu.put_resource_policy(ResourceArn=arn, Policy=document))
    try:
        before = read_back(lab_target)
        with inject(fault, lab_target, recorder, journal) as injection:
            (entry,) = journal.open_entries()

            assert injection.proof == "an item written in eu-west-1 was not in any other region 10 s later"
            assert {sid.startswith(SID) for sid in sids(lab_target) - {"Theirs"}} == {True}
            assert statuses(lab_target, fault) == ["running"]
            assert entry.snapshot["duration_s"] == "3600"

        assert read_back(lab_target) == before
        assert statuses(lab_target, fault) == ["stopped"]
        assert recorder.history().faults[-1].phase is FaultPhase.REMOVED
        fault.rollback(lab_target, entry.snapshot)
        assert fault.is_rolled_back(lab_target, entry.snapshot)
        assert read_back(lab_target) == before
    finally:
        carry_out_later(lab_target, lambda: eu.delete_resource_policy(ResourceArn=arn))


def carry_out_later(target: Target, change: Callable[[], object]) -> None:
    """A policy cannot be changed for 15 s after it was."""
    clock = target.new_clock()
    clock.sleep_until_s(16)
    change()


def test_undoing_what_was_never_done_changes_nothing(make: Make, lab_target: Target) -> None:
    fault, before = make(), read_back(lab_target)
    snapshot = fault.snapshot(lab_target)
    fault.rollback(lab_target, snapshot)

    assert fault.is_rolled_back(lab_target, snapshot)
    assert (statuses(lab_target, fault), read_back(lab_target)) == ([], before)


def test_after_a_kill_any_process_with_the_journal_finds_the_experiment_by_its_tag(
    make: Make, lab_target: Target, tmp_path: Path
) -> None:
    """Its id was in the dead process only. One that somebody else started from the template goes on."""
    fault, before = make(), read_back(lab_target)
    with Journal(tmp_path / "j.jsonl", run="killed") as journal:
        snapshot = fault.snapshot(lab_target)
        journal.open(fault, snapshot, target=lab_target.name, stack=lab_target.stack, endpoints=lab_target.endpoints)
        # A call that is made again, since its reply was lost, starts no second one.
        for _ in range(2):
            carry_out(fault.changes(lab_target.stack, snapshot), lab_target)
    assert statuses(lab_target, fault) == ["running"]

    assert [result.how for result in recover(tmp_path / "j.jsonl", lambda _: None)] == ["recovered"]
    assert (statuses(lab_target, fault), read_back(lab_target)) == (["stopped"], before)
    assert recover(tmp_path / "j.jsonl", lambda _: None) == []


def test_somebody_elses_experiment_is_left_alone(make: Make, lab_target: Target) -> None:
    fault = make()
    snapshot = fault.snapshot(lab_target)
    client = lab_target.client("fis", EU)
    theirs = client.start_experiment(experimentTemplateId=fault.experiment_template_id)["experiment"]["id"]
    try:
        fault.rollback(lab_target, snapshot)
        assert statuses(lab_target, fault) == ["running"]
        # The region is still cut off: a person should look.
        assert not fault.is_rolled_back(lab_target, snapshot)
        with pytest.raises(InvalidPlan, match=r"FIS's statements are in the policy of .* already"):
            fault.snapshot(lab_target)
    finally:
        client.stop_experiment(id=theirs)


def test_one_that_has_ended_by_itself_is_rolled_back(make: Make, lab_target: Target) -> None:
    fault, before = make(duration="PT1M"), read_back(lab_target)
    snapshot = fault.snapshot(lab_target)
    carry_out(fault.changes(lab_target.stack, snapshot), lab_target)
    clock = lab_target.new_clock()
    clock.sleep_until_s(61)

    assert fault.is_rolled_back(lab_target, snapshot)
    fault.rollback(lab_target, snapshot)
    assert fault.prove_removed(lab_target)
    assert (statuses(lab_target, fault), read_back(lab_target)) == (["completed"], before)


def test_one_that_fis_fails_to_run_says_why(make: Make, lab_target: Target) -> None:
    fault = make(duration="PT30S")  # FIS takes from one minute on.
    snapshot = fault.snapshot(lab_target)
    with pytest.raises(TargetError, match=r"FIS experiment \w+ in eu-west-1 failed: duration 'PT30S'"):
        carry_out(fault.changes(lab_target.stack, snapshot), lab_target)

    assert fault.is_rolled_back(lab_target, snapshot)


def test_it_needs_no_more_permissions_than_it_lists(make: Make, lab_target: Target) -> None:
    fault, target = make(), Target(lab_target.stack, lab_target.endpoints, name="lab")
    heard: list[LoggedCall] = []
    stop_listening = target.aws.calls.listen(heard.append)
    snapshot = fault.snapshot(target)
    said = fault.changes(target.stack, snapshot)
    carry_out(said, target)
    fault.prove(target)
    fault.rollback(target, snapshot)
    stop_listening()

    made = [
        AwsCall(service=call.service, region=call.region, operation=call.operation, parameters=call.parameters)
        for call in heard
    ]
    assert set(actions_of([*made, *said, *fault.undoing(target.stack, snapshot)])) <= set(fault.about.iam_actions)
    assert "StopExperiment" in {call.operation for call in heard}


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ({"action": "aws:fis:wait"}, r"has actions \['aws:fis:wait'\]: .* name one that has it"),
        ({"resourceArns": ["arn:aws:dynamodb:eu-west-1:123456789012:table/other"]}, "aimed at .*table/other.* make"),
        ({"resourceTags": {"app": "demo"}}, "aimed at tables that it finds by tags or filters"),
        ({"duration": "PT12H"}, "duration 'PT12H': at most 14400 s .* 20 hours; make the template's shorter"),
        ({"duration": "one hour"}, "duration 'one hour': at most"),
    ],
)
def test_other_templates_are_refused_before_anything_is_started(
    make: Make, lab_target: Target, template: dict[str, Any], why: str
) -> None:
    fault = make(**template)
    with pytest.raises(InvalidPlan, match=why):
        fault.snapshot(lab_target)

    assert statuses(lab_target, fault) == []


def test_a_template_that_does_not_exist_is_refused(lab_target: Target) -> None:
    with pytest.raises(NotDeployed, match=r"'EXTnone' does not exist in eu-west-1: create one .* list-experiment-"):
        ReplicationPausedByFis(region=EU, experiment_template_id="EXTnone").snapshot(lab_target)


def test_it_is_not_let_in_beside_replication_paused(
    make: Make, lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """Both write the same policies."""
    snapshot = {"table_arn": "", "stream_arn": ""}
    journal.open(
        ReplicationPaused(region=EU),
        snapshot,
        target=lab_target.name,
        stack=lab_target.stack,
        endpoints=lab_target.endpoints,
    )
    with (
        pytest.raises(BlastRadiusExceeded, match="one would undo the other"),
        inject(make(), lab_target, recorder, journal),
    ):
        pytest.fail("the fault was let in")


def test_by_hand_finds_the_experiment_as_rollback_does() -> None:
    told = ReplicationPausedByFis(region=EU, experiment_template_id="EXT1").by_hand(a_stack(), {"token": "abc"})
    query = told.split('--query "')[1].split('" --output')[0].replace('\\"', '"')
    listed = {"experiments": [{"id": "EXP1", "tags": {TAG: "abc"}}, {"id": "EXP2", "tags": {}}]}

    assert told.startswith('aws fis stop-experiment --region eu-west-1 --id "$(aws fis list-experiments --region')
    assert jmespath.search(query, listed) == ["EXP1"]
