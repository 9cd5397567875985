"""What Route 53's checkers say about a region: one poll of GetHealthCheckStatus, judged by the documented rule."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import TargetError
from harness.events import HealthObservation, Outcome
from harness.stack import RegionalStack
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import HealthCheckObservationTypeDef

HEALTHY_SHARE = 0.18
"""More than this share of the checkers must say healthy (Developer Guide, "How Route 53 determines ...")."""

SETTINGS_KEPT_S = 60.0
"""Inverted and Disabled change by hand only, and Route 53 allows 5 requests a second for the whole account."""


class CheckSettings(msgspec.Struct, frozen=True, kw_only=True):
    inverted: bool = False
    disabled: bool = False


class HealthPoll:
    """Polls the stack's health checks. Threads may share one."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._settings: dict[str, tuple[float, CheckSettings]] = {}
        self._checked: dict[str, dict[str, datetime]] = {}
        """Health check -> checker's address -> when it looked, as of the last poll."""
        self._lock = threading.Lock()

    def look(self, regional: RegionalStack) -> HealthObservation:
        """One poll. What goes wrong is in the observation."""
        start_s = self._clock.now_s()
        check_id = regional.health_check_id
        try:
            settings = self._settings_of(check_id)
            with aws_errors(f"reading the status of health check {check_id}"):
                status = self._target.route53().get_health_check_status(HealthCheckId=check_id)
        except TargetError as error:
            return self._observation(regional, start_s, outcome=Outcome.FAIL, error=str(error))
        checkers = status["HealthCheckObservations"]
        healthy = sum(says_healthy(checker) for checker in checkers)
        return self._observation(
            regional,
            start_s,
            outcome=Outcome.OK,
            checkers_healthy=healthy,
            checkers_total=len(checkers),
            healthy=aggregate(healthy, len(checkers), settings),
            probe_periods_s=self._periods_s(check_id, checkers),
        )

    def _observation(
        self,
        regional: RegionalStack,
        start_s: float,
        *,
        outcome: Outcome,
        checkers_healthy: int = 0,
        checkers_total: int = 0,
        healthy: bool | None = None,
        probe_periods_s: tuple[float, ...] = (),
        error: str | None = None,
    ) -> HealthObservation:
        return HealthObservation(
            start_s=start_s,
            end_s=self._clock.now_s(),
            source="health",
            region=regional.region,
            health_check_id=regional.health_check_id,
            outcome=outcome,
            checkers_healthy=checkers_healthy,
            checkers_total=checkers_total,
            healthy=healthy,
            probe_periods_s=probe_periods_s,
            error=error,
        )

    def _periods_s(self, check_id: str, checkers: Iterable[HealthCheckObservationTypeDef]) -> tuple[float, ...]:
        now = {checker["IPAddress"]: checker["StatusReport"]["CheckedTime"] for checker in checkers}
        with self._lock:
            before = self._checked.get(check_id, {})
            self._checked[check_id] = now
        periods_s = ((at - before[address]).total_seconds() for address, at in now.items() if address in before)
        return tuple(period_s for period_s in periods_s if period_s > 0)

    def _settings_of(self, check_id: str) -> CheckSettings:
        with self._lock:
            read_s, settings = self._settings.get(check_id, (float("-inf"), CheckSettings()))
            if self._clock.now_s() - read_s >= SETTINGS_KEPT_S:
                with aws_errors(f"reading health check {check_id}"):
                    config = self._target.route53().get_health_check(HealthCheckId=check_id)["HealthCheck"]
                found = config["HealthCheckConfig"]
                settings = CheckSettings(inverted=found.get("Inverted", False), disabled=found.get("Disabled", False))
                self._settings[check_id] = (self._clock.now_s(), settings)
            return settings


def says_healthy(checker: HealthCheckObservationTypeDef) -> bool:
    """A checker's report begins with "Success" or "Failure"; nothing else of it is documented."""
    return checker["StatusReport"]["Status"].startswith("Success")


def aggregate(checkers_healthy: int, checkers_total: int, settings: CheckSettings) -> bool:
    """The check's status from its checkers' words.

    A disabled check counts as healthy without probing, and so does one that has no data yet; Inverted flips both.
    Source: boto3's HealthCheckConfig (Disabled, Inverted) and the Developer Guide's 18 % rule.
    """
    unasked = settings.disabled or checkers_total == 0
    healthy = unasked or checkers_healthy > HEALTHY_SHARE * checkers_total
    return healthy is not settings.inverted
