"""Denials by resource policy, through the endpoint and in-process."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

US, EU = "us-east-1", "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/api"
KEY = {"pk": {"S": "a"}}


@pytest.fixture
def deny(client, orders):
    """Puts a Deny statement on the table in Ireland; changes replace its elements."""
    arn = f"arn:aws:dynamodb:{EU}:123456789012:table/{orders}"

    def put(**changes) -> None:
        statement = {"Sid": "S", "Effect": "Deny", "Principal": "*", "Action": "dynamodb:*", "Resource": arn, **changes}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client(EU).put_resource_policy(ResourceArn=arn, Policy=document)

    put.arn = arn
    return put


def item_operations(client, table: str) -> dict:
    """One call of each kind that touches items of `table`."""
    transact_put = [{"Put": {"TableName": table, "Item": KEY}}]
    statement = f"INSERT INTO \"{table}\" VALUE {{'pk': 'p'}}"
    return {
        "PutItem": lambda: client.put_item(TableName=table, Item=KEY),
        "GetItem": lambda: client.get_item(TableName=table, Key=KEY),
        "UpdateItem": lambda: client.update_item(TableName=table, Key=KEY, AttributeUpdates={}),
        "DeleteItem": lambda: client.delete_item(TableName=table, Key=KEY),
        "Scan": lambda: client.scan(TableName=table),
        "Query": lambda: client.query(
            TableName=table, KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}
        ),
        "BatchGetItem": lambda: client.batch_get_item(RequestItems={table: {"Keys": [KEY]}}),
        "BatchWriteItem": lambda: client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": KEY}}]}),
        "PutItem in a transaction": lambda: client.transact_write_items(TransactItems=transact_put),
        "GetItem in a transaction": lambda: client.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": KEY}}]
        ),
        "PartiQLInsert": lambda: client.execute_statement(Statement=statement),
        "PartiQLInsert in a batch": lambda: client.batch_execute_statement(Statements=[{"Statement": statement}]),
    }


def test_every_item_operation_is_denied_with_http_400(client, orders, deny):
    deny()
    replies = {}
    for name, operation in item_operations(client(EU), orders).items():
        with pytest.raises(ClientError) as caught:
            operation()
        error = caught.value.response
        replies[name] = (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"])
        assert f"dynamodb:{name.split(maxsplit=1)[0]} on resource: {deny.arn}" in error["Error"]["Message"]

    assert set(replies.values()) == {("AccessDeniedException", 400)}


def test_only_the_denied_action_is_denied(client, orders, deny):
    deny(Action="dynamodb:GetItem")
    client(EU).put_item(TableName=orders, Item=KEY)

    with pytest.raises(ClientError, match="AccessDenied"):
        client(EU).get_item(TableName=orders, Key=KEY)


def test_a_denial_in_one_region_leaves_the_others(client, orders, deny, item_in):
    deny()

    assert item_in(US, "a") is None


def test_a_denied_region_still_receives_replicated_writes(client, orders, deny, arrive, item_in):
    deny(Action="dynamodb:PutItem", Principal={"AWS": ROLE})
    client(US).put_item(TableName=orders, Item=KEY)
    arrive()

    assert item_in(EU, "a") == KEY


def test_removing_the_policy_ends_the_denial(client, orders, deny, item_in, clock):
    deny()
    clock.advance_s(15)  # no change sooner after a change
    client(EU).delete_resource_policy(ResourceArn=deny.arn)

    assert item_in(EU, "a") is None


def test_a_denial_ends_by_itself_on_the_labs_calendar(client, orders, deny, clock, item_in):
    ends_at = clock.calendar() + timedelta(seconds=60)
    deny(Condition={"DateLessThan": {"aws:CurrentTime": ends_at.isoformat()}})
    with pytest.raises(ClientError, match="AccessDenied"):
        item_in(EU, "a")
    clock.advance_s(60)

    assert item_in(EU, "a") is None


def test_in_process_callers_are_denied_by_their_role(orders, deny, tables):
    deny(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    request = {"TableName": orders, "Key": KEY}

    status, body = tables.call(EU, "GetItem", request, ROLE)
    assert (status, body["__type"].split("#")[1]) == (400, "AccessDeniedException")
    assert tables.call(EU, "GetItem", request, "arn:aws:iam::123456789012:role/other") == (200, {})


def test_the_endpoints_caller_is_known_by_its_access_key(client, orders, deny, aws_url):
    iam = client(US, "iam")
    iam.create_user(UserName="tester")
    key = iam.create_access_key(UserName="tester")["AccessKey"]
    deny(Principal={"AWS": "arn:aws:iam::123456789012:user/tester"})
    tester = boto3.client(
        "dynamodb",
        region_name=EU,
        endpoint_url=aws_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    client(EU).get_item(TableName=orders, Key=KEY)
    with pytest.raises(ClientError, match="user/tester is not authorized"):
        tester.get_item(TableName=orders, Key=KEY)
    iam.delete_access_key(UserName="tester", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="tester")


def test_the_endpoints_caller_may_have_assumed_a_role(client, orders, deny, aws_url):
    credentials = client(US, "sts").assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"]
    deny(Principal={"AWS": ROLE})
    assumed = boto3.client(
        "dynamodb",
        region_name=EU,
        endpoint_url=aws_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )

    with pytest.raises(ClientError, match="assumed-role/api/session is not authorized"):
        assumed.get_item(TableName=orders, Key=KEY)


def test_a_policy_that_the_lab_cannot_evaluate_is_refused_when_it_is_put(client, deny):
    with pytest.raises(ClientError, match=r"ValidationException.*IpAddress"):
        deny(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})


def test_a_table_made_again_is_not_denied_by_the_old_tables_policy(client, orders, deny, tables):
    deny(Principal={"AWS": ROLE})
    client(US).update_table(TableName=orders, ReplicaUpdates=[{"Delete": {"RegionName": EU}}])
    client(US).update_table(TableName=orders, ReplicaUpdates=[{"Create": {"RegionName": EU}}])

    assert tables.call(EU, "GetItem", {"TableName": orders, "Key": KEY}, ROLE) == (200, {})
