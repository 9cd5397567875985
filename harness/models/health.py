"""Route 53 health checks as documented: when a probe is due, when a checker flips, what all checkers add up to.

A health check is watched by checkers in several regions that do not coordinate. Each flips on its own after
`failure_threshold` consecutive probes that say the opposite; the check is healthy while more than 18 % of them say so.

Source: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy" and "Values that
you specify when you create or update health checks". AWS does not publish how many checkers there are (16 were
observed, two in each of eight regions), nor how long a status takes to reach DNS: both are parameters.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Literal

import msgspec

from harness.stack import RegionName

CHECKER_REGIONS: tuple[RegionName, ...] = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
"""Where checkers are, not what they may check: HealthCheckConfig.Regions narrows this list."""

CONNECT_TIMEOUT_S = 4.0
"""HTTP and HTTPS: to establish the TCP connection."""
STATUS_TIMEOUT_S = 2.0
"""HTTP and HTTPS: from the TCP connection to the status. The TLS handshake is taken to be part of this."""
BODY_TIMEOUT_S = 2.0
"""String matching: from the status to the string."""
TCP_CONNECT_TIMEOUT_S = 10.0
SEARCHED_BYTES = 5120
"""The search string must lie entirely within these first bytes of the body."""
HEADER_LIMIT_BYTES = 16 * 1024

DNS_DELAY_S = (1.0, 10.0)
"""Our assumption, uniform: AWS publishes no delay from a check's status to its name servers."""

FAST_RESPONSE_S = 0.1
"""What an endpoint that answers at once takes, connection and TLS included: for the simulations below."""

_HEALTHY_PERCENT = 18


