"""Reads a region's API Gateway configuration from the control plane through boto3, as any client could.

AWS serves what a deployment froze, not the resources as they are now, and has no call that shows the frozen state:
that part comes from the control plane itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

import boto3
import msgspec
from botocore.config import Config

from harness.lab.gateway.config import (
    ApiSnapshot,
    BasePathMapping,
    CustomDomain,
    GatewayResponse,
    Integration,
    IntegrationResponse,
    Method,
    PassthroughBehavior,
    RegionConfig,
    RequestValidator,
    Resource,
    RestApi,
    Stage,
    Throttle,
)
from harness.stack import RegionName

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

Document = Mapping[str, Any]
"""An AWS-shaped answer; it does not leave this module."""

_PAGE = 500
_UNLIMITED = 1e9


class DeployedApi(Protocol):
    """A REST API as a deployment froze it, each part in the shape that boto3 reads it in."""

    @property
    def rest_api(self) -> Mapping[str, Any]: ...
    @property
    def resources(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def gateway_responses(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def request_validators(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def models(self) -> Sequence[Mapping[str, Any]]: ...


DeployedSource = Callable[[RegionName, str, str], DeployedApi]
"""(region, rest API id, deployment id) -> what was frozen."""


class _LiveApi(msgspec.Struct, frozen=True, kw_only=True):
    rest_api: Document
    resources: list[Document]
    gateway_responses: list[Document]
    request_validators: list[Document]
    models: list[Document]


def read_api_config(aws_url: str, region: RegionName, *, deployed: DeployedSource | None = None) -> RegionConfig:
    """What `region` serves: each stage its deployment's snapshot, or without `deployed` the resources as they are now.

    Raises:
        botocore's errors: the control plane did not answer, or something was deleted while it was read.
    """
    client = _client(aws_url, region)
    apis = [cast("Document", api) for api in client.get_rest_apis(limit=_PAGE)["items"]]
    return RegionConfig(
        region=region,
        apis=tuple(_read_api(client, region, api, deployed) for api in apis),
        domains=tuple(_read_domains(client)),
    )


@lru_cache(maxsize=64)
def _client(aws_url: str, region: RegionName) -> APIGatewayClient:
    """Kept: making a client costs more than all the calls of a read-back. Clients may be shared by threads."""
    return boto3.client(
        "apigateway",
        endpoint_url=aws_url,
        region_name=region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        # A control plane on loopback answers at once or not at all.
        config=Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2}),
    )


def _read_api(client: APIGatewayClient, region: RegionName, api: Document, deployed: DeployedSource | None) -> RestApi:
    stages = [cast("Document", stage) for stage in client.get_stages(restApiId=api["id"])["item"]]
    live = snapshot_from(_read_live(client, api)) if stages and deployed is None else ApiSnapshot()
    return RestApi(
        api_id=api["id"],
        stages=tuple(
            _stage(stage, snapshot_from(deployed(region, api["id"], stage["deploymentId"])) if deployed else live)
            for stage in stages
        ),
    )


def _read_live(client: APIGatewayClient, api: Document) -> _LiveApi:
    api_id = api["id"]
    pages = client.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"])
    return _LiveApi(
        rest_api=api,
        resources=[cast("Document", resource) for page in pages for resource in page["items"]],
        gateway_responses=_documents(client.get_gateway_responses(restApiId=api_id, limit=_PAGE)["items"]),
        request_validators=_documents(client.get_request_validators(restApiId=api_id, limit=_PAGE)["items"]),
        models=_documents(client.get_models(restApiId=api_id, limit=_PAGE)["items"]),
    )


def _documents(items: object) -> list[Document]:
    return cast("list[Document]", items)


def _read_domains(client: APIGatewayClient) -> Iterable[CustomDomain]:
    for domain in client.get_domain_names(limit=_PAGE)["items"]:
        name = domain["domainName"]
        mappings = client.get_base_path_mappings(domainName=name, limit=_PAGE).get("items", [])
        yield CustomDomain(
            name=name,
            regional_target=domain.get("regionalDomainName", ""),
            mappings=tuple(_mapping(cast("Document", mapping)) for mapping in mappings),
        )


def snapshot_from(api: DeployedApi) -> ApiSnapshot:
    """The same in our own words."""
    validators = {
        each["id"]: RequestValidator(
            validates_body=bool(each.get("validateRequestBody")),
            validates_parameters=bool(each.get("validateRequestParameters")),
        )
        for each in api.request_validators
    }
    return ApiSnapshot(
        resources=tuple(_resource(each, validators) for each in api.resources),
        gateway_responses=tuple(
            _gateway_response(each) for each in api.gateway_responses if not each.get("defaultResponse")
        ),
        models={each["name"]: _as_text(each.get("schema")) for each in api.models},
        policy=_policy_text(api.rest_api.get("policy")),
        execute_api_disabled=_as_bool(api.rest_api.get("disableExecuteApiEndpoint")),
    )


def _stage(stage: Document, snapshot: ApiSnapshot) -> Stage:
    throttles = {
        key.replace("~1", "/").lstrip("/"): throttle
        for key, settings in (stage.get("methodSettings") or {}).items()
        if (throttle := _throttle(settings))
    }
    variables = {name: str(value) for name, value in (stage.get("variables") or {}).items()}
    return Stage(name=stage["stageName"], snapshot=snapshot, variables=variables, throttles=throttles)


def _throttle(settings: Document) -> Throttle | None:
    """A limit that is absent, or negative as AWS shows an unset one, does not limit."""
    rate = settings.get("throttlingRateLimit", -1)
    burst = settings.get("throttlingBurstLimit", -1)
    if rate < 0 and burst < 0:
        return None
    return Throttle(rate_rps=rate if rate >= 0 else _UNLIMITED, burst=burst if burst >= 0 else _UNLIMITED)


def _resource(resource: Document, validators: dict[str, RequestValidator]) -> Resource:
    methods = resource.get("resourceMethods") or {}
    return Resource(
        path=resource["path"],
        methods=tuple(_method(http_method, method or {}, validators) for http_method, method in methods.items()),
    )


def _method(http_method: str, method: Document, validators: dict[str, RequestValidator]) -> Method:
    integration = method.get("methodIntegration")
    return Method(
        http_method=http_method,
        authorization_type=method.get("authorizationType") or "NONE",
        api_key_required=_as_bool(method.get("apiKeyRequired")),
        request_parameters={name: _as_bool(each) for name, each in (method.get("requestParameters") or {}).items()},
        request_models=dict(method.get("requestModels") or {}),
        validator=validators.get(method.get("requestValidatorId") or "", RequestValidator()),
        response_statuses=tuple(int(status) for status in method.get("methodResponses") or {}),
        integration=_integration(integration) if integration else None,
    )


def _integration(integration: Document) -> Integration:
    return Integration(
        type=integration.get("type") or "",
        uri=integration.get("uri") or "",
        credentials=integration.get("credentials") or "",
        request_templates=dict(integration.get("requestTemplates") or {}),
        passthrough_behavior=cast(
            "PassthroughBehavior", (integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
        ),
        timeout_ms=int(integration.get("timeoutInMillis") or 29_000),
        responses=tuple(
            IntegrationResponse(
                status_code=int(each.get("statusCode") or status),
                selection_pattern=each.get("selectionPattern") or "",
                response_templates={name: text or "" for name, text in (each.get("responseTemplates") or {}).items()},
                response_parameters=dict(each.get("responseParameters") or {}),
            )
            for status, each in (integration.get("integrationResponses") or {}).items()
        ),
    )


def _gateway_response(response: Document) -> GatewayResponse:
    status = response.get("statusCode")
    return GatewayResponse(
        response_type=response["responseType"],
        status_code=int(status) if status else None,
        parameters=dict(response.get("responseParameters") or {}),
        templates=dict(response.get("responseTemplates") or {}),
    )


def _mapping(mapping: Document) -> BasePathMapping:
    stage = mapping.get("stage") or ""
    return BasePathMapping(
        base_path=mapping.get("basePath") or "(none)",
        api_id=mapping["restApiId"],
        stage="" if stage == "(none)" else stage,
    )


def _as_bool(value: object) -> bool:
    return str(value).lower() == "true"


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def _policy_text(policy: object) -> str:
    """AWS shows the policy with its quotes escaped once more: {\\"Version\\": ...}."""
    text = _as_text(policy)
    return cast("str", msgspec.json.decode(f'"{text}"')) if text.startswith('{\\"') else text
