"""How late the other regions are: each write's latency as an interval, their quantiles, and limits on them."""

from __future__ import annotations

from harness.checkers.replication.check import ReplicatedInTime, subject
from harness.checkers.replication.pairs import CdfPoint, CloudWatchLatency, PairLatency, replication_latencies
from harness.checkers.replication.quantiles import Quantile

__all__ = [
    "CdfPoint",
    "CloudWatchLatency",
    "PairLatency",
    "Quantile",
    "ReplicatedInTime",
    "replication_latencies",
    "subject",
]
