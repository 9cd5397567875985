"""CloudWatch's own word on replication: ReplicationLatency, as each source region publishes it per receiving region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from harness.aws import aws_errors
from harness.clock import Clock
from harness.events import ReplicationMetric
from harness.stack import RegionalStack, RegionName
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DatapointTypeDef

PERIOD_S = 60
"""The metric's own resolution: a stretch is widened to whole minutes of the calendar."""
DATAPOINTS = 1440
"""GetMetricStatistics gives no more at once: a day of minutes."""


def read_replication_metrics(
    target: Target, clock: Clock, *, since_s: float, until_s: float
) -> tuple[ReplicationMetric, ...]:
    """One for each pair of regions that has data. On AWS, data come some minutes after the fact: ask again later.

    CloudWatch keeps whole minutes of the calendar, so what it says is about the minutes that the stretch touches.

    Raises:
        TargetError: CloudWatch refuses or cannot be reached.
    """
    start, end = whole_minutes(clock.calendar(since_s), clock.calendar(until_s))
    regions = target.stack.regions
    metrics = []
    for source, other in ((source, other.region) for source in regions for other in regions if source != other):
        points = _datapoints(target, source, other, start, end)
        if points:
            metrics.append(_sum_up(points, source.region, other, since_s, until_s))
    return tuple(metrics)


def whole_minutes(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The stretch, widened to begin and end at whole minutes; never empty."""
    start = since.replace(second=0, microsecond=0)
    return start, max(start, (until - timedelta(microseconds=1)).replace(second=0, microsecond=0)) + timedelta(
        minutes=1
    )


def _datapoints(
    target: Target, source: RegionalStack, other: RegionName, start: datetime, end: datetime
) -> list[DatapointTypeDef]:
    """Those with samples."""
    # A stretch longer than a day is told in longer periods, still whole minutes.
    period_s = PERIOD_S * math.ceil((end - start).total_seconds() / PERIOD_S / DATAPOINTS)
    with aws_errors(f"reading ReplicationLatency of table {source.table_name} from {source.region} to {other}"):
        found = target.cloudwatch(source.region).get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName="ReplicationLatency",
            Dimensions=[
                {"Name": "TableName", "Value": source.table_name},
                {"Name": "ReceivingRegion", "Value": other},
            ],
            StartTime=start,
            EndTime=end,
            Period=period_s,
            Statistics=["Average", "Minimum", "Maximum", "SampleCount"],
        )
    return [point for point in found["Datapoints"] if point.get("SampleCount", 0) > 0]


def _sum_up(
    points: Sequence[DatapointTypeDef], region: RegionName, other: RegionName, since_s: float, until_s: float
) -> ReplicationMetric:
    samples = sum(point["SampleCount"] for point in points)
    return ReplicationMetric(
        start_s=since_s,
        end_s=until_s,
        source="cloudwatch",
        region=region,
        receiving_region=other,
        average_ms=sum(point["Average"] * point["SampleCount"] for point in points) / samples,
        minimum_ms=min(point["Minimum"] for point in points),
        maximum_ms=max(point["Maximum"] for point in points),
        samples=samples,
    )
