"""The record of true delays, and CloudWatch's metric of them as a client reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from harness.lab.replication.levers import Levers, PairDelay
from harness.lab.replication.record import Replicated
from harness.models.wan import ReplicationDelay

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


@pytest.fixture
def put(client, orders, tables, clock):
    """Puts an item in Virginia and lets `after_s` pass in small steps. 2 s to Ireland, 5 s to Sydney."""
    two_s, five_s = ReplicationDelay.constant(2), ReplicationDelay.constant(5)
    tables.levers = Levers(delay=two_s, delays=(PairDelay(origin=US, destination=AP, delay=five_s),))

    def put_and_wait(pk: str, after_s: float) -> None:
        client(US).put_item(TableName=orders, Item={"pk": {"S": pk}})
        for _ in range(round(after_s * 2)):
            clock.advance_s(0.5)
            tables.deliver_due()

    return put_and_wait


@pytest.fixture
def datapoints(client, orders, clock):
    """Of ReplicationLatency in a region for a receiving one, by time."""

    def read(region: str, receiving: str) -> list[dict]:
        points = client(region, "cloudwatch").get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName="ReplicationLatency",
            Dimensions=[{"Name": "TableName", "Value": orders}, {"Name": "ReceivingRegion", "Value": receiving}],
            StartTime=clock.calendar(0),
            EndTime=clock.calendar() + timedelta(minutes=1),
            Period=60,
            Statistics=["Average", "Minimum", "Maximum", "SampleCount", "Sum"],
            Unit="Milliseconds",
        )["Datapoints"]
        return sorted(points, key=lambda point: point["Timestamp"])

    return read


def test_every_arrival_is_on_record_with_its_true_times(put, tables, orders):
    put("a", 6)
    page = tables.replicated_since(0)

    assert page.lines == (
        Replicated(US, EU, "a", 0.0, 2.0, True, orders),
        Replicated(US, AP, "a", 0.0, 5.0, True, orders),
    )
    assert (page.first, page.next) == (0, 2)


def test_the_record_goes_on_from_any_line(put, tables):
    put("a", 6)
    put("b", 6)

    page = tables.replicated_since(2)
    assert [line.key for line in page.lines] == ["b", "b"]
    assert tables.replicated_since(page.next).lines == ()


def test_a_write_that_lost_is_on_record_as_such(put, client, orders, tables, clock):
    """Ireland overwrites before Virginia's write arrives."""
    put("a", 1)
    client(EU).put_item(TableName=orders, Item={"pk": {"S": "a"}, "by": {"S": "eu"}})
    clock.advance_s(1)
    tables.deliver_due()

    (line,) = tables.replicated_since(0).lines
    assert (line.destination, line.won) == (EU, False)


def test_filling_a_new_replica_is_no_replication(put, client, orders, tables):
    put("a", 6)
    client(US).update_table(TableName=orders, ReplicaUpdates=[{"Create": {"RegionName": "ap-northeast-1"}}])

    assert len(tables.replicated_since(0).lines) == 2


def test_the_record_is_bounded_and_keeps_its_numbers(put, tables, monkeypatch):
    monkeypatch.setattr("harness.lab.replication.record.KEPT", 10)
    for number in range(12):
        put(str(number), 6)
    page = tables.replicated_since(0)

    assert len(page.lines) <= 10
    assert page.first == 24 - len(page.lines)
    assert page.lines[-1].key == "11"


def test_cloudwatch_has_the_latency_in_the_source_region_per_receiving_region(put, datapoints):
    put("a", 6)
    put("b", 60)

    (to_ireland,), (to_sydney,) = datapoints(US, EU), datapoints(US, AP)
    assert to_ireland["Average"] == pytest.approx(2000)
    assert (to_sydney["Minimum"], to_sydney["Maximum"]) == pytest.approx((5000, 5000))
    assert (to_ireland["SampleCount"], to_ireland["Sum"]) == pytest.approx((2, 4000))
    assert datapoints(EU, US) == []


def test_a_minutes_latencies_are_published_when_it_has_ended_and_stamped_with_its_beginning(put, datapoints, clock):
    put("a", 50)
    assert datapoints(US, EU) == []

    put("b", 60)
    (point,) = datapoints(US, EU)
    assert point["Timestamp"] == datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    assert point["SampleCount"] == 2  # a at 2 s, b at 52 s


def test_a_minute_without_an_arrival_has_no_value(put, datapoints):
    put("a", 180)
    put("b", 60)

    assert [point["Timestamp"].minute for point in datapoints(US, EU)] == [0, 3]
