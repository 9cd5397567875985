"""What holds replication up, and what happens when it ends: policies as AWS FIS writes them, and levers."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from harness.lab.replication.levers import Levers, PairDelay, Skew, Throttle
from harness.lab.tables.authorization import role_arn
from harness.models.wan import ReplicationDelay

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
ACCOUNT = "123456789012"
ITEM_ACTIONS = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "DescribeTable", "UpdateTable", "Scan"]


def item(pk: str, **attributes: str) -> dict:
    return {"pk": {"S": pk}, **{name: {"S": value} for name, value in attributes.items()}}


def service_statement(arn: str, actions=("ReadDataForReplication", "WriteDataForReplication"), until=None) -> dict:
    """AWS FIS's first statement on the table."""
    condition: dict = {"StringEquals": {"aws:PrincipalServiceName": "replication.dynamodb.amazonaws.com"}}
    return _statement("ServicePrincipal", arn, actions, condition, until)


def role_statement(arn: str, actions, until=None) -> dict:
    """Its second one on the table, and the one on the stream."""
    return _statement("", arn, actions, {"ArnEquals": {"aws:PrincipalArn": role_arn(ACCOUNT)}}, until)


def _statement(sid: str, arn: str, actions, condition: dict, until) -> dict:
    if until is not None:
        condition["DateLessThan"] = {"aws:CurrentTime": until.isoformat()}
    return {
        "Sid": f"DoNotModifyFisDynamoDbPauseReplicationEXP123{sid}",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": arn,
        "Condition": condition,
    }


@pytest.fixture
def region_policy(client, orders):
    """Puts statements on the table, or on the stream, in a region; its `arn` tells their ARNs."""

    def arn(region: str, stream: bool = False) -> str:
        table = client(region).describe_table(TableName=orders)["Table"]
        return table["LatestStreamArn"] if stream else table["TableArn"]

    def put(region: str, *statements: dict) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client(region).put_resource_policy(ResourceArn=statements[0]["Resource"], Policy=document)

    put.arn = arn
    return put


