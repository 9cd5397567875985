"""API Gateway's state: moto's objects, with AWS's rules and defaults where moto has others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.apigateway.exceptions import (
    BadRequestException,
    ConflictException,
    DomainNameNotFound,
)
from moto.apigateway.models import APIGatewayBackend, apigateway_backends

from harness.lab.controlplane.services import acm, patching
from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.lab.controlplane.services.edge_hosts import regional_zone_id
from harness.lab.controlplane.services.patching import Fields, Operation, to_bool
from harness.stack import RegionName

_SETTINGS: dict[str, tuple[str, patching.Convert]] = {
    "metrics/enabled": ("metricsEnabled", to_bool),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", to_bool),
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "caching/enabled": ("cachingEnabled", to_bool),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", int),
    "caching/dataEncrypted": ("cacheDataEncrypted", to_bool),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", to_bool),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", str),
}
# The account's limits stand where a stage sets none: 10,000 requests/s with a burst of 5,000.
_DEFAULT_SETTINGS: dict[str, Any] = {
    "metricsEnabled": False,
    "loggingLevel": "OFF",
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}

_NO_DOMAIN_OPTIONS = dict.fromkeys(
    (
        "certificate_name",
        "tags",
        "certificate_arn",
        "certificate_body",
        "certificate_private_key",
        "certificate_chain",
        "regional_certificate_name",
        "regional_certificate_arn",
        "endpoint_configuration",
        "security_policy",
    )
)
"""moto wants each of them."""

_STAGE_FIELDS = Fields(
    scalars={
        "description": ("description", str),
        "deploymentId": ("deployment_id", str),
        "tracingEnabled": ("tracing_enabled", to_bool),
        "cacheClusterEnabled": ("cache_cluster_enabled", to_bool),
        "cacheClusterSize": ("cache_cluster_size", str),
    },
    maps={"accessLogSettings": "access_log_settings"},
)
_REST_API_FIELDS = Fields(
    scalars={
        "name": ("name", str),
        "description": ("description", str),
        "version": ("version", str),
        "apiKeySource": ("api_key_source", str),
        "minimumCompressionSize": ("minimum_compression_size", int),
        "disableExecuteApiEndpoint": ("disableExecuteApiEndpoint", to_bool),
        "policy": ("policy", lambda text: text or None),
    }
)


def backend(region: RegionName) -> Any:
    gateway: APIGatewayBackend = apigateway_backends[ACCOUNT_ID][region]
    return gateway


def rest_api(region: RegionName, rest_api_id: str) -> Any:
    """Raises RestAPINotFound."""
    return backend(region).get_rest_api(rest_api_id)


def delete_rest_api(region: RegionName, rest_api_id: str) -> None:
    """Raises BadRequestException while a base path mapping uses the API."""
    rest_api(region, rest_api_id)
    for mappings in backend(region).base_path_mappings.values():
        for mapping in mappings.values():
            if mapping.rest_api_id == rest_api_id:
                raise BadRequestException(
                    f"Please remove all base path mappings related to the API {rest_api_id} "
                    f"in your domains: {mapping.domain_name}"
                )
    del backend(region).apis[rest_api_id]


def patch_rest_api(api: Any, given: Sequence[Mapping[str, Any]]) -> None:
    for operation in patching.operations(given):
        first, *rest = operation.parts
        if first == "binaryMediaTypes" and rest:
            kept = [media for media in api.binaryMediaTypes if media != rest[0]]
            api.binaryMediaTypes = kept if operation.op == "remove" else [*kept, rest[0]]
        elif first == "endpointConfiguration" and rest[:1] == ["types"]:
            api.endpoint_configuration = {**api.endpoint_configuration, "types": [operation.value]}
        else:
            patching.apply(api, operation, _REST_API_FIELDS)


def create_resource(region: RegionName, rest_api_id: str, parent_id: str, path_part: str) -> Any:
    api = rest_api(region, rest_api_id)
    backend(region).get_resource(rest_api_id, parent_id)
    if any(r.parent_id == parent_id and r.path_part == path_part for r in api.resources.values()):
        raise ConflictException(f"Another resource with the same parent already has this name: {path_part}")
    return backend(region).create_resource(rest_api_id, parent_id, path_part)


def delete_resource(region: RegionName, rest_api_id: str, resource_id: str) -> None:
    """Its children go with it."""
    api = rest_api(region, rest_api_id)
    backend(region).get_resource(rest_api_id, resource_id)
    for child in [r.id for r in api.resources.values() if r.parent_id == resource_id]:
        delete_resource(region, rest_api_id, child)
    del api.resources[resource_id]


def fill_in_integration(integration: Any, resource_id: str) -> Any:
    """The values AWS shows where the caller gave none."""
    integration.passthrough_behaviour = integration.passthrough_behaviour or "WHEN_NO_MATCH"
    integration.timeout_in_millis = integration.timeout_in_millis or 29_000
    integration.cache_namespace = integration.cache_namespace or resource_id
    return integration


def create_stage(region: RegionName, rest_api_id: str, name: str, deployment_id: str, **options: Any) -> Any:
    _check_deployment(region, rest_api_id, deployment_id)
    return backend(region).create_stage(rest_api_id, name, deployment_id, **options)


def patch_stage(region: RegionName, rest_api_id: str, name: str, given: Sequence[Mapping[str, Any]]) -> Any:
    """Variables, throttling and other method settings, deploymentId ...; all operations or none."""
    stage = backend(region).get_stage(rest_api_id, name)
    before = {key: dict(value) if isinstance(value, dict) else value for key, value in vars(stage).items()}
    before["method_settings"] = {key: dict(value) for key, value in stage.method_settings.items()}
    try:
        for operation in patching.operations(given):
            _patch_stage(stage, operation)
        _check_deployment(region, rest_api_id, stage.deployment_id)
    except BadRequestException:
        vars(stage).update(before)
        raise
    return stage


def method_setting_key(resource_path: str, method: str) -> str:
    """The key in a stage's methodSettings: "*/*", or "data/POST" for POST on /data."""
    return f"{resource_path.replace('~1', '/').strip('/')}/{method}"


