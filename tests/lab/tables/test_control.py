"""Replicas as the control plane shows, adds and removes them; through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

US, EU, AP, TOKYO = "us-east-1", "eu-west-1", "ap-southeast-2", "ap-northeast-1"


def item(pk: str) -> dict:
    return {"pk": {"S": pk}}


def described(client, region: str, name: str) -> dict:
    return client(region).describe_table(TableName=name)["Table"]


def replicas(client, region: str, name: str) -> dict[str, str]:
    return {entry["RegionName"]: entry["ReplicaStatus"] for entry in described(client, region, name)["Replicas"]}


def add(client, name: str, region: str) -> None:
    client(US).update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])


def remove(client, name: str, region: str) -> None:
    client(US).update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}}])


def test_each_replica_names_the_others(client, orders):
    assert replicas(client, US, orders) == {EU: "ACTIVE", AP: "ACTIVE"}
    assert replicas(client, EU, orders) == {US: "ACTIVE", AP: "ACTIVE"}


def test_a_replica_says_its_version_and_its_stream(client, orders):
    table = described(client, AP, orders)

    assert table["GlobalTableVersion"] == "2019.11.21"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert f":{AP}:" in table["LatestStreamArn"]


def test_replicas_have_ids_of_their_own(client, orders):
    assert len({described(client, region, orders)["TableId"] for region in (US, EU, AP)}) == 3


def test_a_plain_table_does_not_look_global_and_replicates_nothing(client, tables):
    client(US).create_table(
        TableName="plain",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client(US).put_item(TableName="plain", Item=item("a"))

    assert "GlobalTableVersion" not in described(client, US, "plain")
    assert tables.pending_replications == 0


def test_a_new_replica_gets_what_was_there_before_and_what_comes_after(client, orders, arrive):
    client(US).put_item(TableName=orders, Item=item("before"))
    arrive()
    add(client, orders, TOKYO)
    client(EU).put_item(TableName=orders, Item=item("after"))
    arrive()

    assert {found["pk"]["S"] for found in client(TOKYO).scan(TableName=orders)["Items"]} == {"before", "after"}


def test_a_new_replica_misses_no_write_that_was_on_its_way_between_the_others(client, orders, arrive):
    """Ireland's write has not reached Virginia when Virginia is asked for a replica in Tokyo."""
    client(EU).put_item(TableName=orders, Item=item("on its way"))
    add(client, orders, TOKYO)
    arrive()

    assert "Item" in client(TOKYO).get_item(TableName=orders, Key=item("on its way"))


def test_a_new_replica_is_told_of_deletes_so_that_older_writes_stay_dead(client, orders, clock, arrive):
    client(US).put_item(TableName=orders, Item=item("a"))
    arrive()
    client(AP).delete_item(TableName=orders, Key=item("a"))
    add(client, orders, TOKYO)
    arrive()

    assert "Item" not in client(TOKYO).get_item(TableName=orders, Key=item("a"))


