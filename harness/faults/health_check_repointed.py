"""health-check-repointed: the checkers ask for another path, by default one that does not exist, and fail.

Users notice nothing but DNS. Led to a path that answers well, such as a deeper one, the check does not fail: then it
is another check for a while.
"""

from __future__ import annotations

from typing import ClassVar

from harness.aws import aws_errors
from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.health_check import READ_AND_CHANGE, HealthCheckFault
from harness.probes.endpoint import get_status
from harness.target import Target

LONGEST_PATH = 255
"""Of ResourcePath, as Route 53's API reference has it."""


class HealthCheckRepointed(HealthCheckFault, frozen=True, kw_only=True, tag="health-check-repointed"):
    """The health check of `region` asks for `path`."""

    path: str = "/harness-no-such-path"

    name: ClassVar[str] = "health-check-repointed"
    about: ClassVar[About] = About(
        summary="the region's checkers ask for a path that does not exist and fail; its users are well",
        iam_actions=(*READ_AND_CHANGE, "route53:GetHealthCheckStatus"),
        aws="checkers ask for the new ResourcePath; API Gateway answers a path that it does not have with 403",
        confidence=Confidence.DOCUMENTED,
        unknown="how soon the checkers ask for the new path",
    )
    field: ClassVar[str] = "ResourcePath"

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or len(self.path) > LONGEST_PATH:
            raise InvalidPlan(
                f"health-check-repointed path {self.path!r}: begins with '/' and has at most {LONGEST_PATH} characters"
            )

    @property
    def to(self) -> str:
        return self.path

    def prove(self, target: Target) -> str | None:
        """What the first checker that fails says; of a path that answers well, that it is what the check asks for."""
        failures = [status for status in self._statuses(target) if status.startswith("Failure")]
        if failures:
            return f"{len(failures)} checkers fail: {failures[0].partition('. ')[0]}"
        status = get_status(target, target.stack.in_region(self.region).execute_api_host, self.path)
        answers_well = status is not None and 200 <= status < 400
        asked = self.read(target)[self.field] == self.path
        return f"the health check asks for {self.path}, which answers {status}" if answers_well and asked else None

    def prove_removed(self, target: Target) -> bool:
        statuses = self._statuses(target)
        return bool(statuses) and not any(status.startswith("Failure") for status in statuses)

    def _statuses(self, target: Target) -> list[str]:
        check_id = target.stack.in_region(self.region).health_check_id
        with aws_errors(f"reading the status of health check {check_id}"):
            found = target.route53().get_health_check_status(HealthCheckId=check_id)["HealthCheckObservations"]
        return [str(one.get("StatusReport", {}).get("Status", "")) for one in found]
