"""The CloudWatch metrics of health checks, once a stack minute, on the lab's calendar."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.literals import StandardUnitType
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

METRIC_PERIOD_S = 60.0


def next_minute_s(now_s: float) -> float:
    """The next whole minute since the clock's start."""
    return (now_s // METRIC_PERIOD_S + 1) * METRIC_PERIOD_S


def metrics_of(
    health_check_id: str, *, healthy: bool, healthy_checkers: int, checkers: int, at: datetime
) -> list[MetricDatumTypeDef]:
    """HealthCheckStatus, and HealthCheckPercentageHealthy where checkers probe: it has no value while disabled."""
    metrics = [_metric("HealthCheckStatus", health_check_id, float(healthy), "None", at)]
    if checkers:
        share_percent = 100 * healthy_checkers / checkers
        metrics.append(_metric("HealthCheckPercentageHealthy", health_check_id, share_percent, "Percent", at))
    return metrics


def _metric(name: str, health_check_id: str, value: float, unit: StandardUnitType, at: datetime) -> MetricDatumTypeDef:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "HealthCheckId", "Value": health_check_id}],
        "Timestamp": at,
        "Value": value,
        "Unit": unit,
    }
