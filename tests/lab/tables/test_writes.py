"""Every way to write an item, made through boto3 in Virginia, seen through boto3 in Ireland and Sydney."""

from __future__ import annotations

import base64
import threading

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import DynamoDBBackend

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


def item(pk: str, **attributes: str) -> dict:
    return {"pk": {"S": pk}, **{name: {"S": value} for name, value in attributes.items()}}


def test_a_put_reaches_the_other_regions(client, orders, arrive, item_in):
    client(US).put_item(TableName=orders, Item=item("a", name="bob"))
    arrive()

    assert item_in(EU, "a") == item_in(AP, "a") == item("a", name="bob")


def test_a_put_does_not_show_elsewhere_before_its_delay_has_passed(client, orders, tables, clock, item_in):
    client(US).put_item(TableName=orders, Item=item("a"))
    clock.advance_s(0.29)  # the floor is 0.3 s
    tables.deliver_due()

    assert item_in(US, "a") is not None
    assert item_in(EU, "a") is None


def test_an_update_reaches_the_other_regions_whole(client, orders, arrive, item_in):
    client(US).put_item(TableName=orders, Item=item("a", name="bob", city="Rome"))
    client(US).update_item(
        TableName=orders,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET #n = :n",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":n": {"S": "eve"}},
    )
    arrive()

    assert item_in(EU, "a") == item("a", name="eve", city="Rome")


def test_an_update_that_creates_its_item_reaches_the_other_regions(client, orders, arrive, item_in):
    client(US).update_item(
        TableName=orders, Key={"pk": {"S": "new"}}, AttributeUpdates={"name": {"Value": {"S": "bob"}}}
    )
    arrive()

    assert item_in(EU, "new") == item("new", name="bob")


def test_a_delete_reaches_the_other_regions(client, orders, arrive, item_in):
    client(US).put_item(TableName=orders, Item=item("a"))
    arrive()
    client(US).delete_item(TableName=orders, Key={"pk": {"S": "a"}})
    arrive()

    assert item_in(EU, "a") is None


def test_batch_puts_and_deletes_reach_the_other_regions(client, orders, arrive, item_in):
    client(US).put_item(TableName=orders, Item=item("old"))
    arrive()
    client(US).batch_write_item(
        RequestItems={orders: [{"PutRequest": {"Item": item("new")}}, {"DeleteRequest": {"Key": {"pk": {"S": "old"}}}}]}
    )
    arrive()

    assert item_in(EU, "new") == item("new")
    assert item_in(EU, "old") is None


def transaction(table: str, *, expected_name: str) -> list[dict]:
    return [
        {"Put": {"TableName": table, "Item": item("put")}},
        {"Delete": {"TableName": table, "Key": {"pk": {"S": "old"}}}},
        {
            "Update": {
                "TableName": table,
                "Key": {"pk": {"S": "new"}},
                "UpdateExpression": "SET city = :c",
                "ExpressionAttributeValues": {":c": {"S": "Rome"}},
            }
        },
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": {"pk": {"S": "checked"}},
                "ConditionExpression": "city = :n",
                "ExpressionAttributeValues": {":n": {"S": expected_name}},
            }
        },
    ]


@pytest.fixture
def before_transaction(client, orders, arrive):
    for pk in ("old", "checked"):
        client(US).put_item(TableName=orders, Item=item(pk, city="Oslo"))
    arrive()


def test_a_committed_transaction_reaches_the_other_regions(client, orders, arrive, item_in, before_transaction):
    client(US).transact_write_items(TransactItems=transaction(orders, expected_name="Oslo"))
    arrive()

    assert [item_in(EU, pk) for pk in ("put", "old", "new")] == [item("put"), None, item("new", city="Rome")]


def test_a_cancelled_transaction_changes_nothing_and_replicates_nothing(
    client, orders, tables, item_in, before_transaction
):
    with pytest.raises(ClientError, match="TransactionCanceled"):
        client(US).transact_write_items(TransactItems=transaction(orders, expected_name="Bern"))

    assert tables.pending_replications == 0
    assert [item_in(US, pk) for pk in ("put", "old", "new")] == [None, item("old", city="Oslo"), None]


