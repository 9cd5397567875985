"""API Gateway's own replies ("gateway responses"): AWS's default bodies, and what an API configures instead.

Source: API Gateway Developer Guide, "Gateway response types for API Gateway".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from harness.lab.gateway.call import Call, Reply
from harness.lab.gateway.config import GatewayResponse
from harness.lab.gateway.sources import UnsupportedSource, ValueSource, nested_text, source_of
from harness.lab.gateway.variables import to_json

_LOG = logging.getLogger(__name__)

# type: (status, message, x-amzn-ErrorType)
_DEFAULTS: dict[str, tuple[int, str, str]] = {
    "ACCESS_DENIED": (403, "Forbidden", "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": (500, "Internal server error", "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "Internal server error", "InternalServerErrorException"),
    "BAD_REQUEST_BODY": (400, "Invalid request body", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": (400, "Missing required request parameters", "BadRequestException"),
    "DEFAULT_5XX": (500, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_FAILURE": (504, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": (403, "Forbidden", "ForbiddenException"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long", "RequestTooLongException"),
    "THROTTLED": (429, "Too Many Requests", "TooManyRequestsException"),
    "UNAUTHORIZED": (401, "Unauthorized", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported Media Type", "BadRequestException"),
    "WAF_FILTERED": (403, "Forbidden", "ForbiddenException"),
}
_VARIABLE = re.compile(r"\$\{?(context|stageVariables)\.([\w.]+)\}?")


class GatewayError(Exception):
    """The gateway itself answers, with the response of this type; `message` absent: AWS's own."""

    def __init__(self, response_type: str, message: str | None = None) -> None:
        self.response_type = response_type
        self.status, default_message, self.error_type = _DEFAULTS[response_type]
        self.message = message or default_message
        super().__init__(f"{response_type}: {self.message}")


class GatewayResponses:
    """The gateway responses of one API, ready to answer."""

    def __init__(self, configured: tuple[GatewayResponse, ...]) -> None:
        self._configured = {response.response_type: response for response in configured}
        self._headers = {response.response_type: _header_sources(response) for response in configured}

    def reply(self, call: Call, error: GatewayError) -> Reply:
        """The configured response of this type, else DEFAULT_4XX or DEFAULT_5XX, else AWS's own."""
        configured = self._configured.get(error.response_type)
        if configured is None:
            configured = self._configured.get("DEFAULT_5XX" if error.status >= 500 else "DEFAULT_4XX")
        if configured is None:
            return default_reply(error)
        _describe(call, error)
        content_type, template = _template_of(configured)
        headers = {"Content-Type": content_type, "x-amzn-ErrorType": error.error_type}
        for name, source in self._headers[configured.response_type]:
            value = source(call, None)
            if value is not None:
                headers[name] = value
        body = _fill(template, call) if template is not None else _default_body(error)
        return Reply(configured.status_code or error.status, list(headers.items()), body.encode())


def default_reply(error: GatewayError) -> Reply:
    """AWS's own reply, used before any API is known and where an API configures nothing."""
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.error_type)]
    return Reply(error.status, headers, _default_body(error).encode())


def _default_body(error: GatewayError) -> str:
    # A resource policy's refusal comes from the authorization layer, which writes a capital M (seen on AWS).
    key = "Message" if error.response_type == "ACCESS_DENIED" and error.message.startswith("User:") else "message"
    return to_json({key: error.message})


def _header_sources(response: GatewayResponse) -> list[tuple[str, ValueSource]]:
    prefix = "gatewayresponse.header."
    sources = []
    for target, source in response.parameters.items():
        try:
            sources.append((target.removeprefix(prefix), source_of(source)))
        except UnsupportedSource as error:
            _LOG.warning("gateway response %s: header %s is left out: %s", response.response_type, target, error)
    return sources


def _template_of(response: GatewayResponse) -> tuple[str, str | None]:
    templates = response.templates
    if not templates or "application/json" in templates:
        return "application/json", templates.get("application/json")
    return next(iter(templates.items()))


def _describe(call: Call, error: GatewayError) -> None:
    call.context["error"] = {
        "message": error.message,
        "messageString": to_json(error.message),
        "responseType": error.response_type,
        "validationErrorString": error.message,
    }


def _fill(template: str, call: Call) -> str:
    """Gateway responses know variables only, no Velocity."""
    spaces: dict[str, Mapping[str, object]] = {
        "context": call.context,
        "stageVariables": call.stage.variables if call.stage else {},
    }
    return _VARIABLE.sub(lambda match: nested_text(spaces[match[1]], match[2]) or "", template)
