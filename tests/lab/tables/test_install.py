from __future__ import annotations

import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from harness.clock import ScaledClock, VirtualClock
from harness.errors import LabError
from harness.lab.tables import install

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


def test_uninstalling_puts_moto_back_as_it_was():
    before = [dict(owner.__dict__) for owner in (Table, DynamoDBBackend, DynamoHandler)]
    install(VirtualClock(), seed=1).uninstall()

    assert [dict(owner.__dict__) for owner in (Table, DynamoDBBackend, DynamoHandler)] == before


def test_a_second_installation_is_refused_until_the_first_is_gone():
    first = install(VirtualClock(), seed=1)
    with pytest.raises(LabError, match="uninstall"):
        install(VirtualClock(), seed=1)
    first.uninstall()
    install(VirtualClock(), seed=1).uninstall()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_arrival_times(seed):
    assert arrivals(seed) == arrivals(seed)
    assert arrivals(seed) != arrivals(seed + 2)


def arrivals(seed: int) -> list[int]:
    """How many of ten writes have arrived after each tenth of a second."""
    clock = VirtualClock()
    tables = install(clock, seed)
    definition = {
        "TableName": "seeded",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    try:
        tables.call(US, "CreateTable", definition, "root")
        tables.call(US, "UpdateTable", {"TableName": "seeded", "ReplicaUpdates": [{"Create": {"RegionName": EU}}]}, "")
        for number in range(10):
            tables.call(US, "PutItem", {"TableName": "seeded", "Item": {"pk": {"S": str(number)}}}, "")
        counts = []
        for _ in range(30):
            clock.advance_s(0.1)
            tables.deliver_due()
            counts.append(tables.call(EU, "Scan", {"TableName": "seeded", "Select": "COUNT"}, "")[1]["Count"])
        return counts
    finally:
        for region in (US, EU):
            tables.call(region, "DeleteTable", {"TableName": "seeded"}, "")
        tables.uninstall()


def test_the_running_replicator_delivers_without_being_told():
    """0.3 to about 3 stack seconds at rate 50."""
    clock = ScaledClock(rate=50)
    tables = install(clock, seed=1)
    definition = {
        "TableName": "running",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    try:
        tables.call(US, "CreateTable", {**definition, "BillingMode": "PAY_PER_REQUEST"}, "")
        tables.call(US, "UpdateTable", {"TableName": "running", "ReplicaUpdates": [{"Create": {"RegionName": AP}}]}, "")
        tables.call(US, "PutItem", {"TableName": "running", "Item": {"pk": {"S": "a"}}}, "")
        started_s = clock.now_s()
        while tables.pending_replications and clock.now_s() < started_s + 200:
            clock.sleep_until_s(clock.now_s() + 0.1)

        assert tables.call(AP, "GetItem", {"TableName": "running", "Key": {"pk": {"S": "a"}}}, "")[1] != {}
    finally:
        for region in (US, AP):
            tables.call(region, "DeleteTable", {"TableName": "running"}, "")
        tables.uninstall()
