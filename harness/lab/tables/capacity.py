"""The most that an on-demand table may be written: OnDemandThroughput.MaxWriteRequestUnits, kept by a token bucket.

AWS keeps replicas of a global table to one setting ("on-demand maximum write throughput" is among the synchronized
ones), and throttles what exceeds it on a best-effort basis. Not modelled: sizes of items (a write is one unit) and
maximum read units; which error says so AWS does not publish beyond that the request is throttled, and neither how much
of a burst passes: here one second's worth.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException, MockValidationException

from harness.clock import Clock
from harness.stack import RegionName

TableKey = tuple[str, RegionName, str]
"""(account, region, table name)."""

NO_MAXIMUM = -1
"""As AWS's API says that there is none."""


class WriteCaps:
    """Threads may share one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._caps: dict[TableKey, int] = {}
        self._buckets: dict[TableKey, tuple[float, float]] = {}
        """Units left, and when that was."""
        self._lock = threading.Lock()

    def set(self, keys: Iterable[TableKey], units: int) -> None:
        """For every replica alike. Raises AWS's ValidationException for a number that is none."""
        if units != NO_MAXIMUM and units < 1:
            raise MockValidationException(
                f"One or more parameter values were invalid: MaxWriteRequestUnits {units} must be at least 1, or -1"
            )
        with self._lock:
            for key in keys:
                self._buckets.pop(key, None)
                if units == NO_MAXIMUM:
                    self._caps.pop(key, None)
                else:
                    self._caps[key] = units

    def of(self, key: TableKey) -> int | None:
        return self._caps.get(key)

    def least_in(self, region: RegionName) -> float | None:
        """Of the region's tables: what replication may write there a second; None: as much as comes."""
        caps = [units for (_, where, _), units in list(self._caps.items()) if where == region]
        return float(min(caps)) if caps else None

    def take(self, key: TableKey) -> None:
        """One write. Raises AWS's throttling error when there is no unit left for it."""
        units = self._caps.get(key)
        if units is None:
            return
        with self._lock:
            now_s = self._clock.now_s()
            left, at_s = self._buckets.get(key, (float(units), now_s))
            left = min(float(units), left + (now_s - at_s) * units)
            self._buckets[key] = (left - 1 if left >= 1 else left), now_s
        if left < 1:
            raise DynamodbException(
                ERROR_TYPE_PREFIX + "ThrottlingException",
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
            )