def test_a_table_with_items_can_become_global(client, tables, arrive):
    client(US).create_table(
        TableName="grown",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    old = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    client(US).put_item(TableName="grown", Item=old)
    add(client, "grown", EU)
    client(EU).delete_item(TableName="grown", Key={"pk": {"S": "a"}, "sk": {"N": "1.0"}})
    client(EU).put_item(TableName="grown", Item={"pk": {"S": "a"}, "sk": {"N": "2"}})
    arrive()

    assert client(US).scan(TableName="grown")["Items"] == [{"pk": {"S": "a"}, "sk": {"N": "2"}}]


def test_numbers_written_differently_are_one_key_to_last_writer_wins(client, tables, clock, arrive):
    """{"N": "1"} in Virginia is later than {"N": "1.0"} in Ireland."""
    client(US).create_table(
        TableName="numbered",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "N"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    add(client, "numbered", EU)
    for hash_key, range_key in [("7.0", "1"), ("7", "1.0")]:
        earlier = {"pk": {"N": hash_key}, "sk": {"N": range_key}, "from": {"S": EU}}
        client(EU).put_item(TableName="numbered", Item=earlier)
        clock.advance_s(0.001)
        client(US).put_item(TableName="numbered", Item={"pk": {"N": "7"}, "sk": {"N": "1"}, "from": {"S": US}})
        arrive()

        contents = [client(region).scan(TableName="numbered")["Items"] for region in (US, EU)]
        assert [[found["from"]["S"] for found in content] for content in contents] == [[US], [US]]
        client(US).delete_item(TableName="numbered", Key={"pk": {"N": "7"}, "sk": {"N": "1"}})
        arrive()


def test_a_removed_replica_is_gone_and_the_others_go_on(client, orders, arrive, item_in):
    remove(client, orders, AP)
    client(US).put_item(TableName=orders, Item=item("a"))
    arrive()

    assert replicas(client, US, orders) == {EU: "ACTIVE"}
    assert item_in(EU, "a") == item("a")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        described(client, AP, orders)


def test_what_a_removed_replica_had_accepted_still_arrives(client, orders, arrive, item_in):
    client(AP).put_item(TableName=orders, Item=item("last words"))
    remove(client, orders, AP)
    arrive()

    assert item_in(US, "last words") == item("last words")


def test_the_last_replica_alone_does_not_look_global(client, orders):
    remove(client, orders, AP)
    remove(client, orders, EU)

    assert "Replicas" not in described(client, US, orders)


def test_a_table_made_again_under_the_same_name_starts_empty(client, orders, arrive):
    """Writes on their way to the deleted table must not appear in the new one."""
    client(US).put_item(TableName=orders, Item=item("old"))
    for region in (AP, EU, US):
        client(region).delete_table(TableName=orders)
    client(EU).create_table(
        TableName=orders,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    arrive()

    assert client(EU).scan(TableName=orders)["Items"] == []


def test_a_replica_where_a_table_of_that_name_exists_is_refused(client, orders):
    with pytest.raises(ClientError, match="already existed as tables"):
        add(client, orders, EU)


def test_removing_what_is_no_replica_is_refused(client, orders):
    with pytest.raises(ClientError, match="were not part of the global table"):
        remove(client, orders, TOKYO)


def test_a_region_without_measured_distances_is_refused(client, orders):
    with pytest.raises(ClientError, match="us-atlantis-1"):
        add(client, orders, "us-atlantis-1")


def test_time_to_live_is_set_on_all_replicas(client, orders):
    client(EU).update_time_to_live(
        TableName=orders, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )

    seen = client(AP).describe_time_to_live(TableName=orders)["TimeToLiveDescription"]
    assert seen == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def cap(client, name: str, units: int) -> None:
    client(US).update_table(TableName=name, OnDemandThroughput={"MaxWriteRequestUnits": units})


def test_a_maximum_of_writes_is_shown_by_every_replica_until_it_is_taken_away(client, orders):
    cap(client, orders, 3)
    shown = [described(client, region, orders)["OnDemandThroughput"] for region in (US, EU, AP)]
    assert shown == [{"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 3}] * 3

    cap(client, orders, -1)
    assert "OnDemandThroughput" not in described(client, EU, orders)


def test_writes_above_the_maximum_are_throttled_and_pass_again_a_second_later(client, orders, clock):
    """Two a second: two pass at once, the third does not, and half a second later there is room for one."""
    cap(client, orders, 2)
    client(EU).put_item(TableName=orders, Item=item("a"))
    client(EU).put_item(TableName=orders, Item=item("b"))
    with pytest.raises(ClientError, match=r"ThrottlingException.*maximum OnDemandThroughput"):
        client(EU).put_item(TableName=orders, Item=item("c"))

    clock.advance_s(0.5)
    client(EU).put_item(TableName=orders, Item=item("d"))
    with pytest.raises(ClientError, match="ThrottlingException"):
        client(EU).put_item(TableName=orders, Item=item("e"))


def test_each_replica_has_a_maximum_of_its_own(client, orders):
    cap(client, orders, 1)
    for region in (US, EU, AP):
        client(region).put_item(TableName=orders, Item=item(region))


@pytest.mark.parametrize("maximum", [{"MaxWriteRequestUnits": 0}, {"MaxReadRequestUnits": 5}])
def test_a_maximum_that_cannot_be_is_refused(client, orders, maximum):
    with pytest.raises(ClientError, match="ValidationException"):
        client(US).update_table(TableName=orders, OnDemandThroughput=maximum)
