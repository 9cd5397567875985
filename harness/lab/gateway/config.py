"""What a region's API Gateway is configured to do, as plain data: read from the control plane, or built by hand."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.stack import RegionName

PassthroughBehavior = Literal["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"]


class _Config(msgspec.Struct, frozen=True, kw_only=True): ...


class IntegrationResponse(_Config, frozen=True, kw_only=True):
    status_code: int
    selection_pattern: str = ""
    """Regular expression for the whole of the backend's HTTP status; empty marks the default response."""
    response_templates: dict[str, str] = {}
    response_parameters: dict[str, str] = {}


class Integration(_Config, frozen=True, kw_only=True):
    type: str
    """"MOCK" and "AWS" are served; other types answer 500."""
    uri: str = ""
    credentials: str = ""
    request_templates: dict[str, str] = {}
    passthrough_behavior: PassthroughBehavior = "WHEN_NO_MATCH"
    timeout_ms: int = 29_000
    responses: tuple[IntegrationResponse, ...] = ()


class RequestValidator(_Config, frozen=True, kw_only=True):
    validates_body: bool = False
    validates_parameters: bool = False


class Method(_Config, frozen=True, kw_only=True):
    http_method: str
    """"GET", ...; "ANY" takes what no other method of the resource takes."""
    authorization_type: str = "NONE"
    api_key_required: bool = False
    request_parameters: dict[str, bool] = {}
    """"method.request.querystring.limit" -> whether it is required."""
    request_models: dict[str, str] = {}
    """Content type -> model name."""
    validator: RequestValidator = RequestValidator()
    response_statuses: tuple[int, ...] = ()
    integration: Integration | None = None


class Resource(_Config, frozen=True, kw_only=True):
    path: str
    """"/data/{pk}"."""
    methods: tuple[Method, ...] = ()


class GatewayResponse(_Config, frozen=True, kw_only=True):
    response_type: str
    """"DEFAULT_4XX", "THROTTLED", ..."""
    status_code: int | None = None
    parameters: dict[str, str] = {}
    templates: dict[str, str] = {}


class ApiSnapshot(_Config, frozen=True, kw_only=True):
    """What a deployment froze: all that AWS serves only after the next CreateDeployment."""

    resources: tuple[Resource, ...] = ()
    gateway_responses: tuple[GatewayResponse, ...] = ()
    models: dict[str, str] = {}
    """Name -> JSON schema (draft 4), as text."""
    policy: str = ""
    """The API's resource policy as JSON text; empty: everybody may call."""
    execute_api_disabled: bool = False


class Throttle(_Config, frozen=True, kw_only=True):
    """A token bucket: `rate_rps` tokens per stack second, at most `burst` of them; 0 lets nothing pass."""

    rate_rps: float
    burst: float


class Stage(_Config, frozen=True, kw_only=True):
    name: str
    snapshot: ApiSnapshot
    variables: dict[str, str] = {}
    throttles: dict[str, Throttle] = {}
    """"*/*" for each method of the stage, or "data/{pk}/GET" for one, which then counts alone."""


class RestApi(_Config, frozen=True, kw_only=True):
    api_id: str
    stages: tuple[Stage, ...] = ()


class BasePathMapping(_Config, frozen=True, kw_only=True):
    base_path: str
    """"(none)" is the root."""
    api_id: str
    stage: str


class CustomDomain(_Config, frozen=True, kw_only=True):
    name: str
    regional_target: str
    """d-xxxx.execute-api.{region}.amazonaws.com: what the alias record points to."""
    mappings: tuple[BasePathMapping, ...] = ()


class RegionConfig(_Config, frozen=True, kw_only=True):
    region: RegionName
    apis: tuple[RestApi, ...] = ()
    domains: tuple[CustomDomain, ...] = ()
