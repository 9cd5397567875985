"""health-broken: a region's /health answers 503, while its data path keeps working: a clean evacuation by DNS.

One UpdateStage call sets the stage variable that the health route reads; stage variables need no redeploy (API
Gateway Developer Guide, "Redeploy a REST API"). How soon the change takes effect is not documented.
"""

from __future__ import annotations

from typing import ClassVar

from harness.errors import NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call
from harness.faults.stage import read_variable, set_variable
from harness.faults.values import RegionalFault, Values
from harness.probes.endpoint import get_status
from harness.stack import Stack
from harness.target import Target

VARIABLE = "HEALTH"
BROKEN = "503"


class HealthBroken(RegionalFault, frozen=True, kw_only=True, tag="health-broken"):
    """The health route of `region` answers 503 until rolled back."""

    name: ClassVar[str] = "health-broken"
    about: ClassVar[About] = About(
        summary="the region's health route answers 503; its data path keeps working",
        iam_actions=("apigateway:GET", "apigateway:PATCH"),
        aws="stage variables take effect without a new deployment; health checks then see HTTP 503 and fail",
        confidence=Confidence.DOCUMENTED,
        unknown="how soon an UpdateStage takes effect",
    )

    def resources(self, stack: Stack) -> tuple[str, ...]:
        regional = stack.in_region(self.region)
        return (f"apigateway:{self.region}:{regional.rest_api_id}/{regional.stage}/variables/{VARIABLE}",)

    def read(self, target: Target) -> Values:
        return {VARIABLE: read_variable(target, self.region, VARIABLE) or ""}

    def broken(self, snapshot: Values) -> Values:  # noqa: ARG002
        return {VARIABLE: BROKEN}

    def snapshot(self, target: Target) -> Values:
        """{VARIABLE: value now}.

        Raises:
            NotDeployed: the stage has no such variable, so there is nothing that this fault could switch.
        """
        found = super().snapshot(target)
        if not found[VARIABLE]:
            regional = target.stack.in_region(self.region)
            raise NotDeployed(
                f"stage {regional.rest_api_id}/{regional.stage} in {self.region} has no stage variable {VARIABLE!r}: "
                "fault 'health-broken' needs a health route that reads it, as in infra/"
            )
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return (set_variable(stack.in_region(self.region), VARIABLE, BROKEN),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (set_variable(stack.in_region(self.region), VARIABLE, snapshot[VARIABLE]),)

    def prove(self, target: Target) -> str | None:
        """The health route's status as seen over HTTPS when it is an error; None while it still answers well."""
        status = self._status(target)
        return f"HTTP {status} from the health route" if status is not None and status >= 400 else None

    def prove_removed(self, target: Target) -> bool:
        """True when the health route answers as a checker wants it: 200 to 399."""
        status = self._status(target)
        return status is not None and 200 <= status < 400

    def _status(self, target: Target) -> int | None:
        regional = target.stack.in_region(self.region)
        return get_status(target, regional.execute_api_host, f"/{regional.stage}{target.stack.health_check_path}")
