"""Deployments of REST APIs as snapshots: what a stage serves is its deployment's copy, not the API being edited.

moto keeps no snapshots, so the lab takes one at CreateDeployment and keeps it on moto's Deployment object.
"""

from __future__ import annotations

from typing import Any

import msgspec
from moto.apigateway.exceptions import BadRequestException, DeploymentNotFoundException
from moto.apigateway.models import Deployment

from harness.events import Json
from harness.lab.controlplane.services.apigateway_state import rest_api
from harness.stack import RegionName


class DeployedApi(msgspec.Struct, frozen=True, kw_only=True):
    """A REST API as it was when a deployment was created; every value in the shape boto3 reads it in."""

    rest_api: dict[str, Json]
    """As get_rest_api: policy, disableExecuteApiEndpoint, binaryMediaTypes, ... take effect when deployed."""
    resources: tuple[dict[str, Json], ...]
    """As get_resources(embed=["methods"])["items"]."""
    gateway_responses: tuple[dict[str, Json], ...] = ()
    """As get_gateway_responses()["items"], only those that were put."""
    request_validators: tuple[dict[str, Json], ...] = ()
    models: tuple[dict[str, Json], ...] = ()


def create(
    region: RegionName, rest_api_id: str, *, stage_name: str | None, description: str, variables: dict[str, str]
) -> Any:
    """A new deployment with its snapshot; also makes or moves the stage when one is named."""
    api = rest_api(region, rest_api_id)
    _check_complete(api)
    stage = api.stages.get(stage_name) if stage_name else None
    deployment: Deployment = api.create_deployment(None, description, {})
    deployment.stage_name = None
    deployment.snapshot = _snapshot(api)
    if stage is not None:
        stage.deployment_id = deployment.id
        stage.variables.update(variables)
    elif stage_name:
        api.create_stage(stage_name, deployment.id, variables, "", None, None, {}, None)
    return deployment


def deployed_snapshot(region: RegionName, rest_api_id: str, deployment_id: str) -> DeployedApi:
    """What a stage with this deployment serves.

    Raises:
        RestAPINotFound, DeploymentNotFoundException: it is not there (any more).
    """
    snapshot: DeployedApi = find(region, rest_api_id, deployment_id).snapshot
    return snapshot


def find(region: RegionName, rest_api_id: str, deployment_id: str) -> Any:
    deployment = rest_api(region, rest_api_id).deployments.get(deployment_id)
    if deployment is None:
        raise DeploymentNotFoundException
    return deployment


def delete(region: RegionName, rest_api_id: str, deployment_id: str) -> None:
    find(region, rest_api_id, deployment_id)
    api = rest_api(region, rest_api_id)
    if any(stage.deployment_id == deployment_id for stage in api.stages.values()):
        raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
    del api.deployments[deployment_id]


def _check_complete(api: Any) -> None:
    methods = [method for resource in api.resources.values() for method in resource.resource_methods.values()]
    if not methods:
        raise BadRequestException("The REST API doesn't contain any methods")
    if any(method.method_integration is None for method in methods):
        raise BadRequestException("No integration defined for method")


def _snapshot(api: Any) -> DeployedApi:
    return DeployedApi(
        rest_api=_frozen(api.to_dict()),
        resources=tuple(_frozen(resource.to_dict()) for resource in api.resources.values()),
        gateway_responses=tuple(_frozen(response.to_json()) for response in api.gateway_responses.values()),
        request_validators=tuple(_frozen(validator.to_dict()) for validator in api.request_validators.values()),
        models=tuple(_frozen(model.to_json()) for model in api.models.values()),
    )


def _frozen(shown: dict[str, Any]) -> dict[str, Json]:
    """A deep copy without nulls, as botocore would parse it."""
    copied: dict[str, Json] = _without_nulls(shown)
    return copied


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
