"""replication-paused on a table in the lab: it bites, and only our statements come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from builders import AP, EU, US, a_header

from harness.errors import InvalidPlan
from harness.events import FaultPhase
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.policies import read_policy
from harness.faults.replication_paused import SIDS, ReplicationPaused, table_statements
from harness.recorder import Recorder
from harness.target import Target

TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo"


def test_the_statements_are_those_that_fis_writes() -> None:
    service, role = table_statements(TABLE_ARN, "2026-01-01T00:00:00Z")

    assert service["Action"] == ["dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication"]
    assert service["Condition"] == {
        "StringEquals": {"aws:PrincipalServiceName": "replication.dynamodb.amazonaws.com"},
        "DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
    }
    assert role["Condition"]["ArnEquals"]["aws:PrincipalArn"].endswith(
        "role/aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication"
    )
    assert "dynamodb:PutItem" in role["Action"]


def test_a_pause_near_the_twenty_hours_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="drops a replica for good"):
        ReplicationPaused(region=EU, expires_after_s=5 * 3600)


def test_by_hand_is_a_command_for_each_policy() -> None:
    snapshot = {
        "table_arn": TABLE_ARN,
        "table_policy": '{"Statement": [{"Sid": "Theirs"}]}',
        "stream_arn": f"{TABLE_ARN}/stream/1",
        "stream_policy": "",
    }
    told = ReplicationPaused(region=EU).by_hand(a_header().stack, snapshot)

    assert "aws dynamodb delete-resource-policy --region eu-west-1 --resource-arn " + TABLE_ARN + "/stream/1" in told
    assert '"Sid": "Theirs"' in told


@pytest.fixture
def recorder(lab_target: Target) -> Recorder:
    header = msgspec.structs.replace(a_header(), stack=lab_target.stack)
    return Recorder(lab_target.new_clock(), header)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl", run="test") as journal:
        yield journal


@pytest.mark.lab
def test_it_bites_and_leaves_others_statements_alone(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    """Somebody else's statement stands in the table's policy before, during and after."""
    client = lab_target.dynamodb(AP)
    table = lab_target.stack.in_region(AP).table_name
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    theirs = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"},
        "Action": "dynamodb:DeleteItem",
        "Resource": arn,
    }
    client.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))

    with inject(ReplicationPaused(region=AP), lab_target, recorder, journal) as injection:
        assert injection.proof == "an item written in ap-southeast-2 was not in any other region 10 s later"
        assert read_policy(lab_target, AP, arn).sids() == {"Theirs", *SIDS}

    assert read_policy(lab_target, AP, arn).sids() == {"Theirs"}
    assert recorder.history().faults[-1].phase is FaultPhase.REMOVED
    assert ReplicationPaused(region=AP).prove_removed(lab_target)
    assert lab_target.stack.region_names == (US, EU, AP)