class HealthCheckType(enum.Enum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    HTTP_STR_MATCH = "HTTP_STR_MATCH"
    HTTPS_STR_MATCH = "HTTPS_STR_MATCH"
    TCP = "TCP"
    CALCULATED = "CALCULATED"
    CLOUDWATCH_METRIC = "CLOUDWATCH_METRIC"
    RECOVERY_CONTROL = "RECOVERY_CONTROL"

    @property
    def probes_an_endpoint(self) -> bool:
        return self not in (self.CALCULATED, self.CLOUDWATCH_METRIC, self.RECOVERY_CONTROL)

    @property
    def uses_tls(self) -> bool:
        return self in (self.HTTPS, self.HTTPS_STR_MATCH)

    @property
    def matches_string(self) -> bool:
        return self in (self.HTTP_STR_MATCH, self.HTTPS_STR_MATCH)


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A health check's configuration, in the words of HealthCheckConfig."""

    health_check_id: str
    type: HealthCheckType
    interval_s: float = 30.0
    failure_threshold: int = 3
    inverted: bool = False
    disabled: bool = False
    domain_name: str | None = None
    ip_address: str | None = None
    port: int = 443
    path: str = "/"
    search_string: str = ""
    enable_sni: bool = True
    regions: tuple[RegionName, ...] = CHECKER_REGIONS
    children: tuple[str, ...] = ()
    health_threshold: int = 0
    """CALCULATED: how many children must be healthy."""

    @property
    def is_probed(self) -> bool:
        return self.type.probes_an_endpoint and not self.disabled


class CheckerState:
    """What one checker says: healthy until `threshold` probes in a row failed, then until as many succeeded.

    Healthy at first: "Route 53 considers a new health check to be healthy until there's enough data".
    """

    def __init__(self, healthy: bool = True) -> None:
        self.healthy = healthy
        self._contradictions = 0

    def observe(self, success: bool, threshold: int) -> bool:
        """Counts one probe; True when it flipped the checker."""
        if success == self.healthy:
            self._contradictions = 0
            return False
        self._contradictions += 1
        if self._contradictions < threshold:
            return False
        self.healthy = success
        self._contradictions = 0
        return True


def first_probe_s(now_s: float, interval_s: float, rng: Random) -> float:
    """Checkers do not coordinate, so each starts anywhere within one interval."""
    return now_s + rng.uniform(0, interval_s)


def next_probe_s(responded_s: float, interval_s: float) -> float:
    """The interval runs from the response (or the timeout) to the next request, so the period is longer than it."""
    return responded_s + interval_s


def is_quorum_healthy(healthy: int, total: int) -> bool:
    """More than 18 % of the checkers say healthy; with no checker there is no data, which counts as healthy."""
    return total == 0 or healthy * 100 > _HEALTHY_PERCENT * total


def endpoint_status(check: HealthCheck, healthy: int, total: int) -> bool:
    """The status of a check whose `healthy` of `total` checkers say healthy, Disabled and Inverted applied.

    A disabled check counts as healthy, and as unhealthy when it is inverted too; an inverted one without data as
    unhealthy.
    """
    raw = check.disabled or is_quorum_healthy(healthy, total)
    return raw is not check.inverted


def calculated_status(check: HealthCheck, children: Iterable[bool]) -> bool:
    """At least HealthThreshold children are healthy: 0 is always healthy, more than there are never.

    `children` are their own final statuses, so a disabled child counts as healthy.
    """
    raw = check.disabled or sum(children) >= check.health_threshold
    return raw is not check.inverted


class DelayedStatus:
    """What DNS believes of one health check: each change of status arrives late, and in order."""

    def __init__(self, healthy: bool, rng: Random, delay_s: tuple[float, float] = DNS_DELAY_S) -> None:
        self.healthy = healthy
        self._rng = rng
        self._delay_s = delay_s
        self._under_way: deque[tuple[float, bool]] = deque()

    def change(self, healthy: bool, now_s: float) -> float:
        """When DNS will learn of the change: after a uniform delay, and never before an earlier change."""
        arrives_s = now_s + self._rng.uniform(*self._delay_s)
        if self._under_way:
            arrives_s = max(arrives_s, self._under_way[-1][0])
        self._under_way.append((arrives_s, healthy))
        return arrives_s

    def deliver(self, now_s: float) -> bool:
        """Applies what has arrived by `now_s`; True when DNS now believes something else."""
        before = self.healthy
        while self._under_way and self._under_way[0][0] <= now_s:
            self.healthy = self._under_way.popleft()[1]
        return self.healthy is not before


def simulate_detection(
    *,
    interval_s: float,
    threshold: int,
    checkers: int = 16,
    seed: int,
    runs: int,
    fail: Literal["fast", "black-hole"] = "fast",
) -> list[float]:
    """Seconds from an endpoint's failure until its check is unhealthy, once per run.

    A fast failure answers in FAST_RESPONSE_S; a black hole lets each probe run into the connect timeout.
    """
    response_s = FAST_RESPONSE_S if fail == "fast" else CONNECT_TIMEOUT_S
    rng = Random(seed)
    return [
        _time_to_flip_s(
            rng,
            to_healthy=False,
            interval_s=interval_s,
            threshold=threshold,
            checkers=checkers,
            response_s=response_s,
        )
        for _ in range(runs)
    ]


def simulate_recovery(*, interval_s: float, threshold: int, checkers: int = 16, seed: int, runs: int) -> list[float]:
    """Seconds from an endpoint's recovery until its check is healthy, once per run; all checkers were unhealthy."""
    rng = Random(seed)
    return [
        _time_to_flip_s(
            rng,
            to_healthy=True,
            interval_s=interval_s,
            threshold=threshold,
            checkers=checkers,
            response_s=FAST_RESPONSE_S,
        )
        for _ in range(runs)
    ]


def _time_to_flip_s(
    rng: Random, *, to_healthy: bool, interval_s: float, threshold: int, checkers: int, response_s: float
) -> float:
    """Drives the state machines above through virtual time, from the change at 0 until the quorum has changed."""
    states = [CheckerState(healthy=not to_healthy) for _ in range(checkers)]
    healthy = 0 if to_healthy else checkers
    # The change falls anywhere in a checker's period, which until now was the interval plus a fast response.
    responses = [(first_probe_s(0, interval_s + FAST_RESPONSE_S, rng) + response_s, n) for n in range(checkers)]
    heapq.heapify(responses)
    while True:
        responded_s, n = responses[0]
        if states[n].observe(to_healthy, threshold):
            healthy += 1 if to_healthy else -1
            if is_quorum_healthy(healthy, checkers) is to_healthy:
                return responded_s
        heapq.heapreplace(responses, (next_probe_s(responded_s, interval_s) + response_s, n))