def test_a_cancelled_transaction_leaves_no_stream_record(client, orders, before_transaction):
    records = stream_records(client, US, orders)
    with pytest.raises(ClientError, match="TransactionCanceled"):
        client(US).transact_write_items(TransactItems=transaction(orders, expected_name="Bern"))

    assert stream_records(client, US, orders) == records


def test_a_replica_accepts_writes_again_after_a_cancelled_transaction(
    client, orders, arrive, item_in, before_transaction
):
    """moto puts a copy in the table's place; a write through the old one would be lost."""
    with pytest.raises(ClientError, match="TransactionCanceled"):
        client(US).transact_write_items(TransactItems=transaction(orders, expected_name="Bern"))
    client(EU).put_item(TableName=orders, Item=item("later"))
    arrive()

    assert item_in(US, "later") == item("later")


def test_partiql_statements_reach_the_other_regions(client, orders, arrive, item_in):
    run = client(US).execute_statement
    run(Statement=f"INSERT INTO \"{orders}\" VALUE {{'pk': 'a', 'city': 'Oslo'}}")
    run(Statement=f"INSERT INTO \"{orders}\" VALUE {{'pk': 'b'}}")
    run(Statement=f"UPDATE \"{orders}\" SET city = 'Rome' WHERE pk = 'a'")
    run(Statement=f"DELETE FROM \"{orders}\" WHERE pk = 'b'")
    arrive()

    assert item_in(EU, "a") == item("a", city="Rome")
    assert item_in(EU, "b") is None


def test_a_partiql_transaction_that_fails_replicates_nothing(client, orders, tables, item_in):
    statements = [
        {"Statement": f"INSERT INTO \"{orders}\" VALUE {{'pk': 'a'}}"},
        {"Statement": "INSERT INTO \"no-such-table\" VALUE {'pk': 'a'}"},
    ]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client(US).execute_transaction(TransactStatements=statements)

    assert tables.pending_replications == 0
    assert item_in(US, "a") is None


def test_every_attribute_type_arrives_unchanged(client, orders, arrive, item_in):
    value = {
        "pk": {"S": "types"},
        "b": {"B": b"\x00\xff"},
        "bs": {"BS": [b"1", b"2"]},
        "n": {"N": "1.50"},
        "ns": {"NS": ["1", "2"]},
        "ss": {"SS": ["x", "y"]},
        "l": {"L": [{"S": ""}, {"N": "3"}, {"B": b"\x01"}]},
        "m": {"M": {"deep": {"M": {"null": {"NULL": True}, "yes": {"BOOL": False}}}}},
    }
    client(US).put_item(TableName=orders, Item=value)
    arrive()

    assert item_in(AP, "types") == value


def test_conditions_are_local_so_create_once_succeeds_in_two_regions(client, orders, arrive, item_in):
    for region in (US, EU):
        client(region).put_item(
            TableName=orders, Item=item("once", name=region), ConditionExpression="attribute_not_exists(pk)"
        )
    arrive()

    assert item_in(US, "once") == item_in(EU, "once") == item_in(AP, "once")


def test_a_failed_condition_replicates_nothing(client, orders, tables):
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client(US).put_item(TableName=orders, Item=item("a"), ConditionExpression="attribute_exists(pk)")

    assert tables.pending_replications == 0


def test_a_failed_update_leaves_no_trace(client, orders, tables, item_in):
    """ADD of a number to a string fails half-way in moto, after it has created the item."""
    client(US).put_item(TableName=orders, Item=item("a", name="bob"))
    pending = tables.pending_replications
    with pytest.raises(ClientError, match="ValidationException"):
        client(US).update_item(
            TableName=orders,
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET city = :s ADD nick :n",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":s": {"S": "Rome"}, ":n": {"S": "x"}},
        )

    assert item_in(US, "a") == item("a", name="bob")
    assert tables.pending_replications == pending


