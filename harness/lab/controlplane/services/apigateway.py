"""API Gateway's API: moto's, with patch operations, deployment snapshots, domain names and tags as on AWS."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.apigateway.exceptions import BadRequestException, NotFoundException
from moto.apigateway.responses import APIGatewayResponse

from harness.lab.controlplane.services import apigateway_state as state
from harness.lab.controlplane.services import deployments, patching
from harness.lab.controlplane.services.patching import Fields, to_bool

Reply = tuple[int, dict[str, Any], str]

_INTEGRATION = Fields(
    scalars={
        "uri": ("uri", str),
        "httpMethod": ("http_method", str),
        "credentials": ("credentials", str),
        "passthroughBehavior": ("passthrough_behaviour", str),
        "contentHandling": ("content_handling", str),
        "timeoutInMillis": ("timeout_in_millis", int),
        "cacheNamespace": ("cache_namespace", str),
        "connectionType": ("connection_type", str),
    },
    maps={"requestTemplates": "request_templates", "requestParameters": "request_parameters"},
)
_INTEGRATION_RESPONSE = Fields(
    scalars={"selectionPattern": ("selection_pattern", str), "contentHandling": ("content_handling", str)},
    maps={"responseTemplates": "response_templates", "responseParameters": "response_parameters"},
)
_METHOD = Fields(
    scalars={
        "authorizationType": ("authorization_type", str),
        "authorizerId": ("authorizer_id", str),
        "apiKeyRequired": ("api_key_required", to_bool),
        "operationName": ("operation_name", str),
        "requestValidatorId": ("request_validator_id", str),
    },
    maps={"requestParameters": "request_parameters", "requestModels": "request_models"},
)
_METHOD_RESPONSE = Fields(maps={"responseModels": "response_models", "responseParameters": "response_parameters"})
_GATEWAY_RESPONSE = Fields(
    scalars={"statusCode": ("status_code", str)},
    maps={"responseTemplates": "response_templates", "responseParameters": "response_parameters"},
)
_RESOURCE = Fields(scalars={"pathPart": ("path_part", str), "parentId": ("parent_id", str)})
_DEPLOYMENT = Fields(scalars={"description": ("description", str)})


class LabApiGateway(APIGatewayResponse):  # type: ignore[misc]
    """Path steps are read from `self._steps`: ["restapis", id, "stages", name]."""

    @property
    def _steps(self) -> list[str]:
        return [unquote(step) for step in self.path.strip("/").split("/")]

    def _patch(self, target: Any, fields: Fields) -> None:
        patching.apply_all(target, self._get_param("patchOperations"), fields)

    def create_rest_api(self) -> Reply:
        status, headers, body = super().create_rest_api()
        return status, {**headers, "status": 201 if status == 200 else status}, body

    def update_rest_api(self) -> str:
        api = state.rest_api(self.region, self._steps[1])
        state.patch_rest_api(api, self._get_param("patchOperations"))
        return json.dumps(api.to_dict())

    def delete_rest_api(self) -> Reply:
        state.delete_rest_api(self.region, self._steps[1])
        return _accepted()

    def create_resource(self) -> Reply:
        _, rest_api_id, _, parent_id = self._steps
        made = state.create_resource(self.region, rest_api_id, parent_id, self._get_param("pathPart"))
        return _created(made.to_dict())

    def update_resource(self) -> str:
        resource = self.backend.get_resource(self._steps[1], self._steps[3])
        self._patch(resource, _RESOURCE)
        return json.dumps(resource.to_dict())

    def delete_resource(self) -> Reply:
        state.delete_resource(self.region, self._steps[1], self._steps[3])
        return _accepted()

    def update_method(self) -> str:
        method = self._method()
        self._patch(method, _METHOD)
        return json.dumps(method.to_json())

    def update_method_response(self) -> str:
        response = self._method().get_response(self._steps[7])
        if response is None:
            raise NotFoundException("Invalid Response status code specified")
        self._patch(response, _METHOD_RESPONSE)
        return json.dumps(response.to_json())

    def get_method_response(self) -> str:
        response = self._method().get_response(self._steps[7])
        if response is None:
            raise NotFoundException("Invalid Response status code specified")
        return json.dumps(response.to_json())

    def put_integration(self) -> Reply:
        super().put_integration()
        return _created(state.fill_in_integration(self._integration(), self._steps[3]).to_json())

    def update_integration(self) -> str:
        integration = self._integration()
        self._patch(integration, _INTEGRATION)
        return json.dumps(integration.to_json())

    def get_integration(self) -> str:
        return json.dumps(self._integration().to_json())

    def delete_integration(self) -> Reply:
        self._integration()
        self._method().method_integration = None
        return _no_content()

    def update_integration_response(self) -> str:
        response = self._integration().get_integration_response(self._steps[8])
        self._patch(response, _INTEGRATION_RESPONSE)
        return json.dumps(response.to_json())

    def delete_integration_response(self) -> Reply:
        self._integration().get_integration_response(self._steps[8])
        self._integration().delete_integration_response(self._steps[8])
        return _no_content()

    def put_gateway_response(self) -> Reply:
        _, _, body = super().put_gateway_response()
        return 201, {"status": 201}, body

    def update_gateway_response(self) -> str:
        response = self.backend.get_gateway_response(self._steps[1], self._steps[3])
        self._patch(response, _GATEWAY_RESPONSE)
        return json.dumps(response.to_json())

    def create_deployment(self) -> Reply:
        deployment = deployments.create(
            self.region,
            self._steps[1],
            stage_name=self._get_param("stageName"),
            description=self._get_param("description") or "",
            variables=self._get_param("variables") or {},
        )
        return _created(_deployment_json(deployment))

    def get_deployment(self) -> str:
        return json.dumps(_deployment_json(deployments.find(self.region, self._steps[1], self._steps[3])))

    def get_deployments(self) -> str:
        made = state.rest_api(self.region, self._steps[1]).deployments.values()
        return json.dumps({"item": [_deployment_json(deployment) for deployment in made]})

    def update_deployment(self) -> str:
        deployment = deployments.find(self.region, self._steps[1], self._steps[3])
        self._patch(deployment, _DEPLOYMENT)
        return json.dumps(_deployment_json(deployment))

    def delete_deployment(self) -> Reply:
        deployments.delete(self.region, self._steps[1], self._steps[3])
        return _accepted()

    def create_stage(self) -> Reply:
        stage = state.create_stage(
            self.region,
            self._steps[1],
            self._get_param("stageName"),
            self._get_param("deploymentId"),
            variables=self._get_param("variables") or {},
            description=self._get_param("description") or "",
            cacheClusterEnabled=self._get_param("cacheClusterEnabled") or False,
            cacheClusterSize=self._get_param("cacheClusterSize"),
            tags=self._get_param("tags"),
            tracing_enabled=self._get_param("tracingEnabled"),
        )
        return _created(stage.to_json())

    def update_stage(self) -> str:
        operations = self._get_param("patchOperations") or []
        return json.dumps(state.patch_stage(self.region, self._steps[1], self._steps[3], operations).to_json())

    def create_domain_name(self) -> Reply:
        domain = state.create_domain_name(
            self.region,
            self._get_param("domainName"),
            certificate_arn=self._get_param("certificateArn"),
            regional_certificate_arn=self._get_param("regionalCertificateArn"),
            endpoint_configuration=self._get_param("endpointConfiguration"),
            security_policy=self._get_param("securityPolicy"),
            tags=self._get_param("tags"),
        )
        return _created(domain.to_json())

    def update_domain_name(self) -> str:
        operations = self._get_param("patchOperations")
        return json.dumps(state.patch_domain_name(self.region, self._steps[1], operations).to_json())

    def delete_domain_name(self) -> Reply:
        state.delete_domain_name(self.region, self._steps[1])
        return _accepted()

    def get_base_path_mappings(self) -> str:
        mappings = state.base_path_mappings(self.region, self._steps[1]).values()
        return json.dumps({"item": [mapping.to_json() for mapping in mappings]})

    def get_base_path_mapping(self) -> str:
        state.base_path_mappings(self.region, self._steps[1])
        return str(super().get_base_path_mapping())

    def create_base_path_mapping(self) -> Reply:
        mapping = state.create_base_path_mapping(
            self.region,
            self._steps[1],
            self._get_param("basePath"),
            self._get_param("restApiId"),
            self._get_param("stage"),
        )
        return _created(mapping.to_json())

    def get_tags(self) -> str:
        return json.dumps({"tags": self._tagged().tags or {}})

    def tag_resource(self) -> Reply:
        target = self._tagged()
        target.tags = {**(target.tags or {}), **(self._get_param("tags") or {})}
        return _no_content()

    def untag_resource(self) -> Reply:
        target = self._tagged()
        gone = set(self.querystring.get("tagKeys") or [])
        target.tags = {key: value for key, value in (target.tags or {}).items() if key not in gone}
        return _no_content()

    def _tagged(self) -> Any:
        """The object behind arn:aws:apigateway:REGION::/restapis/ID/stages/NAME and the like."""
        _, _, path = unquote(self.path).partition("::/")
        match path.split("/"):
            case ["restapis", rest_api_id]:
                return state.rest_api(self.region, rest_api_id)
            case ["restapis", rest_api_id, "stages", name]:
                return self.backend.get_stage(rest_api_id, name)
            case ["domainnames", name]:
                return self.backend.get_domain_name(name)
        raise BadRequestException(f"Invalid resource ARN {unquote(self.path)}: not a REST API, stage or domain name")

    def _method(self) -> Any:
        return self.backend.get_method(self._steps[1], self._steps[3], self._steps[5])

    def _integration(self) -> Any:
        integration = self._method().method_integration
        if integration is None:
            raise NotFoundException("No integration defined for method")
        return integration


def _deployment_json(deployment: Any) -> dict[str, Any]:
    return {"id": deployment.id, "description": deployment.description, "createdDate": deployment.created_date}


def _created(shown: dict[str, Any]) -> Reply:
    return 201, {"status": 201}, json.dumps(shown)


def _accepted() -> Reply:
    return 202, {"status": 202}, "{}"


def _no_content() -> Reply:
    return 204, {"status": 204}, ""
