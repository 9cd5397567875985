"""A token bucket, as API Gateway's throttling documents it. Pure: time is an argument, in stack seconds."""

from __future__ import annotations

from harness.lab.gateway.config import Throttle


class TokenBucket:
    """Full at first; refills at the rate, up to the burst.

    A rate of 0 lets nothing pass, not even one burst (seen on AWS; not documented).
    """

    __slots__ = ("_at_s", "_tokens", "throttle")

    def __init__(self, throttle: Throttle, now_s: float) -> None:
        self.throttle = throttle
        self._tokens = throttle.burst if throttle.rate_rps > 0 else 0.0
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """True when the request may pass."""
        refill = max(0.0, now_s - self._at_s) * self.throttle.rate_rps
        self._tokens = min(self.throttle.burst, self._tokens + refill)
        self._at_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