@pytest.fixture
def pass_s(clock, tables):
    """Lets time pass in small steps, as the lab's thread would see it."""

    def let_pass(seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            clock.advance_s(0.5)
            tables.deliver_due()

    return let_pass


@pytest.fixture
def shown(item_in):
    """Regions that show an item."""

    def regions(pk: str) -> set[str]:
        return {region for region in (US, EU, AP) if item_in(region, pk)}

    return regions


def test_the_policy_that_aws_fis_writes_pauses_replication_both_ways(client, orders, region_policy, pass_s, shown):
    region_policy(EU, service_statement(region_policy.arn(EU)), role_statement(region_policy.arn(EU), ITEM_ACTIONS))
    client(EU).put_item(TableName=orders, Item=item("from eu"))
    client(US).put_item(TableName=orders, Item=item("from us"))
    pass_s(30)

    assert shown("from eu") == {EU}
    assert shown("from us") == {US, AP}


@pytest.mark.parametrize(
    ("statement", "shown_of_eu", "shown_of_us"),
    [
        (lambda arn: service_statement(arn, ["ReadDataForReplication"]), {EU}, {US, EU, AP}),
        (lambda arn: service_statement(arn, ["WriteDataForReplication"]), {US, EU, AP}, {US, AP}),
        (lambda arn: role_statement(arn, ITEM_ACTIONS), {US, EU, AP}, {US, AP}),
        (lambda arn: role_statement(arn, ["GetItem", "Scan"]), {US, EU, AP}, {US, EU, AP}),
    ],
)
def test_each_statement_alone_stops_its_own_way(
    *, client, orders, region_policy, pass_s, shown, statement, shown_of_eu, shown_of_us
):
    """Reading is what leaves the region, writing is what comes into it."""
    region_policy(EU, statement(region_policy.arn(EU)))
    client(EU).put_item(TableName=orders, Item=item("from eu"))
    client(US).put_item(TableName=orders, Item=item("from us"))
    pass_s(10)

    assert (shown("from eu"), shown("from us")) == (shown_of_eu, shown_of_us)


def test_a_policy_on_the_stream_stops_what_leaves_the_region(client, orders, region_policy, pass_s, shown):
    stream = region_policy.arn(EU, stream=True)
    region_policy(EU, role_statement(stream, ["GetRecords", "DescribeStream", "GetShardIterator"]))
    client(EU).put_item(TableName=orders, Item=item("from eu"))
    client(US).put_item(TableName=orders, Item=item("from us"))
    pass_s(10)

    assert (shown("from eu"), shown("from us")) == ({EU}, {US, EU, AP})


def test_replication_resumes_when_the_policy_is_removed(client, orders, region_policy, pass_s, shown):
    region_policy(EU, service_statement(region_policy.arn(EU)))
    client(EU).put_item(TableName=orders, Item=item("a"))
    pass_s(20)
    client(EU).delete_resource_policy(ResourceArn=region_policy.arn(EU))
    pass_s(5)

    assert shown("a") == {US, EU, AP}


def test_a_pause_ends_by_itself_at_its_date_on_the_calendar(*, client, orders, region_policy, pass_s, shown, clock):
    until = clock.calendar() + timedelta(seconds=60)
    region_policy(EU, service_statement(region_policy.arn(EU), until=until))
    client(EU).put_item(TableName=orders, Item=item("a"))
    pass_s(59)
    assert shown("a") == {EU}

    pass_s(6)
    assert shown("a") == {US, EU, AP}


def test_after_a_pause_the_last_writer_has_won_everywhere(*, client, orders, region_policy, pass_s, arrive, item_in):
    region_policy(EU, service_statement(region_policy.arn(EU)))
    for number in range(5):
        for region in (EU, US):
            client(region).put_item(TableName=orders, Item=item("a", by=f"{region} {number}"))
            pass_s(1)
    assert item_in(EU, "a") == item("a", by=f"{EU} 4")

    pass_s(10)
    client(EU).delete_resource_policy(ResourceArn=region_policy.arn(EU))
    pass_s(5)
    assert [item_in(region, "a") for region in (US, EU, AP)] == [item("a", by=f"{US} 4")] * 3


def test_replicas_cannot_be_added_or_removed_while_the_service_linked_role_is_denied(client, orders, region_policy):
    region_policy(EU, role_statement(region_policy.arn(EU), ITEM_ACTIONS))

    for update in ({"Create": {"RegionName": "ap-northeast-1"}}, {"Delete": {"RegionName": AP}}):
        with pytest.raises(ClientError, match=f"policy in {EU} denies AWSServiceRoleForDynamoDBReplication"):
            client(US).update_table(TableName=orders, ReplicaUpdates=[update])


def test_a_pause_and_its_healing_are_told_route_by_route(client, orders, region_policy, pass_s, truth):
    region_policy(EU, service_statement(region_policy.arn(EU), ["ReadDataForReplication"]))
    pass_s(15)
    client(EU).delete_resource_policy(ResourceArn=region_policy.arn(EU))
    pass_s(1)

    told = [(line.what, line.region, line.detail["destination"], line.detail["why"]) for line in truth]
    why = f"policy in {EU} denies reading"
    assert sorted(told[:2]) == [("paused", EU, AP, why), ("paused", EU, US, why)]
    assert sorted(told[2:]) == [("healed", EU, AP, why), ("healed", EU, US, why)]
    assert truth[-1].at_s == pytest.approx(15.5, abs=0.5)


def test_a_partition_cuts_two_regions_and_leaves_the_third(client, orders, tables, pass_s, shown):
    tables.levers = Levers(partitions=((EU, US),))
    client(US).put_item(TableName=orders, Item=item("from us"))
    client(AP).put_item(TableName=orders, Item=item("from ap"))
    pass_s(10)
    assert (shown("from us"), shown("from ap")) == ({US, AP}, {US, EU, AP})

    tables.levers = Levers()
    pass_s(5)
    assert shown("from us") == {US, EU, AP}


def test_a_stopped_replica_serves_its_own_region_alone(client, orders, tables, pass_s, shown):
    tables.levers = Levers(stopped=(AP,))
    client(AP).put_item(TableName=orders, Item=item("from ap"))
    client(US).put_item(TableName=orders, Item=item("from us"))
    pass_s(10)
    assert (shown("from ap"), shown("from us")) == ({AP}, {US, EU})

    tables.levers = Levers()
    pass_s(5)
    assert shown("from ap") == shown("from us") == {US, EU, AP}


def test_a_throttled_replica_lags_and_loses_nothing(client, orders, tables, pass_s):
    tables.levers = Levers(throttled={EU: Throttle(writes_per_s=1)})
    for number in range(20):
        client(US).put_item(TableName=orders, Item=item(str(number)))
    pass_s(10)
    lagging = client(EU).scan(TableName=orders)["Count"]
    assert client(AP).scan(TableName=orders)["Count"] == 20
    assert 7 <= lagging <= 10

    pass_s(15)
    assert client(EU).scan(TableName=orders)["Count"] == 20


def test_the_delay_can_be_changed_for_all_and_for_one_way(client, orders, tables, clock, shown):
    one_way = PairDelay(origin=US, destination=EU, delay=ReplicationDelay.constant(9))
    tables.levers = Levers(delay=ReplicationDelay.constant(2), delays=(one_way,))
    client(US).put_item(TableName=orders, Item=item("a"))
    client(AP).put_item(TableName=orders, Item=item("b"))
    client(EU).put_item(TableName=orders, Item=item("c"))
    clock.advance_s(2)
    tables.deliver_due()
    assert (shown("a"), shown("b"), shown("c")) == ({US, AP}, {US, EU, AP}, {US, EU, AP})

    clock.advance_s(7)
    tables.deliver_due()
    assert shown("a") == {US, EU, AP}


def test_a_region_whose_clock_is_ahead_wins_over_later_writes(*, client, orders, tables, clock, arrive, item_in):
    """Ireland, 10 s ahead, writes first; Virginia writes 1 s later, before it hears of it, and loses."""
    tables.levers = Levers(delay=ReplicationDelay.constant(2), skews={EU: Skew(ahead_s=10)})
    client(EU).put_item(TableName=orders, Item=item("a", by="eu"))
    clock.advance_s(1)
    client(US).put_item(TableName=orders, Item=item("a", by="us"))
    arrive()

    assert [item_in(region, "a") for region in (US, EU, AP)] == [item("a", by="eu")] * 3


def test_a_region_that_has_seen_a_write_from_the_future_stamps_above_it(client, orders, tables, arrive, item_in):
    tables.levers = Levers(skews={EU: Skew(ahead_s=3600)})
    client(EU).put_item(TableName=orders, Item=item("a", by="eu"))
    arrive()
    client(US).put_item(TableName=orders, Item=item("a", by="us"))
    arrive()

    assert [item_in(region, "a") for region in (US, EU, AP)] == [item("a", by="us")] * 3
