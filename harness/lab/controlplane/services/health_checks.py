"""Route 53 health checks: AWS's defaults, limits, versions and resets, on moto's objects."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.route53.exceptions import InvalidInput, NoSuchHealthCheck
from moto.route53.models import HealthCheck

from harness.lab.controlplane.services.hosted_zones import backend

CHECKER_REGIONS = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
"""Where Route 53's checkers are (boto3's HealthCheckRegion)."""

RESETTABLE = frozenset({"ChildHealthChecks", "FullyQualifiedDomainName", "Regions", "ResourcePath"})

_ATTRIBUTES = {
    "ChildHealthChecks": "children",
    "Disabled": "disabled",
    "EnableSNI": "enable_sni",
    "FailureThreshold": "failure_threshold",
    "FullyQualifiedDomainName": "fqdn",
    "HealthThreshold": "health_threshold",
    "IPAddress": "ip_address",
    "Inverted": "inverted",
    "MeasureLatency": "measure_latency",
    "Port": "port",
    "Regions": "regions",
    "RequestInterval": "request_interval",
    "ResourcePath": "resource_path",
    "SearchString": "search_string",
    "Type": "type_",
}
_IMMUTABLE = frozenset({"MeasureLatency", "RequestInterval", "Type"})
_PROBED = frozenset({"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"})
_DEFAULT_PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}


class HealthCheckVersionMismatch(ServiceException):  # type: ignore[misc]
    code = "HealthCheckVersionMismatch"


class HealthCheckAlreadyExists(ServiceException):  # type: ignore[misc]
    code = "HealthCheckAlreadyExists"


def create(caller_reference: str, config: Mapping[str, Any]) -> Any:
    """A new check, or the one already made with this reference and config.

    Raises:
        InvalidInput: the config breaks a rule; the message names the value.
        HealthCheckAlreadyExists: the reference was used with another config.
    """
    full = _with_defaults(config)
    _check(full)
    for existing in backend().health_checks.values():
        if existing.caller_reference == caller_reference:
            if _config_of(existing) != full:
                raise HealthCheckAlreadyExists(f"A health check with caller reference {caller_reference} exists")
            return existing
    made = HealthCheck(str(uuid.uuid4()), caller_reference, {})
    _assign(made, full)
    backend().health_checks[made.id] = made
    return made


def get(health_check_id: str) -> Any:
    """Raises NoSuchHealthCheck."""
    return backend().get_health_check(health_check_id)


def update(
    health_check_id: str, changes: Mapping[str, Any], *, reset: Iterable[str] = (), version: int | None = None
) -> Any:
    """Applies `changes` and raises the version by one.

    Raises:
        HealthCheckVersionMismatch: the check is not at `version`.
        InvalidInput: the result would break a rule.
    """
    check = get(health_check_id)
    if version is not None and version != check.health_check_version:
        raise HealthCheckVersionMismatch(
            f"health check {health_check_id} is at version {check.health_check_version}, not {version}"
        )
    mutable = {key: value for key, value in changes.items() if key not in _IMMUTABLE and value is not None}
    after = {key: value for key, value in _config_of(check).items() if key not in set(reset)} | mutable
    _check(after)
    for name in reset:
        setattr(check, _ATTRIBUTES[name], None)
    _assign(check, mutable)
    check.health_check_version += 1
    return check


def delete(health_check_id: str) -> None:
    """Raises NoSuchHealthCheck."""
    if backend().health_checks.pop(health_check_id, None) is None:
        raise NoSuchHealthCheck(health_check_id)
    backend().resource_tags.pop(health_check_id, None)


def set_tags(health_check_id: str, tags: Mapping[str, str]) -> None:
    backend().resource_tags[health_check_id] = dict(tags)


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in config.items() if value not in (None, [])}
    kind = given.get("Type")
    defaults: dict[str, Any] = {"Inverted": False, "Disabled": False}
    if kind in _PROBED:
        defaults |= {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False}
        # AWS's default, as its Terraform provider documents it; moto's is False.
        defaults["EnableSNI"] = str(kind).startswith("HTTPS")
        if kind in _DEFAULT_PORTS:
            defaults["Port"] = _DEFAULT_PORTS[kind]
    return defaults | given


def _check(config: Mapping[str, Any]) -> None:
    kind = config.get("Type")
    if kind not in {*_PROBED, "CALCULATED"}:
        raise InvalidInput(f"Type {kind}: the lab runs {', '.join(sorted(_PROBED))} and CALCULATED")
    if kind in _PROBED and not (config.get("IPAddress") or config.get("FullyQualifiedDomainName")):
        raise InvalidInput("Invalid parameter : Either IPAddress or FullyQualifiedDomainName must be given")
    if kind == "TCP" and not config.get("Port"):
        raise InvalidInput("Invalid parameter : Port must be given for TCP")
    if str(kind).endswith("_STR_MATCH") and not config.get("SearchString"):
        raise InvalidInput(f"Invalid parameter : SearchString must be given for {kind}")
    for name, (rule, allowed) in _LIMITS.items():
        value = config.get(name)
        if value is not None and not allowed(value):
            raise InvalidInput(f"Invalid parameter : {name} {value!r} must be {rule}")


_LIMITS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "RequestInterval": ("10 or 30", lambda value: value in {10, 30}),
    "FailureThreshold": ("from 1 to 10", lambda value: 1 <= value <= 10),
    "HealthThreshold": ("from 0 to 256", lambda value: 0 <= value <= 256),
    "Port": ("from 1 to 65535", lambda value: 1 <= value <= 65535),
    "ResourcePath": ("at most 255 characters", lambda value: len(value) <= 255),
    "SearchString": ("at most 255 characters", lambda value: len(value) <= 255),
    "ChildHealthChecks": ("at most 255 checks", lambda value: len(value) <= 255),
    "Regions": (
        f"at least three of {', '.join(CHECKER_REGIONS)}",
        lambda value: len(value) >= 3 and set(value) <= set(CHECKER_REGIONS),
    ),
}


def _assign(check: Any, config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        if name in _ATTRIBUTES:
            setattr(check, _ATTRIBUTES[name], value)


def _config_of(check: Any) -> dict[str, Any]:
    shown: dict[str, Any] = check.health_check_config
    return _with_defaults(shown)
