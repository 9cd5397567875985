"""health-broken: a region's /health answers 503, while its data path keeps working: a clean evacuation by DNS.

One UpdateStage call sets the stage variable that the health route reads; stage variables need no redeploy (API
Gateway Developer Guide, "Redeploy a REST API"). How soon the change takes effect is not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from harness.aws import aws_errors
from harness.errors import NotDeployed, RollbackFailed
from harness.probes.endpoint import get_status
from harness.stack import RegionName, Stack
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

VARIABLE = "HEALTH"
BROKEN = "503"


class HealthBroken(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", tag="health-broken"):
    """The health route of `region` answers 503 until rolled back."""

    region: RegionName

    name: ClassVar[str] = "health-broken"
    iam_actions: ClassVar[tuple[str, ...]] = ("apigateway:GET", "apigateway:PATCH")
    ends_itself: ClassVar[bool] = False

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region,)

    @property
    def parameters(self) -> dict[str, str]:
        return {"region": self.region}

    def describe(self) -> str:
        return f"{self.name} in {self.region}"

    def resources(self, stack: Stack) -> tuple[str, ...]:
        """What it changes: two faults on one resource would undo each other."""
        regional = stack.in_region(self.region)
        return (f"apigateway:{self.region}:{regional.rest_api_id}/{regional.stage}/variables/{VARIABLE}",)

    def snapshot(self, target: Target) -> dict[str, str]:
        """{VARIABLE: value now}.

        Raises:
            NotDeployed: the stage has no such variable, so there is nothing that this fault could switch.
        """
        value = self._read(target)
        if value is None:
            regional = target.stack.in_region(self.region)
            raise NotDeployed(
                f"stage {regional.rest_api_id}/{regional.stage} in {self.region} has no stage variable {VARIABLE!r}: "
                "fault 'health-broken' needs a health route that reads it, as in infra/"
            )
        return {VARIABLE: value}

    def apply(self, target: Target) -> None:
        self._write(target, BROKEN)

    def prove(self, target: Target) -> str | None:
        """The health route's status as seen over HTTPS when it is an error; None while it still answers well."""
        status = self._status(target)
        return f"HTTP {status} from the health route" if status is not None and status >= 400 else None

    def prove_removed(self, target: Target) -> bool:
        """True when the health route answers as a checker wants it: 200 to 399."""
        status = self._status(target)
        return status is not None and 200 <= status < 400

    def rollback(self, target: Target, snapshot: dict[str, str]) -> None:
        """Puts the variable back; idempotent. Somebody else's change since then is left alone and reported.

        Raises:
            RollbackFailed: the value is neither ours nor the one from before.
        """
        before, now = snapshot[VARIABLE], self._read(target)
        if now == before:
            return
        if now != BROKEN:
            raise RollbackFailed(
                f"stage variable {VARIABLE} in {self.region} is {now!r}: neither {BROKEN!r}, which this fault set, nor "
                f"{before!r} from before. Somebody changed it meanwhile; it was left as it is. To put it back: "
                f"{self.by_hand(target.stack, snapshot)}"
            )
        self._write(target, before)

    def is_rolled_back(self, target: Target, snapshot: dict[str, str]) -> bool:
        return self._read(target) == snapshot[VARIABLE]

    def is_gone(self, target: Target) -> bool:
        """True when the stage no longer exists, so there is nothing left to undo."""
        try:
            self._read(target)
        except NotDeployed:
            return True
        return False

    def by_hand(self, stack: Stack, snapshot: dict[str, str]) -> str:
        """The command by which a person undoes it."""
        regional = stack.in_region(self.region)
        return (
            f"aws apigateway update-stage --region {self.region} --rest-api-id {regional.rest_api_id} "
            f"--stage-name {regional.stage} "
            f"--patch-operations op=replace,path=/variables/{VARIABLE},value={snapshot[VARIABLE]}"
        )

    def _client(self, target: Target) -> APIGatewayClient:
        return target.apigateway(self.region)

    def _read(self, target: Target) -> str | None:
        regional = target.stack.in_region(self.region)
        with aws_errors(f"reading stage {regional.rest_api_id}/{regional.stage} in {self.region}"):
            try:
                stage = self._client(target).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
            except self._client(target).exceptions.NotFoundException as error:
                raise NotDeployed(
                    f"stage {regional.rest_api_id}/{regional.stage} does not exist in {self.region}: "
                    "the target file is older than the stack; deploy or discover again"
                ) from error
        return stage.get("variables", {}).get(VARIABLE)

    def _write(self, target: Target, value: str) -> None:
        regional = target.stack.in_region(self.region)
        with aws_errors(f"changing stage {regional.rest_api_id}/{regional.stage} in {self.region}"):
            self._client(target).update_stage(
                restApiId=regional.rest_api_id,
                stageName=regional.stage,
                patchOperations=[{"op": "replace", "path": f"/variables/{VARIABLE}", "value": value}],
            )

    def _status(self, target: Target) -> int | None:
        regional = target.stack.in_region(self.region)
        return get_status(target, regional.execute_api_host, f"/{regional.stage}{target.stack.health_check_path}")
