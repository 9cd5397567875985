"""endpoint-disabled: the API's own host refuses everybody, the health check too, while users are served well.

A false alarm: Route 53 calls the region sick and sends its users away, though nobody who came by the custom domain was
ever refused. `disableExecuteApiEndpoint` takes effect with a deployment only (API Gateway Developer Guide, "Disable the
default endpoint"), so one is made, and another one to mend it; then the stage goes back to the deployment that it had.

A deployment takes along whatever was edited in the API since the last one. AWS has no call that shows such edits.
"""

from __future__ import annotations

from typing import ClassVar

from harness.aws import aws_errors
from harness.errors import NotDeployed, RollbackFailed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call, aws_call, carry_out
from harness.faults.stage import patch_stage, read_stage
from harness.faults.values import RegionalFault, Values
from harness.probes.endpoint import get_status
from harness.stack import Stack
from harness.target import Target

FLAG, DEPLOYMENT = "disableExecuteApiEndpoint", "deploymentId"
MADE_BY_US = "made by the fault endpoint-disabled of multi-region-harness; may be deleted"
"""Description of the deployments that it makes: how they are found again, also after a crash."""


class EndpointDisabled(RegionalFault, frozen=True, kw_only=True, tag="endpoint-disabled"):
    """The default endpoint of the region's API answers 403 until rolled back."""

    name: ClassVar[str] = "endpoint-disabled"
    about: ClassVar[About] = About(
        summary="the API's own host answers 403, so the health check goes red though users are served (false alarm)",
        iam_actions=("apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:DELETE"),
        aws="with the default endpoint disabled and the API deployed, the execute-api host answers 403 and custom "
        "domains go on; a deployment publishes every edit made since the last one",
        confidence=Confidence.DOCUMENTED,
        unknown="whether moving a stage back to its old deployment alone enables the endpoint again: so it is deployed "
        "once more before; how soon it takes effect",
    )

    def resources(self, stack: Stack) -> tuple[str, ...]:
        regional = stack.in_region(self.region)
        place = f"apigateway:{self.region}:{regional.rest_api_id}"
        return (f"{place}/{FLAG}", f"{place}/{regional.stage}/{DEPLOYMENT}")

    def read(self, target: Target) -> Values:
        """The flag and the stage's deployment. Raises NotDeployed when API or stage are gone."""
        regional = target.stack.in_region(self.region)
        stage = read_stage(target, self.region)
        with aws_errors(f"reading REST API {regional.rest_api_id} in {self.region}"):
            api = target.apigateway(self.region).get_rest_api(restApiId=regional.rest_api_id)
        return {FLAG: str(api.get(FLAG, False)).lower(), DEPLOYMENT: stage["deploymentId"]}

    def broken(self, snapshot: Values) -> Values:
        """Which deployment it will be is known only once it is made."""
        return {FLAG: "true", DEPLOYMENT: snapshot[DEPLOYMENT]}

    def snapshot(self, target: Target) -> Values:
        """Raises NotDeployed when the endpoint is disabled already: then nothing would change."""
        found = self.read(target)
        if found[FLAG] == "true":
            regional = target.stack.in_region(self.region)
            raise NotDeployed(
                f"the default endpoint of REST API {regional.rest_api_id} in {self.region} is disabled already, so "
                "fault 'endpoint-disabled' would change nothing there"
            )
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return (self._set_flag(stack, "true"), self._deploy(stack))

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        back = {"op": "replace", "path": f"/{DEPLOYMENT}", "value": snapshot[DEPLOYMENT]}
        regional = stack.in_region(self.region)
        return (self._set_flag(stack, snapshot[FLAG]), self._deploy(stack), patch_stage(regional, back))

    def prove(self, target: Target) -> str | None:
        host = target.stack.in_region(self.region).execute_api_host
        return f"HTTP 403 from {host}" if self._status(target) == 403 else None

    def prove_removed(self, target: Target) -> bool:
        status = self._status(target)
        return status is not None and status != 403

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Puts flag and deployment back, then deletes the deployments that were made for it.

        Raises:
            RollbackFailed: somebody else deployed meanwhile; their deployment stays, with the endpoint disabled in it.
        """
        now, ours = self.read(target), self._ours(target)
        if now[DEPLOYMENT] not in (snapshot[DEPLOYMENT], *ours):
            raise RollbackFailed(
                f"stage {target.stack.in_region(self.region).stage} in {self.region} has deployment "
                f"{now[DEPLOYMENT]}: neither one of {self.name} nor {snapshot[DEPLOYMENT]} from before. Somebody "
                f"deployed meanwhile; it was left as it is. To put it back: {self.by_hand(target.stack, snapshot)}"
            )
        if now != snapshot:
            carry_out(self.undoing(target.stack, snapshot), target)
        carry_out([self._delete(target.stack, deployment) for deployment in self._ours(target)], target)

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        return self.read(target) == snapshot and not self._ours(target)

    def _set_flag(self, stack: Stack, value: str) -> Call:
        patch = {"op": "replace", "path": f"/{FLAG}", "value": value}
        api_id = stack.in_region(self.region).rest_api_id
        return aws_call("apigateway", self.region, "UpdateRestApi", {"restApiId": api_id, "patchOperations": [patch]})

    def _deploy(self, stack: Stack) -> Call:
        regional = stack.in_region(self.region)
        named = {"restApiId": regional.rest_api_id, "stageName": regional.stage, "description": MADE_BY_US}
        return aws_call("apigateway", self.region, "CreateDeployment", named)

    def _delete(self, stack: Stack, deployment: str) -> Call:
        named = {"restApiId": stack.in_region(self.region).rest_api_id, "deploymentId": deployment}
        return aws_call("apigateway", self.region, "DeleteDeployment", named)

    def _ours(self, target: Target) -> list[str]:
        """Deployments of the API that this fault made."""
        api_id = target.stack.in_region(self.region).rest_api_id
        with aws_errors(f"listing the deployments of REST API {api_id} in {self.region}"):
            pages = target.apigateway(self.region).get_paginator("get_deployments").paginate(restApiId=api_id)
            return [
                deployment["id"]
                for page in pages
                for deployment in page["items"]
                if deployment.get("description") == MADE_BY_US
            ]

    def _status(self, target: Target) -> int | None:
        regional = target.stack.in_region(self.region)
        return get_status(target, regional.execute_api_host, f"/{regional.stage}{target.stack.health_check_path}")
