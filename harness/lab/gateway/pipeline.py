"""From a request to a reply: route, throttle, authorize, validate, integrate. No sockets."""

from __future__ import annotations

import logging

from harness.lab.gateway.call import Call, Reply, Request
from harness.lab.gateway.errors import GatewayError, GatewayResponses, default_reply
from harness.lab.gateway.routing import longest_base_path, segments
from harness.lab.gateway.served import ServedMethod, ServedRegion, ServedStage

_LOG = logging.getLogger(__name__)
_AWS_OWN = GatewayResponses(())


def answer(served: ServedRegion, call: Call) -> Reply:
    """The reply to one request; any failure of ours is API Gateway's 500, never an exception."""
    try:
        if call.request.path in ("/ping", "/sping"):  # Reserved by API Gateway for its own health check.
            return Reply(200, [("Content-Type", "text/plain")], b"healthy")
        return _serve(served, call)
    except GatewayError as error:
        responses = call.stage.gateway_responses if call.stage else _AWS_OWN
        return responses.reply(call, error)
    except Exception:  # noqa: BLE001 - logged, and one bad request must not end the lab
        _LOG.exception("%s %s%s: the gateway failed", call.request.http_method, call.request.host, call.request.path)
        return default_reply(GatewayError("DEFAULT_5XX"))


def _serve(served: ServedRegion, call: Call) -> Reply:
    stage, rest = _stage_of(served, call.request)
    call.stage = stage
    method, call.path_parameters = _method_of(stage, rest, call.request.http_method)
    call.method = method
    if method.bucket and not method.bucket.take(call.clock.now_s()):
        raise GatewayError("THROTTLED")
    _authorize(stage, method, call, rest)
    method.validation.check(call)
    return method.integration.answer(call)


def _stage_of(served: ServedRegion, request: Request) -> tuple[ServedStage, list[str]]:
    """The stage, and what of the path is left; WAF_FILTERED stands for the edge's plain "Forbidden"."""
    parts = segments(request.path)
    mappings = served.domains.get(request.host)
    if mappings is not None:
        return _mapped_stage(served, list(mappings), parts, request.host)
    api_id = served.apis_by_host.get(request.host)
    stage = served.stages.get((api_id, parts[0])) if api_id and parts else None
    if stage is None or stage.execute_api_disabled:
        raise GatewayError("WAF_FILTERED")
    return stage, parts[1:]


def _mapped_stage(
    served: ServedRegion, base_paths: list[str], parts: list[str], host: str
) -> tuple[ServedStage, list[str]]:
    base_path = longest_base_path(base_paths, parts)
    if base_path is None:
        raise GatewayError("WAF_FILTERED")
    mapping = served.domains[host][base_path]
    rest = parts if base_path == "(none)" else parts[len(segments(base_path)) :]
    name = mapping.stage
    if not name and rest:  # A mapping without a stage takes it from the path.
        name, rest = rest[0], rest[1:]
    stage = served.stages.get((mapping.api_id, name))
    if stage is None:
        raise GatewayError("WAF_FILTERED")
    return stage, rest


def _method_of(stage: ServedStage, rest: list[str], http_method: str) -> tuple[ServedMethod, dict[str, str]]:
    found = stage.tree.find(rest)
    if found:
        methods, parameters = found
        method = methods.get(http_method) or methods.get("ANY")
        if method:
            return method, parameters
    raise GatewayError("MISSING_AUTHENTICATION_TOKEN")


def _authorize(stage: ServedStage, method: ServedMethod, call: Call, rest: list[str]) -> None:
    """Callers are anonymous: the lab knows neither signatures nor API keys nor authorizers."""
    if stage.policy:
        _check_policy(stage, call, rest)
    if method.authorization_type == "AWS_IAM":
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
    if method.authorization_type != "NONE":
        raise GatewayError("UNAUTHORIZED")
    if method.api_key_required:
        raise GatewayError("INVALID_API_KEY")


def _check_policy(stage: ServedStage, call: Call, rest: list[str]) -> None:
    assert stage.policy is not None
    request = call.request
    facts = {
        "aws:currenttime": call.clock.calendar().isoformat(),
        "aws:sourceip": request.source_address,
        "aws:securetransport": "true",
        "aws:useragent": request.header("user-agent") or "",
    }
    place = f"{stage.name}/{request.http_method}/{'/'.join(rest)}"
    refusal = stage.policy.refusal(f"{stage.arn}/{place}", facts)
    if refusal:
        _arn, region, account, api_id = stage.arn.rsplit(":", 3)
        masked = f"arn:aws:execute-api:{region}:********{account[-4:]}:{api_id}/{place}"
        suffix = " with an explicit deny" if refusal == "explicit" else ""
        raise GatewayError(
            "ACCESS_DENIED",
            f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {masked}{suffix}",
        )
