"""Reads a region's API Gateway configuration from the control plane through boto3, as any client could.

AWS serves what a deployment froze, not the resources as they are now, and offers no call that shows the frozen state.
So a reader takes its own snapshot of an API when it first sees a deployment of it. An edit that lands between
CreateDeployment and the next `read` is frozen too; `deployed`, where the control plane offers it, closes that gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

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

Document = dict[str, Any]
"""An AWS-shaped answer; it does not leave this module."""

DeployedSource = Callable[[RegionName, str, str], Document | None]
"""(region, rest API id, deployment id) -> what was frozen, in the shape of `_live_document`; None when unknown."""

_PAGE = 500
_UNLIMITED = 1e9


class ApiReader:
    """Reads one region, again and again; remembers what each deployment froze. Not for two threads at once."""

    def __init__(self, aws_url: str, region: RegionName, *, deployed: DeployedSource | None = None) -> None:
        self._region = region
        self._deployed = deployed
        self._client: APIGatewayClient = boto3.client(
            "apigateway",
            endpoint_url=aws_url,
            region_name=region,
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
            # A control plane on loopback answers at once or not at all.
            config=Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2}),
        )
        self._snapshots: dict[tuple[str, str], ApiSnapshot] = {}

    def read(self) -> RegionConfig:
        """Raises botocore's errors when the control plane does not answer."""
        apis = self._client.get_rest_apis(limit=_PAGE)["items"]
        config = RegionConfig(
            region=self._region,
            apis=tuple(self._read_api(cast("Document", api)) for api in apis),
            domains=tuple(self._read_domains()),
        )
        alive = {api.api_id for api in config.apis}
        self._snapshots = {key: snapshot for key, snapshot in self._snapshots.items() if key[0] in alive}
        return config

    def _read_api(self, api: Document) -> RestApi:
        live: list[ApiSnapshot] = []
        # Every deployment is frozen when it appears, with a stage or without: a stage may be pointed to it later.
        for deployment in self._client.get_deployments(restApiId=api["id"], limit=_PAGE)["items"]:
            key = (api["id"], deployment["id"])
            if key not in self._snapshots:
                self._snapshots[key] = self._freeze(api, deployment["id"], live)
        stages = self._client.get_stages(restApiId=api["id"])["item"]
        return RestApi(
            api_id=api["id"],
            stages=tuple(
                _stage(cast("Document", stage), self._snapshots.get((api["id"], stage["deploymentId"]), ApiSnapshot()))
                for stage in stages
            ),
        )

    def _freeze(self, api: Document, deployment_id: str, live: list[ApiSnapshot]) -> ApiSnapshot:
        frozen = self._deployed(self._region, api["id"], deployment_id) if self._deployed else None
        if frozen is not None:
            return snapshot_from(frozen)
        if not live:
            live.append(snapshot_from(self._live_document(api)))
        return live[0]

    def _live_document(self, api: Document) -> Document:
        client, api_id = self._client, api["id"]
        pages = client.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"])
        return {
            "resources": [resource for page in pages for resource in page["items"]],
            "gatewayResponses": client.get_gateway_responses(restApiId=api_id, limit=_PAGE)["items"],
            "models": client.get_models(restApiId=api_id, limit=_PAGE)["items"],
            "requestValidators": client.get_request_validators(restApiId=api_id, limit=_PAGE)["items"],
            "policy": api.get("policy"),
            "disableExecuteApiEndpoint": api.get("disableExecuteApiEndpoint", False),
        }

    def _read_domains(self) -> Iterable[CustomDomain]:
        for domain in self._client.get_domain_names(limit=_PAGE)["items"]:
            name = domain["domainName"]
            yield CustomDomain(
                name=name,
                regional_target=domain.get("regionalDomainName", ""),
                mappings=tuple(_mapping(mapping) for mapping in self._read_mappings(name)),
            )

    def _read_mappings(self, domain_name: str) -> list[Document]:
        try:
            items = self._client.get_base_path_mappings(domainName=domain_name, limit=_PAGE).get("items", [])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            return []  # Deleted since it was listed.
        return cast("list[Document]", items)


def read_api_config(aws_url: str, region: RegionName) -> RegionConfig:
    """What the region would serve if everything were deployed as it stands now; use an ApiReader to watch a region."""
    return ApiReader(aws_url, region).read()


def snapshot_from(document: Document) -> ApiSnapshot:
    """The snapshot in AWS's own words: resources, gatewayResponses, models, requestValidators, policy, ..."""
    validators = {
        each["id"]: RequestValidator(
            validates_body=bool(each.get("validateRequestBody")),
            validates_parameters=bool(each.get("validateRequestParameters")),
        )
        for each in document.get("requestValidators", [])
    }
    return ApiSnapshot(
        resources=tuple(_resource(each, validators) for each in document.get("resources", [])),
        gateway_responses=tuple(
            _gateway_response(each) for each in document.get("gatewayResponses", []) if not each.get("defaultResponse")
        ),
        models={each["name"]: _as_text(each.get("schema")) for each in document.get("models", [])},
        policy=_policy_text(document.get("policy")),
        execute_api_disabled=str(document.get("disableExecuteApiEndpoint", False)).lower() == "true",
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
        api_key_required=str(method.get("apiKeyRequired", False)).lower() == "true",
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
