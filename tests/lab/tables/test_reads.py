from __future__ import annotations

import threading
from collections import defaultdict

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends

from harness.lab.tables import ReplicationParameters

US = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/api"


@pytest.fixture
def parameters() -> ReplicationParameters:
    return ReplicationParameters(stream_records_kept=10, most_pending=60)


def put(tables, table: str, pk: str) -> int:
    return tables.call(US, "PutItem", {"TableName": table, "Item": {"pk": {"S": pk}}}, ROLE)[0]


@pytest.fixture
def cancelled_transaction(tables, orders, monkeypatch):
    """Starts a transaction in a thread and stops it half-way, after its put of "a"; the call made lets it fail."""
    half_way, go_on = threading.Event(), threading.Event()
    put_item = DynamoDBBackend.put_item

    def slow_put(*args, **kwargs):
        item = put_item(*args, **kwargs)
        half_way.set()
        assert go_on.wait(timeout=5)
        return item

    monkeypatch.setattr(DynamoDBBackend, "put_item", slow_put)
    parts = [
        {"Put": {"TableName": orders, "Item": {"pk": {"S": "a"}}}},
        {"Delete": {"TableName": orders, "Key": {"pk": {"S": "b"}}, "ConditionExpression": "attribute_exists(pk)"}},
    ]
    writer = threading.Thread(target=lambda: tables.call(US, "TransactWriteItems", {"TransactItems": parts}, ROLE))
    writer.start()
    assert half_way.wait(timeout=5)
    monkeypatch.undo()

    def let_it_fail() -> None:
        go_on.set()
        writer.join(timeout=5)

    yield let_it_fail
    let_it_fail()


def test_nobody_reads_what_a_transaction_may_yet_roll_back(tables, orders, cancelled_transaction):
    seen = []
    reader = threading.Thread(
        target=lambda: seen.append(tables.call(US, "GetItem", {"TableName": orders, "Key": {"pk": {"S": "a"}}}, ROLE))
    )
    reader.start()
    reader.join(timeout=0.05)
    assert seen == []

    cancelled_transaction()
    reader.join(timeout=5)
    assert seen == [(200, {})]


def test_a_replicated_write_that_arrives_during_a_transaction_survives_its_rollback(
    tables, orders, clock, cancelled_transaction, item_in
):
    tables.call("eu-west-1", "PutItem", {"TableName": orders, "Item": {"pk": {"S": "from Ireland"}}}, ROLE)
    clock.advance_s(10)
    delivery = threading.Thread(target=tables.deliver_due)
    delivery.start()
    delivery.join(timeout=0.05)

    cancelled_transaction()
    delivery.join(timeout=5)
    while tables.pending_replications:
        tables.deliver_due()
    assert item_in(US, "from Ireland") is not None


class WrittenMeanwhile(defaultdict):
    """A table's items, into which another thread tries to put one while they are gone through."""

    def __init__(self, items, put_meanwhile):
        super().__init__(dict, items)
        self.writer = threading.Thread(target=put_meanwhile)

    def values(self):
        for value in super().values():
            if self.writer.ident is None:
                self.writer.start()
                self.writer.join(timeout=0.05)
            yield value


@pytest.mark.parametrize("action", ["Scan", "DescribeTable"])
def test_reads_go_on_while_the_table_grows(tables, orders, action):
    """moto's own go through a dictionary and fail when it changes size meanwhile."""
    for pk in ("a", "b"):
        put(tables, orders, pk)
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID][US].tables[orders]
    table.items = WrittenMeanwhile(table.items, lambda: put(tables, orders, "c"))
    status, _ = tables.call(US, action, {"TableName": orders}, ROLE)
    if table.items.writer.ident is not None:
        table.items.writer.join(timeout=5)

    assert status == 200


def test_a_query_with_a_range_condition_sees_one_partition_in_order(client, tables):
    client(US).create_table(
        TableName="ranged",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for pk, sk in [("a", "10"), ("a", "9"), ("b", "9"), ("a", "2")]:
        client(US).put_item(TableName="ranged", Item={"pk": {"S": pk}, "sk": {"N": sk}})

    found = client(US).query(
        TableName="ranged",
        KeyConditionExpression="pk = :a AND sk > :two",
        ExpressionAttributeValues={":a": {"S": "a"}, ":two": {"N": "2"}},
    )["Items"]
    assert [entry["sk"]["N"] for entry in found] == ["9", "10"]


def test_a_query_of_an_index_sees_the_whole_table(client, tables):
    client(US).create_table(
        TableName="indexed",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "city", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-city",
                "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for pk, city in [("a", "Rome"), ("b", "Oslo"), ("c", "Rome")]:
        client(US).put_item(TableName="indexed", Item={"pk": {"S": pk}, "city": {"S": city}})

    found = client(US).query(
        TableName="indexed",
        IndexName="by-city",
        KeyConditionExpression="city = :c",
        ExpressionAttributeValues={":c": {"S": "Rome"}},
    )["Items"]
    assert {entry["pk"]["S"] for entry in found} == {"a", "c"}


def test_old_stream_records_are_trimmed_and_reading_past_them_says_so(client, tables, orders, arrive):
    streams = client(US, "dynamodbstreams")
    arn = client(US).describe_table(TableName=orders)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]

    def iterator() -> str:
        found = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return found["ShardIterator"]

    oldest = iterator()
    for number in range(25):
        put(tables, orders, f"k{number}")

    records = streams.get_records(ShardIterator=iterator())["Records"]
    keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]
    assert keys == [f"k{number}" for number in range(11, 25)]
    with pytest.raises(ClientError, match="TrimmedDataAccess"):
        streams.get_records(ShardIterator=oldest)


def test_a_backup_keeps_what_the_table_held(client, orders):
    client(US).put_item(TableName=orders, Item={"pk": {"S": "kept"}})
    arn = client(US).create_backup(TableName=orders, BackupName="kept")["BackupDetails"]["BackupArn"]
    client(US).delete_item(TableName=orders, Key={"pk": {"S": "kept"}})
    client(US).restore_table_from_backup(TargetTableName="restored", BackupArn=arn)

    assert client(US).scan(TableName="restored")["Items"] == [{"pk": {"S": "kept"}}]


def test_above_the_bound_writes_are_throttled_until_some_have_arrived(tables, orders, arrive):
    """Two destinations: 30 puts make 60 replicated writes."""
    assert {put(tables, orders, f"k{number}") for number in range(30)} == {200}
    assert put(tables, orders, "one too many") == 400
    arrive()

    assert put(tables, orders, "again") == 200


def test_moto_does_not_keep_every_item_ever_written(tables, orders):
    put(tables, orders, "a")
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID][US].tables[orders]

    item = next(iter(table.items.values()))
    assert list(type(item).instances_tracked) == []