def method_settings(given: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """A stage's methodSettings from CloudFormation's MethodSettings."""
    settings = {}
    for entry in given:
        names = {name[0].lower() + name[1:]: value for name, value in entry.items()}
        key = method_setting_key(str(names.pop("resourcePath", "/*")), str(names.pop("httpMethod", "*")))
        convert = dict(_SETTINGS.values())
        settings[key] = _DEFAULT_SETTINGS | {
            name: convert[name](str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in names.items()
        }
    return settings


def create_domain_name(region: RegionName, name: str, **options: Any) -> Any:
    """A custom domain name with its regional target.

    Raises:
        ConflictException: the name is taken in this region.
        BadRequestException: the certificate is not one of this region's for this name.
    """
    if name in backend(region).domain_names:
        raise ConflictException("The domain name you provided already exists.")
    check_certificate(region, options.get("regional_certificate_arn"), name)
    domain = backend(region).create_domain_name(name, **(_NO_DOMAIN_OPTIONS | options))
    domain.regional_hosted_zone_id = regional_zone_id(region)
    domain.security_policy = domain.security_policy or "TLS_1_2"
    backend(region).base_path_mappings[name] = {}
    return domain


def check_certificate(region: RegionName, arn: str | None, domain_name: str) -> None:
    if arn is not None and not acm.covers(region, arn, domain_name):
        raise BadRequestException(f"Invalid certificate ARN: {arn}. No certificate for {domain_name} in {region}.")


def patch_domain_name(region: RegionName, name: str, given: Sequence[Mapping[str, Any]]) -> Any:
    domain = backend(region).get_domain_name(name)
    for operation in patching.operations(given):
        if operation.parts == ("regionalCertificateArn",):
            check_certificate(region, operation.value, name)
        patching.apply(domain, operation, _DOMAIN_FIELDS)
    return domain


def delete_domain_name(region: RegionName, name: str) -> None:
    """Its base path mappings go with it."""
    backend(region).delete_domain_name(name)
    backend(region).base_path_mappings.pop(name, None)


def base_path_mappings(region: RegionName, domain_name: str) -> dict[str, Any]:
    """By base path; "(none)" is the root."""
    if domain_name not in backend(region).domain_names:
        raise DomainNameNotFound
    mappings: dict[str, Any] = backend(region).base_path_mappings.setdefault(domain_name, {})
    return mappings


def create_base_path_mapping(
    region: RegionName, domain_name: str, base_path: str | None, rest_api_id: str, stage: str | None
) -> Any:
    if (base_path or "(none)") in base_path_mappings(region, domain_name):
        raise ConflictException("Base path already exists for this domain name")
    return backend(region).create_base_path_mapping(domain_name, rest_api_id, base_path, stage)


_DOMAIN_FIELDS = Fields(
    scalars={
        "regionalCertificateArn": ("regional_certificate_arn", str),
        "regionalCertificateName": ("regional_certificate_name", str),
        "certificateArn": ("certificate_arn", str),
        "securityPolicy": ("security_policy", str),
    }
)


def _check_deployment(region: RegionName, rest_api_id: str, deployment_id: str) -> None:
    if deployment_id not in rest_api(region, rest_api_id).deployments:
        raise BadRequestException("Deployment id does not exist")


def _patch_stage(stage: Any, operation: Operation) -> None:
    first, *rest = operation.parts
    if first == "variables" and len(rest) == 1:
        _patch_variable(stage, rest[0], operation)
    elif first in _STAGE_FIELDS.scalars or first in _STAGE_FIELDS.maps:
        patching.apply(stage, operation, _STAGE_FIELDS)
    else:
        _patch_method_setting(stage, operation)


def _patch_variable(stage: Any, name: str, operation: Operation) -> None:
    # AWS documents replace and remove for stage variables; "replace" also adds.
    if operation.op == "add":
        raise BadRequestException(
            "Invalid patch operation 'add' for stage variables. Must be one of: [replace, remove]"
        )
    if operation.op == "remove":
        stage.variables.pop(name, None)
    else:
        stage.variables[name] = operation.value


def _patch_method_setting(stage: Any, operation: Operation) -> None:
    """/{resource path}/{method}/throttling/rateLimit and the like; removing /{resource path}/{method} drops the lot."""
    *resource_path, method = operation.parts
    if operation.op == "remove" and method_setting_key("/".join(resource_path), method) in stage.method_settings:
        del stage.method_settings[method_setting_key("/".join(resource_path), method)]
        return
    *resource_path, method, group, name = operation.parts if len(operation.parts) >= 4 else ("", "", "", "")
    known = _SETTINGS.get(f"{group}/{name}")
    if known is None or operation.op == "add":
        raise patching.invalid_path(operation, ["variables/{name}", *_STAGE_FIELDS.scalars, *_SETTINGS])
    attribute, convert = known
    key = method_setting_key("/".join(resource_path), method)
    settings = stage.method_settings.setdefault(key, dict(_DEFAULT_SETTINGS))
    try:
        settings[attribute] = (
            _DEFAULT_SETTINGS[attribute] if operation.op == "remove" else convert(str(operation.value))
        )
    except ValueError:
        raise BadRequestException(f"Invalid value for {operation.path}: {operation.value!r}") from None
