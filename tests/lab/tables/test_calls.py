"""The in-process port: the same semantics and the same errors as the endpoint."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

US, EU = "us-east-1", "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/api"
KEY = {"pk": {"S": "a"}}


@pytest.fixture
def call(tables, orders):
    """Calls an operation in Virginia on the table `orders`."""

    def make(action: str, **request):
        return tables.call(US, action, {"TableName": orders, **request}, ROLE)

    return make


def test_an_item_put_in_process_is_read_back_in_process(call):
    assert call("PutItem", Item={**KEY, "name": {"S": 'a"b'}}) == (200, {})
    assert call("GetItem", Key=KEY) == (200, {"Item": {**KEY, "name": {"S": 'a"b'}}})


def test_an_item_that_does_not_exist_is_an_empty_reply(call):
    assert call("GetItem", Key=KEY) == (200, {})


def test_writes_made_in_process_reach_the_other_regions(call, arrive, item_in):
    call("PutItem", Item=KEY)
    call("UpdateItem", Key={"pk": {"S": "b"}}, AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "1"}}})
    arrive()

    assert item_in(EU, "a") == KEY
    assert item_in(EU, "b") == {"pk": {"S": "b"}, "n": {"N": "1"}}


def test_a_delete_returns_the_old_item_when_asked(call):
    call("PutItem", Item=KEY)

    assert call("DeleteItem", Key=KEY, ReturnValues="ALL_OLD") == (200, {"Attributes": KEY})


def test_a_query_returns_the_items_of_one_key(call):
    for pk in ("a", "b"):
        call("PutItem", Item={"pk": {"S": pk}})
    status, body = call("Query", KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}})

    assert (status, body["Items"], body["Count"]) == (200, [KEY], 1)


def test_a_caller_may_not_change_what_the_table_holds(call):
    value = {**KEY, "tags": {"SS": ["x"]}, "map": {"M": {"k": {"S": "v"}}}}
    call("PutItem", Item=value)
    value["tags"]["SS"].append("y")
    value["map"]["M"].clear()

    assert call("GetItem", Key=KEY)[1]["Item"]["tags"] == {"SS": ["x"]}
    assert call("GetItem", Key=KEY)[1]["Item"]["map"] == {"M": {"k": {"S": "v"}}}


@pytest.mark.parametrize(
    ("action", "request_body", "kind", "message"),
    [
        ("PutItem", {}, "ValidationException", "Value null at 'item'"),
        ("GetItem", {"Key": None}, "ValidationException", "Value null at 'key'"),
        ("PutItem", {"Item": "text"}, "SerializationException", "STRING_VALUE"),
        ("PutItem", {"Item": {"pk": {"S": 5}}}, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        ("PutItem", {"Item": {"pk": {"B": "%"}}}, "SerializationException", "base64"),
        ("PutItem", {"Item": {"pk": {}}}, "ValidationException", "AttributeValue is empty"),
        ("PutItem", {"Item": {"pk": {"X": "a"}}}, "ValidationException", "AttributeValue is empty"),
        ("PutItem", {"Item": {"pk": {"S": "a", "N": "1"}}}, "ValidationException", "more than one datatypes"),
        ("PutItem", {"Item": {"name": {"S": "x"}}}, "ValidationException", "Missing the key pk"),
        (
            "PutItem",
            {"Item": KEY, "ConditionExpression": "attribute_exists(pk)"},
            "ConditionalCheckFailedException",
            "",
        ),
        ("PutItem", {"Item": {"pk": {"S": "a"}, "n": {"N": "x"}}}, "ValidationException", "numeric"),
        ("GetItem", {"TableName": "nowhere", "Key": KEY}, "ResourceNotFoundException", "Requested resource not found"),
        ("GetItem", {"TableName": 7, "Key": KEY}, "SerializationException", "NUMBER_VALUE"),
        ("FlyToTheMoon", {}, "UnknownOperationException", "FlyToTheMoon"),
        ("DescribeKinesisStreamingDestination", {}, "UnknownOperationException", "does not implement"),
    ],
)
def test_a_bad_request_is_answered_with_aws_error_and_http_400(call, action, request_body, kind, message):
    status, body = call(action, **request_body)

    assert (status, body["__type"].split("#")[1]) == (400, kind)
    assert message in str(body.get("message", body.get("Message")))


def test_a_fault_of_the_labs_own_is_http_500_and_logged(call, monkeypatch, caplog):
    monkeypatch.setattr("moto.dynamodb.responses.DynamoHandler.scan", lambda _handler: {}["missing"])

    status, body = call("Scan")
    assert (status, body["__type"].split("#")[1]) == (500, "InternalServerError")
    assert "KeyError" in caplog.text


def test_times_and_blobs_are_json(call, tables, orders):
    call("PutItem", Item={**KEY, "blob": {"B": "AP8="}})
    _, body = call("GetItem", Key=KEY)
    _, table = call("DescribeTable")

    assert body["Item"]["blob"] == {"B": "AP8="}
    assert isinstance(table["Table"]["CreationDateTime"], float)


def post(url: str, target: str, body: bytes) -> tuple[int, bytes]:
    request = urllib.request.Request(
        url,
        data=body,
        headers={
            "X-Amz-Target": f"DynamoDB_20120810.{target}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{US}/dynamodb/aws4_request, ",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as reply:
        return reply.code, reply.read()


@pytest.mark.parametrize(
    ("target", "body", "kind"),
    [
        ("PutItem", b'{"TableName": ', b"SerializationException"),
        ("PutItem", b'{"TableName": "t"}', b"ValidationException"),
        ("PutItem", b"\xff\xfe", b"SerializationException"),
        ("FlyToTheMoon", b"{}", b"UnknownOperationException"),
    ],
)
def test_the_endpoint_answers_malformed_requests_with_http_400_too(aws_url, tables, target, body, kind):
    status, reply = post(aws_url, target, body)

    assert status == 400
    assert kind in reply


def test_a_fault_of_the_labs_own_is_http_500_at_the_endpoint_too(client, orders, monkeypatch):
    monkeypatch.setattr("moto.dynamodb.responses.DynamoHandler.scan", lambda _handler: {}["missing"])

    with pytest.raises(ClientError, match="InternalServerError"):
        client(US).scan(TableName=orders)


def test_the_endpoint_and_the_port_refuse_alike(call, client, orders):
    condition = "attribute_exists(pk)"
    _, body = call("PutItem", Item=KEY, ConditionExpression=condition)
    with pytest.raises(ClientError) as caught:
        client(US).put_item(TableName=orders, Item=KEY, ConditionExpression=condition)

    assert body["__type"].endswith("#" + caught.value.response["Error"]["Code"])
    assert body["message"] == caught.value.response["Error"]["Message"]