def test_a_delete_beats_an_older_put_that_arrives_later(client, orders, clock, arrive, item_in):
    client(EU).put_item(TableName=orders, Item=item("a", name="old"))
    clock.advance_s(0.001)
    client(US).put_item(TableName=orders, Item=item("a"))
    client(US).delete_item(TableName=orders, Key={"pk": {"S": "a"}})
    arrive()

    assert [item_in(region, "a") for region in (US, EU, AP)] == [None, None, None]


def test_the_later_of_two_conflicting_writes_wins_everywhere(client, orders, clock, arrive, item_in):
    client(US).put_item(TableName=orders, Item=item("a", name="first"))
    clock.advance_s(0.001)
    client(EU).put_item(TableName=orders, Item=item("a", name="second"))
    arrive()

    assert [item_in(region, "a") for region in (US, EU, AP)] == [item("a", name="second")] * 3


def in_threads(*works) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_concurrent_conflicting_writers_converge(client, orders, clock, tables, arrive):
    """Six writers, two a region, over three keys, deliveries in between; then all regions hold the same."""

    def write(region: str, writer: int) -> None:
        for number in range(12):
            pk = f"k{number % 3}"
            if (number + writer) % 5 == 0:
                client(region).delete_item(TableName=orders, Key={"pk": {"S": pk}})
            else:
                client(region).put_item(TableName=orders, Item=item(pk, name=f"{region}-{writer}-{number}"))
            clock.advance_s(0.2)
            tables.deliver_due()

    in_threads(*(lambda r=region, w=writer: write(r, w) for region in (US, EU, AP) for writer in (0, 1)))
    arrive()

    contents = [
        sorted(client(region).scan(TableName=orders)["Items"], key=lambda found: found["pk"]["S"])
        for region in (US, EU, AP)
    ]
    assert contents[0] == contents[1] == contents[2]


def test_a_counter_loses_no_increment_under_eight_writers_in_one_region(client, orders, item_in):
    def count() -> None:
        for _ in range(15):
            client(US).update_item(
                TableName=orders,
                Key={"pk": {"S": "counter"}},
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    in_threads(*[count] * 8)

    assert item_in(US, "counter")["hits"] == {"N": "120"}


def test_the_old_item_returned_is_the_one_that_was_replaced(tables, orders, monkeypatch):
    """moto reads the old item before it writes; here another writer tries to come between the two."""
    old = []

    def count() -> None:
        request = {
            "TableName": orders,
            "Key": {"pk": {"S": "counter"}},
            "UpdateExpression": "ADD hits :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            "ReturnValues": "ALL_OLD",
        }
        _, body = tables.call(US, "UpdateItem", request, "arn:aws:iam::123456789012:root")
        old.append(body.get("Attributes", {}).get("hits", {"N": "0"})["N"])

    other, get_item = threading.Thread(target=count), DynamoDBBackend.get_item

    def get_then_let_the_other_try(*args, **kwargs):
        found = get_item(*args, **kwargs)
        if other.ident is None:
            other.start()
            other.join(timeout=0.05)
        return found

    monkeypatch.setattr(DynamoDBBackend, "get_item", get_then_let_the_other_try)
    count()
    other.join(timeout=5)

    assert sorted(old) == ["0", "1"]


def stream_records(client, region: str, table: str) -> list[dict]:
    streams = client(region, "dynamodbstreams")
    arn = client(region).describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]


def test_each_replica_streams_the_writes_that_it_applied(client, orders, arrive):
    client(US).update_item(TableName=orders, Key={"pk": {"S": "a"}}, AttributeUpdates={"name": {"Value": {"S": "bob"}}})
    arrive()
    seen = [
        [(record["eventName"], record["awsRegion"]) for record in stream_records(client, region, orders)]
        for region in (US, EU)
    ]

    assert seen == [[("INSERT", US)], [("INSERT", EU)]]


def test_blobs_written_in_process_and_through_the_endpoint_are_the_same(client, orders, tables, item_in):
    blob = {"B": base64.b64encode(b"\x00\xff").decode()}
    tables.call(US, "PutItem", {"TableName": orders, "Item": {"pk": {"S": "b"}, "blob": blob}}, "arn:aws:iam::1:root")

    assert item_in(US, "b")["blob"] == {"B": b"\x00\xff"}
