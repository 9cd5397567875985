"""A stage of API Gateway as faults read and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.aws import aws_errors
from harness.errors import NotDeployed
from harness.faults.calls import AwsCall, aws_call
from harness.stack import RegionalStack, RegionName
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import StageResponseTypeDef

PatchOperation = dict[str, str]
"""{"op": "replace", "path": "/variables/HEALTH", "value": "503"}: as API Gateway has it."""


def read_stage(target: Target, region: RegionName) -> StageResponseTypeDef:
    """Raises NotDeployed when there is no such API or stage."""
    regional = target.stack.in_region(region)
    client = target.apigateway(region)
    with aws_errors(f"reading stage {regional.rest_api_id}/{regional.stage} in {region}"):
        try:
            return client.get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
        except client.exceptions.NotFoundException as error:
            raise NotDeployed(
                f"stage {regional.rest_api_id}/{regional.stage} does not exist in {region}: "
                "the target file is older than the stack; deploy or discover again"
            ) from error


def patch_stage(regional: RegionalStack, *operations: PatchOperation) -> AwsCall:
    return aws_call(
        "apigateway",
        regional.region,
        "UpdateStage",
        {"restApiId": regional.rest_api_id, "stageName": regional.stage, "patchOperations": list(operations)},
    )


def read_variable(target: Target, region: RegionName, variable: str) -> str | None:
    """None when the stage has no such variable."""
    return read_stage(target, region).get("variables", {}).get(variable)


def set_variable(regional: RegionalStack, variable: str, value: str) -> AwsCall:
    return patch_stage(regional, {"op": "replace", "path": f"/variables/{variable}", "value": value})
