"""AWS::ApiGateway types of one REST API: the API itself, its resources, methods, responses, deployments and stages."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

import json
import zlib
from typing import Any

from harness.lab.controlplane.cloudformation.registry import (
    Context,
    Made,
    Properties,
    ResourceType,
    as_bool,
    as_int,
    cfn,
)
from harness.lab.controlplane.services import apigateway_state as state
from harness.lab.controlplane.services import deployments


@cfn(
    "AWS::ApiGateway::RestApi",
    properties="ApiKeySourceType BinaryMediaTypes Description DisableExecuteApiEndpoint EndpointConfiguration"
    " MinimumCompressionSize Name Policy Tags",
    attributes="RestApiId RootResourceId",
)
class RestApi(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        api = state.backend(context.region).create_rest_api(properties["Name"], "")
        self._assign(context, api, properties)
        return Made(physical_id=api.id, attributes={"RestApiId": api.id, "RootResourceId": api.root_resource_id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        self._assign(context, state.rest_api(context.region, made.physical_id), new)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.delete_rest_api(context.region, made.physical_id)

    def _assign(self, context: Context, api: Any, properties: Properties) -> None:
        policy = properties.get("Policy")
        endpoint = properties.get("EndpointConfiguration") or {}
        api.name = properties["Name"]
        api.description = properties.get("Description", "")
        api.api_key_source = properties.get("ApiKeySourceType", "HEADER")
        api.binaryMediaTypes = list(properties.get("BinaryMediaTypes") or ())
        api.disableExecuteApiEndpoint = as_bool(properties.get("DisableExecuteApiEndpoint", False))
        api.minimum_compression_size = as_int(properties.get("MinimumCompressionSize"))
        api.policy = json.dumps(policy) if isinstance(policy, dict) else policy
        api.endpoint_configuration = {
            "types": list(endpoint.get("Types") or ["EDGE"]),
            "ipAddressType": endpoint.get("IpAddressType", "ipv4"),
        }
        api.tags = context.tags(properties)


@cfn(
    "AWS::ApiGateway::Resource",
    properties="ParentId PathPart RestApiId",
    replaced_by="ParentId PathPart RestApiId",
    attributes="ResourceId",
)
class Resource(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        resource = state.create_resource(
            context.region, properties["RestApiId"], properties["ParentId"], properties["PathPart"]
        )
        return Made(physical_id=resource.id, attributes={"ResourceId": resource.id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.delete_resource(context.region, properties["RestApiId"], made.physical_id)


@cfn(
    "AWS::ApiGateway::Method",
    properties="ApiKeyRequired AuthorizationType HttpMethod Integration MethodResponses OperationName RequestModels"
    " RequestParameters RequestValidatorId ResourceId RestApiId",
    replaced_by="HttpMethod ResourceId RestApiId",
)
class Method(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        where = properties["RestApiId"], properties["ResourceId"], properties["HttpMethod"]
        self._put(context, where, properties)
        return Made(physical_id=f"{context.logical_id[:24]}-{zlib.crc32('/'.join(where).encode()):08X}")

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        self._put(context, (new["RestApiId"], new["ResourceId"], new["HttpMethod"]), new)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.backend(context.region).delete_method(
            properties["RestApiId"], properties["ResourceId"], properties["HttpMethod"]
        )

    def _put(self, context: Context, where: tuple[str, str, str], properties: Properties) -> None:
        backend = state.backend(context.region)
        backend.put_method(
            *where,
            properties.get("AuthorizationType", "NONE"),
            as_bool(properties.get("ApiKeyRequired", False)),
            request_parameters={name: as_bool(v) for name, v in (properties.get("RequestParameters") or {}).items()},
            request_models=properties.get("RequestModels"),
            operation_name=properties.get("OperationName"),
            request_validator_id=properties.get("RequestValidatorId"),
        )
        for response in properties.get("MethodResponses") or ():
            parameters = {name: as_bool(v) for name, v in (response.get("ResponseParameters") or {}).items()}
            backend.put_method_response(*where, str(response["StatusCode"]), response.get("ResponseModels"), parameters)
        if "Integration" in properties:
            self._put_integration(context, where, properties["Integration"])

    def _put_integration(self, context: Context, where: tuple[str, str, str], integration: Properties) -> None:
        backend = state.backend(context.region)
        made = backend.put_integration(
            *where,
            integration["Type"],
            integration.get("Uri"),
            integration.get("IntegrationHttpMethod"),
            credentials=integration.get("Credentials"),
            request_templates=integration.get("RequestTemplates"),
            passthrough_behavior=integration.get("PassthroughBehavior"),
            cache_namespace=integration.get("CacheNamespace"),
            timeout_in_millis=as_int(integration.get("TimeoutInMillis")),
            request_parameters=integration.get("RequestParameters"),
            content_handling=integration.get("ContentHandling"),
            connection_type=integration.get("ConnectionType"),
        )
        state.fill_in_integration(made, where[1])
        for response in integration.get("IntegrationResponses") or ():
            backend.put_integration_response(
                *where,
                str(response["StatusCode"]),
                response.get("SelectionPattern"),
                dict(response.get("ResponseTemplates") or {}),
                response.get("ResponseParameters"),
                response.get("ContentHandling"),
            )


@cfn(
    "AWS::ApiGateway::Deployment",
    properties="Description RestApiId StageName",
    replaced_by="RestApiId",
    attributes="DeploymentId",
)
class Deployment(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        made = deployments.create(
            context.region,
            properties["RestApiId"],
            stage_name=properties.get("StageName"),
            description=properties.get("Description", ""),
            variables={},
        )
        return Made(physical_id=made.id, attributes={"DeploymentId": made.id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        deployment = deployments.find(context.region, new["RestApiId"], made.physical_id)
        deployment.description = new.get("Description", "")
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        stage_name = properties.get("StageName")
        api = state.rest_api(context.region, properties["RestApiId"])
        if stage_name in api.stages and api.stages[stage_name].deployment_id == made.physical_id:
            del api.stages[stage_name]
        deployments.delete(context.region, properties["RestApiId"], made.physical_id)


@cfn(
    "AWS::ApiGateway::Stage",
    properties="AccessLogSetting CacheClusterEnabled CacheClusterSize DeploymentId Description MethodSettings RestApiId"
    " StageName Tags TracingEnabled Variables",
    replaced_by="RestApiId StageName",
)
class Stage(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        stage = state.create_stage(
            context.region, properties["RestApiId"], properties["StageName"], properties["DeploymentId"]
        )
        self._assign(context, stage, properties)
        return Made(physical_id=properties["StageName"])

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        operations = [{"op": "replace", "path": "/deploymentId", "value": new["DeploymentId"]}]
        stage = state.patch_stage(context.region, new["RestApiId"], made.physical_id, operations)
        self._assign(context, stage, new)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.backend(context.region).delete_stage(properties["RestApiId"], made.physical_id)

    def _assign(self, context: Context, stage: Any, properties: Properties) -> None:
        log = properties.get("AccessLogSetting")
        stage.variables = {name: str(value) for name, value in (properties.get("Variables") or {}).items()}
        stage.method_settings = state.method_settings(list(properties.get("MethodSettings") or ()))
        stage.description = properties.get("Description", "")
        stage.tracing_enabled = as_bool(properties.get("TracingEnabled", False))
        stage.cache_cluster_enabled = as_bool(properties.get("CacheClusterEnabled", False))
        stage.cache_cluster_size = properties.get("CacheClusterSize")
        stage.access_log_settings = {name[0].lower() + name[1:]: v for name, v in log.items()} if log else None
        stage.tags = context.tags(properties)


@cfn(
    "AWS::ApiGateway::GatewayResponse",
    properties="ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode",
    replaced_by="ResponseType RestApiId",
    attributes="Id",
)
class GatewayResponse(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        state.backend(context.region).put_gateway_response(
            properties["RestApiId"],
            properties["ResponseType"],
            None if properties.get("StatusCode") is None else str(properties["StatusCode"]),
            dict(properties.get("ResponseParameters") or {}),
            dict(properties.get("ResponseTemplates") or {}),
        )
        identifier = f"{properties['RestApiId']}-{properties['ResponseType']}"
        return Made(physical_id=identifier, attributes={"Id": identifier})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        return self.create(context, new)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.backend(context.region).delete_gateway_response(properties["RestApiId"], properties["ResponseType"])


@cfn(
    "AWS::ApiGateway::RequestValidator",
    properties="Name RestApiId ValidateRequestBody ValidateRequestParameters",
    replaced_by="Name RestApiId",
    attributes="RequestValidatorId",
)
class RequestValidator(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        validator = state.backend(context.region).create_request_validator(
            properties["RestApiId"],
            properties.get("Name"),
            as_bool(properties.get("ValidateRequestBody", False)),
            as_bool(properties.get("ValidateRequestParameters", False)),
        )
        return Made(physical_id=validator.id, attributes={"RequestValidatorId": validator.id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        validator = state.backend(context.region).get_request_validator(new["RestApiId"], made.physical_id)
        validator.validate_request_body = as_bool(new.get("ValidateRequestBody", False))
        validator.validate_request_parameters = as_bool(new.get("ValidateRequestParameters", False))
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.backend(context.region).delete_request_validator(properties["RestApiId"], made.physical_id)


@cfn(
    "AWS::ApiGateway::Model",
    properties="ContentType Description Name RestApiId Schema",
    replaced_by="ContentType Name RestApiId",
)
class Model(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or f"{context.logical_id}{zlib.crc32(context.stack_id.encode()):08x}"
        state.backend(context.region).create_model(
            properties["RestApiId"],
            name,
            properties.get("ContentType", "application/json"),
            properties.get("Description", ""),
            _schema(properties),
        )
        return Made(physical_id=name)

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        model = state.backend(context.region).get_model(new["RestApiId"], made.physical_id)
        model.description = new.get("Description", "")
        model.schema = _schema(new)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.backend(context.region).delete_model(properties["RestApiId"], made.physical_id)


def _schema(properties: Properties) -> str:
    schema = properties.get("Schema", {})
    return schema if isinstance(schema, str) else json.dumps(schema)
