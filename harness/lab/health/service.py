"""The health checkers of a lab: they follow the control plane, and tell DNS and CloudWatch what they find."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.clock import Clock
from harness.events import Json
from harness.lab.health.checker import Checker, RunningCheck, sleep_until
from harness.lab.health.control_plane import ControlPlane
from harness.lab.health.dns_view import DnsView
from harness.lab.health.metrics import metrics_of, next_minute_s
from harness.lab.health.probe import AddressOf, Prober
from harness.lab.ports import CheckerStatus, Truth, TruthLog
from harness.models.health import (
    DNS_DELAY_S,
    HealthCheck,
    HealthCheckType,
    calculated_status,
    endpoint_status,
)
from harness.stack import RegionName

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

_log = logging.getLogger(__name__)

_NOT_MODELLED = (HealthCheckType.CLOUDWATCH_METRIC, HealthCheckType.RECOVERY_CONTROL)


class LabHealth:
    """Probes what the control plane's health checks name, and knows each check's status, now and as DNS has it.

    Lives on `loop`, on which `start` and `stop` run; everything else may be called from any thread.

    Not modelled: CLOUDWATCH_METRIC and RECOVERY_CONTROL checks keep their last known status, healthy; the metrics of
    MeasureLatency; the second try without a server name that Route 53 makes when a certificate does not fit.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Clock,
        aws_url: str,
        connect_to: AddressOf,
        seed: int,
        on_dns_change: Callable[[], None],
        truth: TruthLog | None = None,
        checkers_per_region: int = 2,
        dns_delay_s: tuple[float, float] = DNS_DELAY_S,
        minimum_timeout_wall_s: float = 0.5,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._seed = seed
        self._checkers_per_region = checkers_per_region
        self._on_dns_change = on_dns_change
        self._truth = truth
        self._prober = Prober(loop, clock, connect_to, minimum_timeout_wall_s)
        self._control_plane = ControlPlane(loop, aws_url)
        self._dns = DnsView(loop, clock=clock, seed=seed, delay_s=dns_delay_s, on_change=self._dns_changed)
        self._checks: dict[str, HealthCheck] = {}
        self._running: dict[str, RunningCheck] = {}
        self._settled: dict[str, bool] = {}
        """The statuses that were last told to DNS."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = asyncio.Lock()
        self._readings_asked = 0
        self._readings_done = 0

    async def start(self) -> None:
        """Reads the health checks and begins to probe. Raises what boto3 raises when the control plane is not there."""
        await self._read()
        self._spawn(self._publish_metrics())

    async def stop(self) -> None:
        """Ends all probes: no task, thread or socket is left."""
        self._dns.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._control_plane.close()

    def reload(self) -> concurrent.futures.Future[None]:
        """Asks for the health checks to be read again; done when those of now, or later, are in force.

        Calls that come while one reading is under way share the next. When the control plane does not answer, the
        checkers go on with what they had, and the log says so.
        """
        return asyncio.run_coroutine_threadsafe(self._reload(), self._loop)

    def is_healthy(self, health_check_id: str) -> bool:
        """The status at this moment. An unknown check counts as healthy; AWS calls what happens then unpredictable."""
        return self._is_healthy(health_check_id, ())

    def is_healthy_in_dns(self, health_check_id: str) -> bool:
        """The status as the name servers have it: late by the delay to DNS."""
        return self._dns.is_healthy(health_check_id)

    def statuses(self, health_check_id: str) -> list[CheckerStatus]:
        return [checker.status for checker in self._checkers(health_check_id) if checker.status]

    def last_failures(self, health_check_id: str) -> list[CheckerStatus]:
        return [checker.last_failure for checker in self._checkers(health_check_id) if checker.last_failure]

    def _checkers(self, health_check_id: str) -> tuple[Checker, ...]:
        running = self._running.get(health_check_id)
        return running.checkers if running else ()

    def _is_healthy(self, health_check_id: str, parents: tuple[str, ...]) -> bool:
        check = self._checks.get(health_check_id)
        if check is None or health_check_id in parents:
            return True
        if check.type is HealthCheckType.CALCULATED:
            lineage = (*parents, health_check_id)
            return calculated_status(check, (self._is_healthy(child, lineage) for child in check.children))
        checkers = self._checkers(health_check_id)
        return endpoint_status(check, sum(checker.state.healthy for checker in checkers), len(checkers))

    # What follows runs on the loop.

    async def _reload(self) -> None:
        self._readings_asked += 1
        mine = self._readings_asked
        async with self._reading:
            if self._readings_done >= mine:
                return
            asked = self._readings_asked
            try:
                await self._read()
            except (BotoCoreError, ClientError) as error:
                _log.warning("health checks could not be read again, the checkers go on with what they had: %s", error)
            self._readings_done = asked

    async def _read(self) -> None:
        checks = await self._control_plane.health_checks()
        known = self._checks
        self._checks = checks
        for gone in known.keys() - checks.keys():
            self._running.pop(gone).stop()
            self._dns.remove(gone)
            del self._settled[gone]
        for check_id, check in checks.items():
            if known.get(check_id) != check:
                self._put_into_force(check)
        for new in checks.keys() - known.keys():
            self._settled[new] = self.is_healthy(new)
            self._dns.add(new, self._settled[new])
        self._settle(checks)

    def _put_into_force(self, check: HealthCheck) -> None:
        if check.type in _NOT_MODELLED:
            _log.warning(
                "health check %s: %s is not modelled, it stays healthy", check.health_check_id, check.type.value
            )
        running = self._running.setdefault(
            check.health_check_id, RunningCheck(self._hire, self._spawn, self._checkers_per_region)
        )
        running.follow(check)

    def _hire(self, check: HealthCheck, region: RegionName, number: int) -> Checker:
        return Checker(
            check,
            region=region,
            number=number,
            seed=self._seed,
            prober=self._prober,
            clock=self._clock,
            on_flip=self._checker_flipped,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._loop.call_exception_handler({"message": "a health checker died", "exception": error, "task": task})

    def _checker_flipped(self, checker: Checker) -> None:
        check_id = checker.check.health_check_id
        self._record(
            "checker-flipped",
            region=checker.region,
            health_check_id=check_id,
            checker=checker.address,
            healthy=checker.state.healthy,
        )
        calculated = [other.health_check_id for other in self._checks.values() if other.children]
        self._settle([check_id, *calculated])

    def _settle(self, check_ids: Iterable[str]) -> None:
        """Tells DNS of the statuses that have changed."""
        for check_id in check_ids:
            healthy = self.is_healthy(check_id)
            if self._settled[check_id] is not healthy:
                self._settled[check_id] = healthy
                self._record("check-flipped", health_check_id=check_id, healthy=healthy)
                self._dns.change(check_id, healthy)

    def _dns_changed(self, check_id: str, healthy: bool) -> None:
        self._record("dns-status", health_check_id=check_id, healthy=healthy)
        self._on_dns_change()

    def _record(self, what: str, region: RegionName = "", **detail: Json) -> None:
        if self._truth:
            self._truth(Truth(at_s=self._clock.now_s(), what=what, region=region, detail=detail))

    async def _publish_metrics(self) -> None:
        while True:
            await sleep_until(self._clock, next_minute_s(self._clock.now_s()))
            try:
                await self._control_plane.put_metrics(self._metrics())
            except (BotoCoreError, ClientError) as error:
                _log.warning("health check metrics of one minute are lost: %s", error)

    def _metrics(self) -> list[MetricDatumTypeDef]:
        at = self._clock.calendar()
        return [
            metric
            for check_id, running in self._running.items()
            for metric in metrics_of(
                check_id,
                healthy=self.is_healthy(check_id),
                healthy_checkers=running.healthy_checkers,
                checkers=len(running.checkers),
                at=at,
            )
        ]
