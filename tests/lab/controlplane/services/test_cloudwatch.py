"""Percentiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.lab.controlplane.services.cloudwatch import percentile

Client = Callable[..., Any]
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def window(client: Client) -> dict[str, Any]:
    """Latencies 1 to 101 ms within one minute; their p50 is 51, their p99 is 100."""
    data = [{"MetricName": "Latency", "Value": float(n), "Timestamp": NOON} for n in range(1, 102)]
    client("cloudwatch").put_metric_data(Namespace="Lab", MetricData=data)
    return {"StartTime": NOON, "EndTime": NOON + timedelta(minutes=1)}


def test_statistics_have_percentiles(client: Client, window: dict[str, Any]) -> None:
    (point,) = client("cloudwatch").get_metric_statistics(
        Namespace="Lab", MetricName="Latency", Period=60, ExtendedStatistics=["p50", "p99"], **window
    )["Datapoints"]

    assert point["ExtendedStatistics"] == {"p50": 51, "p99": 100}


def test_plain_statistics_are_motos(client: Client, window: dict[str, Any]) -> None:
    (point,) = client("cloudwatch").get_metric_statistics(
        Namespace="Lab", MetricName="Latency", Period=60, Statistics=["Minimum", "SampleCount"], **window
    )["Datapoints"]

    assert (point["Minimum"], point["SampleCount"]) == (1, 101)


def test_metric_data_mixes_percentiles_and_plain_statistics(client: Client, window: dict[str, Any]) -> None:
    metric = {"Namespace": "Lab", "MetricName": "Latency"}
    queries = [
        {"Id": stat.lower(), "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}
        for stat in ("p99", "Maximum")
    ]
    found = client("cloudwatch").get_metric_data(MetricDataQueries=queries, **window)["MetricDataResults"]

    assert {each["Id"]: each["Values"] for each in found} == {"p99": [100], "maximum": [101]}


def test_a_percentile_lies_between_its_neighbours() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([7], 99) == 7
