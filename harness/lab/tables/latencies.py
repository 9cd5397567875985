"""How long each write truly took to each region: the lab's own record, and CloudWatch's metric of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from moto.cloudwatch.models import cloudwatch_backends

from harness.clock import Clock
from harness.lab.replication.record import Replicated, ReplicationRecord
from harness.lab.tables.items import ItemKey
from harness.lab.tables.members import ReplicatedWrite
from harness.stack import RegionName


class _Pair(msgspec.Struct, frozen=True):
    """What one series of the metric is about."""

    account: str
    table: str
    origin: RegionName
    destination: RegionName


class _Minute(msgspec.Struct):
    samples: int = 0
    sum_ms: float = 0.0
    minimum_ms: float = float("inf")
    maximum_ms: float = 0.0

    def add(self, latency_ms: float) -> None:
        self.samples += 1
        self.sum_ms += latency_ms
        self.minimum_ms = min(self.minimum_ms, latency_ms)
        self.maximum_ms = max(self.maximum_ms, latency_ms)


class Latencies:
    """Adds to the record, and publishes AWS/DynamoDB ReplicationLatency in each source region, every minute.

    A minute's value is stamped with its beginning, as CloudWatch does; a minute without an arrival has none.
    """

    def __init__(self, clock: Clock) -> None:
        self.record = ReplicationRecord()
        self._clock = clock
        self._minutes: dict[_Pair, _Minute] = {}
        self._minute = _minute_of(clock.calendar())

    def arrived(self, destination: RegionName, write: ReplicatedWrite, *, won: bool) -> None:
        """Told on the replicator's thread; writes with which a new replica is filled do not count."""
        if write.written_s is None:
            return
        now_s = self._clock.now_s()
        origin = write.stamp.region
        key = _shown_key(write.key)
        self.record.add(Replicated(origin, destination, key, write.written_s, now_s, won, write.table.name))
        pair = _Pair(write.table.account, write.table.name, origin, destination)
        self._minutes.setdefault(pair, _Minute()).add((now_s - write.written_s) * 1000)

    def publish_past(self) -> None:
        """Publishes the minute before this one, when that has ended. Called on the replicator's thread, often."""
        minute = _minute_of(self._clock.calendar())
        if minute == self._minute:
            return
        past, at = self._minutes, self._minute
        self._minutes, self._minute = {}, minute
        for pair, values in past.items():
            cloudwatch_backends[pair.account][pair.origin].put_metric_data("AWS/DynamoDB", [_datum(pair, values, at)])


def _datum(pair: _Pair, values: _Minute, at: datetime) -> dict[str, object]:
    return {
        "MetricName": "ReplicationLatency",
        "Dimensions": [
            {"Name": "TableName", "Value": pair.table},
            {"Name": "ReceivingRegion", "Value": pair.destination},
        ],
        "Timestamp": at.replace(tzinfo=None),  # moto keeps UTC without saying so
        "Unit": "Milliseconds",
        "StatisticValues": {
            "SampleCount": values.samples,
            "Sum": values.sum_ms,
            "Minimum": values.minimum_ms,
            "Maximum": values.maximum_ms,
        },
    }


def _minute_of(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)


def _shown_key(key: ItemKey) -> str:
    values: tuple[object, ...] = key[1::2]
    return "/".join(map(str, values))
