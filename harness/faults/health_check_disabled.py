"""health-check-disabled: the region is no longer looked at, so it counts as healthy whatever happens: lost detection.

Nothing changes for users until something else breaks; that is what makes it worth knowing who notices.
"""

from __future__ import annotations

from typing import ClassVar

from harness.faults.about import About, Confidence
from harness.faults.health_check import READ_AND_CHANGE, HealthCheckFault
from harness.target import Target


class HealthCheckDisabled(HealthCheckFault, frozen=True, kw_only=True, tag="health-check-disabled"):
    """The health check of `region` no longer probes."""

    name: ClassVar[str] = "health-check-disabled"
    about: ClassVar[About] = About(
        summary="the region is not looked at any more: DNS keeps it whatever happens there",
        iam_actions=READ_AND_CHANGE,
        aws="a disabled check sends no requests and counts as healthy (as unhealthy when it is inverted too)",
        confidence=Confidence.DOCUMENTED,
        unknown="whether requests under way still count",
    )
    field: ClassVar[str] = "Disabled"

    @property
    def to(self) -> str:
        return "true"

    def prove(self, target: Target) -> str | None:
        """Read back: from outside nothing tells a disabled check from one that succeeds."""
        return "Route 53 says that the health check is disabled" if self._is_disabled(target) else None

    def prove_removed(self, target: Target) -> bool:
        return not self._is_disabled(target)

    def _is_disabled(self, target: Target) -> bool:
        return self.read(target)[self.field] == self.to
