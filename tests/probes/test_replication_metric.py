"""CloudWatch's ReplicationLatency, read back from the lab's CloudWatch, where this test publishes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from harness.probes.replication_metric import read_replication_metrics, whole_minutes
from harness.target import Target

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


def at(text):
    return datetime.fromisoformat(f"2026-01-01T{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        ("10:00:20", "10:02:10", "10:00:00", "10:03:00"),
        ("10:00:00", "10:02:00", "10:00:00", "10:02:00"),
        ("10:00:10", "10:00:20", "10:00:00", "10:01:00"),
        ("10:00:00", "10:00:00", "10:00:00", "10:01:00"),
    ],
)
def test_a_stretch_is_widened_to_whole_minutes(since, until, start, end):
    assert whole_minutes(at(since), at(until)) == (at(start), at(end))


@pytest.fixture
def target(lab_target):
    """The lab's stack with a table name of its own, about which nobody else publishes."""
    regions = tuple(msgspec.structs.replace(one, table_name="metric-test") for one in lab_target.stack.regions)
    stack = msgspec.structs.replace(lab_target.stack, regions=regions)
    return Target(stack, lab_target.endpoints, name="test")


def publish(target, region, other, values_ms, when):
    target.cloudwatch(region).put_metric_data(
        Namespace="AWS/DynamoDB",
        MetricData=[
            {
                "MetricName": "ReplicationLatency",
                "Dimensions": [
                    {"Name": "TableName", "Value": "metric-test"},
                    {"Name": "ReceivingRegion", "Value": other},
                ],
                "Timestamp": when,
                "Value": value_ms,
                "Unit": "Milliseconds",
            }
            for value_ms in values_ms
        ],
    )


@pytest.mark.lab
def test_minutes_of_a_stretch_are_one_metric_weighed_by_their_samples(target):
    """700 ms in one minute, 800 and 1,200 ms in the next: 900 ms on average, not (700 + 1,000) / 2."""
    clock = target.new_clock()
    began = clock.calendar(0)
    publish(target, US, EU, [700.0], began)
    publish(target, US, EU, [800.0, 1200.0], began + timedelta(minutes=1))
    publish(target, US, EU, [9000.0], began + timedelta(minutes=5))
    publish(target, EU, AP, [300.0], began)

    metrics = read_replication_metrics(target, clock, since_s=0, until_s=61)

    assert [(one.region, one.receiving_region, one.samples) for one in metrics] == [(US, EU, 3), (EU, AP, 1)]
    assert metrics[0].average_ms == pytest.approx(900)
    assert (metrics[0].minimum_ms, metrics[0].maximum_ms) == (700, 1200)
    assert (metrics[0].start_s, metrics[0].end_s) == (0, 61)


@pytest.mark.lab
def test_a_stretch_without_data_has_no_metrics(target):
    clock = target.new_clock()

    assert read_replication_metrics(target, clock, since_s=-90_000_000, until_s=-80_000_000) == ()
