"""table-denied on the lab: the API alone is denied, only our statement comes and goes, and it ends by itself."""

from __future__ import annotations

import json

import msgspec
import pytest
from builders import EU, US

from harness.errors import InvalidPlan, NotDeployed
from harness.faults.calls import carry_out
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.policies import NO_POLICY, read_policy
from harness.faults.table_denied import SID, TableDenied, statement
from harness.probes.endpoint import get_status, request_in_region
from harness.recorder import Recorder
from harness.target import Target

TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo"
ROLE = "arn:aws:iam::123456789012:role/api"


def statuses(target: Target, region: str) -> tuple[int | None, ...]:
    """(shallow health, deep health, reading an item)"""
    host = target.stack.in_region(region).execute_api_host
    read = request_in_region(target, region, "GET", "/data/nothing")
    return get_status(target, host, "/prod/health"), get_status(target, host, "/prod/health/deep"), read and read[0]


def table_arn(target: Target) -> str:
    table = target.stack.in_region(EU).table_name
    return target.dynamodb(EU).describe_table(TableName=table)["Table"]["TableArn"]


def test_the_statement_denies_the_role_for_a_time() -> None:
    written = statement(TABLE_ARN, [ROLE], "all", "2026-01-01T00:00:00Z")

    assert {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"} <= set(written["Action"])
    assert written["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [ROLE]},
        "DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
    }


def test_a_denial_that_would_last_for_days_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="ends soon though nobody undoes it"):
        TableDenied(region=EU, expires_after_s=86_400)


@pytest.mark.lab
def test_the_shallow_health_route_does_not_notice_and_the_deep_one_does(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    with inject(TableDenied(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof == "HTTP 503 to GET of the application in eu-west-1"
        assert statuses(lab_target, EU) == (200, 503, 503)
        assert statuses(lab_target, US) == (200, 200, 404)
        # Whoever is not the API's role still gets in: the harness's own reads and replication.
        lab_target.dynamodb(EU).get_item(
            TableName=lab_target.stack.in_region(EU).table_name, Key={"pk": {"S": "nothing"}}
        )

    assert statuses(lab_target, EU) == (200, 200, 404)
    assert read_policy(lab_target, EU, table_arn(lab_target)).revision == NO_POLICY


@pytest.mark.lab
def test_denied_writes_are_seen_by_no_health_route(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    with inject(TableDenied(region=EU, operations="writes"), lab_target, recorder, journal) as injection:
        assert injection.proof == "HTTP 503 to POST of the application in eu-west-1"
        assert statuses(lab_target, EU) == (200, 200, 404)


@pytest.mark.lab
def test_the_proof_of_writes_leaves_no_item_behind(lab_target: Target) -> None:
    table = lab_target.stack.in_region(EU).table_name
    before = lab_target.dynamodb(EU).scan(TableName=table, ConsistentRead=True)["Count"]

    assert TableDenied(region=EU, operations="writes").prove(lab_target) is None

    assert lab_target.dynamodb(EU).scan(TableName=table, ConsistentRead=True)["Count"] == before


@pytest.mark.lab
def test_others_statements_stay_whenever_they_came(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    """One stands before the fault, another one comes while it is in force; after it both are there, ours is not."""
    arn, client = table_arn(lab_target), lab_target.dynamodb(EU)
    theirs = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"},
        "Action": "dynamodb:DeleteItem",
        "Resource": arn,
    }
    clock = lab_target.new_clock()

    def put(*statements: dict) -> None:
        clock.sleep_until_s(clock.now_s() + 16)  # AWS lets a policy be changed once in 15 s.
        client.put_resource_policy(
            ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        )

    put(theirs)
    try:
        with inject(TableDenied(region=EU), lab_target, recorder, journal):
            held = read_policy(lab_target, EU, arn)
            assert held.sids() == {"Theirs", SID}
            put(*held.statements, {**theirs, "Sid": "TheirsToo"})

        assert read_policy(lab_target, EU, arn).sids() == {"Theirs", "TheirsToo"}
    finally:
        clock.sleep_until_s(clock.now_s() + 16)
        client.delete_resource_policy(ResourceArn=arn)


@pytest.mark.lab
def test_it_ends_by_itself(lab_target: Target) -> None:
    """Ten seconds from the snapshot on; the statement is still there, and denies nobody any more."""
    fault = TableDenied(region=EU, expires_after_s=10)
    clock = lab_target.new_clock()
    snapshot = fault.snapshot(lab_target)
    try:
        carry_out(fault.changes(lab_target.stack, snapshot), lab_target)
        clock.sleep_until_s(clock.now_s() + 12)

        assert statuses(lab_target, EU) == (200, 200, 404)
        assert SID in read_policy(lab_target, EU, table_arn(lab_target)).sids()
    finally:
        fault.rollback(lab_target, snapshot)


@pytest.mark.lab
def test_an_api_without_a_role_for_the_table_is_named(lab_target: Target) -> None:
    """Somebody else's API, with one MOCK method."""
    client = lab_target.apigateway(EU)
    api_id = client.create_rest_api(name="theirs")["id"]
    try:
        regional = msgspec.structs.replace(lab_target.stack.in_region(EU), rest_api_id=api_id)
        stack = msgspec.structs.replace(lab_target.stack, regions=(regional,))
        with pytest.raises(NotDeployed, match="no integration with DynamoDB that names a role"):
            TableDenied(region=EU).snapshot(Target(stack, lab_target.endpoints, name="lab"))
    finally:
        client.delete_rest_api(restApiId=api_id)
