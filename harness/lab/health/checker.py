"""One health checker at work on one health check, and all the checkers of a check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import msgspec

from harness.clock import Clock
from harness.lab.health.probe import Prober, ProbeResult
from harness.lab.ports import CheckerStatus
from harness.models.health import CHECKER_REGIONS, CheckerState, HealthCheck, first_probe_s, next_probe_s
from harness.stack import RegionName

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Checker:
    """A health checker, as it looks at one endpoint at its own pace.

    Its status is what it says, not what its last probe saw: the first failure leaves "Success" standing until the
    threshold is reached. AWS does not say which of the two GetHealthCheckStatus shows; this one makes the 18 % rule,
    applied to the statuses, give the aggregate. Until it has enough data it has no status.
    """

    def __init__(
        self,
        check: HealthCheck,
        *,
        region: RegionName,
        number: int,
        seed: int,
        prober: Prober,
        clock: Clock,
        on_flip: Callable[[Checker], None],
    ) -> None:
        self.check = check
        self.region = region
        self.address = _address(region, number)
        self.state = CheckerState()
        self.status: CheckerStatus | None = None
        self.last_failure: CheckerStatus | None = None
        self._rng = Random(f"{seed} {check.health_check_id} {self.address}")
        self._prober = prober
        self._clock = clock
        self._on_flip = on_flip

    async def run(self) -> None:
        """Probes until cancelled. A change of `check` is followed from the next probe on."""
        due_s = first_probe_s(self._clock.now_s(), self.check.interval_s, self._rng)
        while True:
            await sleep_until(self._clock, due_s)
            result = await self._prober.probe(self.check)
            self._observe(result)
            due_s = next_probe_s(result.responded_s, self.check.interval_s)

    def _observe(self, result: ProbeResult) -> None:
        flipped = self.state.observe(result.success, self.check.failure_threshold)
        seen = CheckerStatus(
            region=self.region,
            address=self.address,
            healthy=result.success,
            report=result.report,
            checked_at=self._clock.calendar().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        if not result.success:
            self.last_failure = seen
        if result.success is self.state.healthy:
            self.status = seen
        elif self.status:
            self.status = msgspec.structs.replace(self.status, checked_at=seen.checked_at)
        if flipped:
            self._on_flip(self)


class RunningCheck:
    """A health check in force: its configuration, and the checkers that follow it.

    Checkers that a change does not concern go on undisturbed. Those of a region that was taken out stop at once, where
    AWS lets them go on for a while.
    """

    def __init__(self, hire: Callable[[HealthCheck, RegionName, int], Checker], spawn: Spawn, per_region: int) -> None:
        self._hire = hire
        self._spawn = spawn
        self._per_region = per_region
        self._at_work: dict[tuple[RegionName, int], tuple[Checker, asyncio.Task[None]]] = {}
        self.checkers: tuple[Checker, ...] = ()
        """Replaced as a whole, so that other threads may read it."""

    @property
    def healthy_checkers(self) -> int:
        return sum(checker.state.healthy for checker in self.checkers)

    def follow(self, check: HealthCheck) -> None:
        """Puts `check` into force, in place of what was before."""
        regions = check.regions if check.is_probed else ()
        places = [(region, number) for region in regions for number in range(self._per_region)]
        for place in self._at_work.keys() - set(places):
            self._at_work.pop(place)[1].cancel()
        for place in places:
            if place in self._at_work:
                self._at_work[place][0].check = check
            else:
                checker = self._hire(check, *place)
                self._at_work[place] = (checker, self._spawn(checker.run()))
        self.checkers = tuple(checker for checker, _ in self._at_work.values())

    def stop(self) -> None:
        for _, task in self._at_work.values():
            task.cancel()


async def sleep_until(clock: Clock, at_s: float) -> None:
    """Returns at stack second `at_s` or later."""
    while (wait_s := at_s - clock.now_s()) > 0:
        await asyncio.sleep(wait_s / clock.rate)


def _address(region: RegionName, number: int) -> str:
    """In 15.177.0.0/18, from which Route 53's checkers come; AWS does not publish which address is in which region."""
    return f"15.177.{8 * CHECKER_REGIONS.index(region) + 2}.{21 + number}"
