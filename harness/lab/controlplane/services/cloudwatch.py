"""CloudWatch: moto's, with percentiles (p50, p99.9) in GetMetricStatistics and GetMetricData."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100)")


class LabCloudWatch(CloudWatchResponse):  # type: ignore[misc]
    def get_metric_statistics(self) -> ActionResult:
        wanted = self._get_param("ExtendedStatistics") or []
        result = super().get_metric_statistics()
        if wanted:
            result.result["Datapoints"] = [_with_percentiles(point, wanted) for point in result.result["Datapoints"]]
        return result

    def get_metric_data(self) -> ActionResult:
        params = self._get_params()
        queries = params.get("MetricDataQueries", [])
        percentiles = [q for q in queries if _PERCENTILE.fullmatch(q.get("MetricStat", {}).get("Stat", ""))]
        params["MetricDataQueries"] = [query for query in queries if query not in percentiles]
        result = super().get_metric_data()
        for query in percentiles:
            if query.get("ReturnData", True):
                result.result["MetricDataResults"].append(self._percentile_series(query, params))
        return result

    def _percentile_series(self, query: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        wanted = query["MetricStat"]
        metric, stat = wanted["Metric"], wanted["Stat"]
        points = self.cloudwatch_backend.get_metric_statistics(
            metric["Namespace"],
            metric["MetricName"],
            params["StartTime"],
            params["EndTime"],
            int(wanted["Period"]),
            [],
            dimensions=metric.get("Dimensions", []),
            unit=wanted.get("Unit"),
        )
        points = points[::-1] if params.get("ScanBy", "TimestampDescending") == "TimestampDescending" else points
        return {
            "Id": query["Id"],
            "Label": query.get("Label") or f"{metric['MetricName']} {stat}",
            "Values": [percentile(point.metric_single_values_list, float(stat[1:])) for point in points],
            "Timestamps": [point.timestamp for point in points],
            "StatusCode": "Complete",
        }


def percentile(values: Sequence[float], rank: float) -> float:
    """By linear interpolation between the two nearest ranks; `rank` from 0 to 100."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * rank / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def _with_percentiles(point: Any, wanted: list[str]) -> dict[str, Any]:
    values = point.metric_single_values_list
    extended = {stat: percentile(values, float(stat[1:])) for stat in wanted if _PERCENTILE.fullmatch(stat)}
    plain = {name: getattr(point, name) for name in ("average", "maximum", "minimum", "sum")}
    shown = {name.capitalize(): value for name, value in plain.items() if value is not None}
    return shown | {
        "SampleCount": point.sample_count,
        "Timestamp": point.timestamp,
        "Unit": point.unit,
        "ExtendedStatistics": extended if values else {},
    }
