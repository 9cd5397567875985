"""health-check-inverted: a healthy region counts as unhealthy, so DNS leaves it: the app is not touched."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.about import About, Confidence
from harness.faults.dns_proof import led_elsewhere, led_home
from harness.faults.health_check import READ_AND_CHANGE, HealthCheckFault
from harness.target import Target


class HealthCheckInverted(HealthCheckFault, frozen=True, kw_only=True, tag="health-check-inverted"):
    """The health check of `region` says the opposite of what its checkers see."""

    name: ClassVar[str] = "health-check-inverted"
    about: ClassVar[About] = About(
        summary="the region's health check says the opposite, so DNS leaves a region that works",
        iam_actions=READ_AND_CHANGE,
        aws="Inverted=true flips the final status, so a check whose checkers succeed counts as unhealthy",
        confidence=Confidence.DOCUMENTED,
        unknown="how long the status takes to reach DNS answers",
    )
    field: ClassVar[str] = "Inverted"

    @property
    def to(self) -> str:
        return "true"

    def prove(self, target: Target) -> str | None:
        return led_elsewhere(target, self.region)

    def prove_removed(self, target: Target) -> bool:
        return led_home(target, self.region)
