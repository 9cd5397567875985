"""Users over time: steps and spikes, as a plan says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from locust import LoadTestShape

from harness.load.plan import Phase


class PlannedShape(LoadTestShape):  # type: ignore[misc]  # locust is not typed to our standard
    """The phase that has begun last. It never ends the test: run time and faults do."""

    phases: Sequence[Phase] = ()
    rate = 1.0
    """Stack seconds a wall second: locust counts the latter."""

    def tick(self) -> tuple[int, float] | None:
        at_s = self.get_run_time() * self.rate
        begun = [phase for phase in self.phases if phase.at_s <= at_s]
        return (begun[-1].users, begun[-1].spawn_rate) if begun else (0, 1.0)


def read_phases(path: Path) -> tuple[Phase, ...]:
    return msgspec.json.decode(path.read_bytes(), type=tuple[Phase, ...])
