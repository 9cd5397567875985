"""What the DNS servers believe of each health check: its status, late by a delay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from harness.clock import Clock
from harness.models.health import DelayedStatus


class DnsView:
    """Brings changes of status to DNS. Lives on the loop; `is_healthy` may be asked from any thread.

    AWS pushes statuses to every edge location on its own; here all name servers learn of a change at the same moment.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Clock,
        seed: int,
        delay_s: tuple[float, float],
        on_change: Callable[[str, bool], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._seed = seed
        self._delay_s = delay_s
        self._on_change = on_change
        self._statuses: dict[str, DelayedStatus] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def is_healthy(self, health_check_id: str) -> bool:
        """An unknown check counts as healthy; AWS calls what happens then unpredictable."""
        status = self._statuses.get(health_check_id)
        return status is None or status.healthy

    def add(self, health_check_id: str, healthy: bool) -> None:
        """A new check is known at once."""
        rng = Random(f"{self._seed} {health_check_id} dns")
        self._statuses[health_check_id] = DelayedStatus(healthy, rng, self._delay_s)
        if not healthy:
            self._on_change(health_check_id, False)

    def remove(self, health_check_id: str) -> None:
        del self._statuses[health_check_id]

    def change(self, health_check_id: str, healthy: bool) -> None:
        self._arm(health_check_id, self._statuses[health_check_id].change(healthy, self._clock.now_s()))

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _arm(self, health_check_id: str, at_s: float) -> None:
        def arrive() -> None:
            self._timers.discard(timer)
            self._arrive(health_check_id, at_s)

        timer = self._loop.call_later(max(0.0, at_s - self._clock.now_s()) / self._clock.rate, arrive)
        self._timers.add(timer)

    def _arrive(self, health_check_id: str, at_s: float) -> None:
        status = self._statuses.get(health_check_id)
        if status is None:
            return
        now_s = self._clock.now_s()
        if now_s < at_s:  # The loop's clock and ours differ by a rounding.
            self._arm(health_check_id, at_s)
        elif status.deliver(now_s):
            self._on_change(health_check_id, status.healthy)
