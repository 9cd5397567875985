"""Resource policies put, read and deleted as AWS does it; through boto3."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

EU = "eu-west-1"


def document(sid: str = "S", padding: int = 0) -> str:
    statement = {"Sid": sid, "Effect": "Deny", "Principal": {"AWS": "123456789099"}, "Action": "dynamodb:GetItem"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]}) + " " * padding


@pytest.fixture(params=["table", "stream"])
def arn(request, client, orders) -> str:
    table = client(EU).describe_table(TableName=orders)["Table"]
    return table["TableArn"] if request.param == "table" else table["LatestStreamArn"]


@pytest.fixture
def dynamodb(client):
    return client(EU)


def put(dynamodb, arn: str, sid: str = "S", **expected: str) -> str:
    return dynamodb.put_resource_policy(ResourceArn=arn, Policy=document(sid), **expected)["RevisionId"]


def test_what_was_put_is_read_back_with_its_revision(dynamodb, arn):
    revision = put(dynamodb, arn)
    reply = dynamodb.get_resource_policy(ResourceArn=arn)

    assert (reply["Policy"], reply["RevisionId"]) == (document(), revision)


def test_the_same_policy_put_again_keeps_its_revision_and_is_not_blocked(dynamodb, arn):
    assert put(dynamodb, arn) == put(dynamodb, arn)


def test_each_change_has_a_revision_of_its_own_however_fast_they_follow(tables, arn, clock):
    revisions = set()
    for sid in map(str, range(20)):
        request = {"ResourceArn": arn, "Policy": document(sid)}
        status, body = tables.call(EU, "PutResourcePolicy", request, "arn:aws:iam::123456789012:root")
        assert status == 200, body
        revisions.add(body["RevisionId"])
        clock.advance_s(15)

    assert len(revisions) == 20


def test_a_change_is_blocked_for_fifteen_seconds_after_the_last(dynamodb, arn, clock):
    put(dynamodb, arn, "A")
    clock.advance_s(14)
    with pytest.raises(dynamodb.exceptions.ResourceInUseException, match=r"try again in 1\.0 s"):
        put(dynamodb, arn, "B")
    with pytest.raises(dynamodb.exceptions.ResourceInUseException):
        dynamodb.delete_resource_policy(ResourceArn=arn)

    clock.advance_s(1)
    put(dynamodb, arn, "B")


def test_without_a_policy_reading_says_so(dynamodb, arn):
    with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
        dynamodb.get_resource_policy(ResourceArn=arn)


def test_a_policy_is_deleted_by_its_revision(dynamodb, arn, clock):
    revision = put(dynamodb, arn)
    clock.advance_s(15)

    assert dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)["RevisionId"] == revision
    with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
        dynamodb.get_resource_policy(ResourceArn=arn)


def test_deleting_what_is_not_there_is_no_error(dynamodb, arn):
    assert "RevisionId" not in dynamodb.delete_resource_policy(ResourceArn=arn)


@pytest.mark.parametrize("expected", ["1", "NO_POLICY"])
def test_another_revision_than_the_expected_one_is_refused(dynamodb, arn, clock, expected):
    put(dynamodb, arn, "A")
    clock.advance_s(15)

    for change in (
        lambda: put(dynamodb, arn, "B", ExpectedRevisionId=expected),
        lambda: dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=expected),
    ):
        with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
            change()
    assert dynamodb.get_resource_policy(ResourceArn=arn)["Policy"] == document("A")


def test_an_expected_revision_where_there_is_none_is_refused(dynamodb, arn):
    with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
        put(dynamodb, arn, ExpectedRevisionId="1")


def test_no_policy_can_be_what_is_expected(dynamodb, arn):
    assert put(dynamodb, arn, ExpectedRevisionId="NO_POLICY")


@pytest.mark.parametrize(
    "change",
    [
        lambda arn: arn + "s",
        lambda arn: arn.replace("orders", "others"),
        lambda arn: arn.replace("eu-west-1", "us-east-1"),
    ],
)
def test_a_resource_that_is_not_there_is_named(dynamodb, arn, change):
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        put(dynamodb, change(arn))


def test_what_is_no_arn_of_a_table_is_refused(dynamodb, tables):
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid ResourceArn"):
        put(dynamodb, "arn:aws:s3:::bucket")


def test_a_policy_above_twenty_kilobytes_is_refused(dynamodb, arn):
    with pytest.raises(ClientError, match=r"ValidationException.*20480"):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=document(padding=20_480))
