"""Method integrations, ready to run: MOCK, and AWS service integrations with DynamoDB.

Source: API Gateway Developer Guide, "Choose an API Gateway API integration type", "How to specify integration
passthrough behaviors", "Set up an integration response".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Protocol, cast

from harness.events import Json
from harness.lab.gateway.call import Backend, Call, Reply
from harness.lab.gateway.config import Integration, IntegrationResponse, Method
from harness.lab.gateway.errors import GatewayError
from harness.lab.gateway.sources import source_of
from harness.lab.gateway.variables import Input, UnreadableBody, Util, from_json
from harness.lab.gateway.velocity import MappingTemplate, TemplateFailed, template_of
from harness.lab.ports import Tables

_LOG = logging.getLogger(__name__)
_DYNAMODB_URI = re.compile(r"arn:aws[\w-]*:apigateway:([\w-]+):dynamodb:action/(\w+)")
_MOCK_STATUS = re.compile(r"[\"']?statusCode[\"']?\s*:\s*[\"']?(\d{3})\b")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_HEADER_PREFIX = "method.response.header."


class ServedIntegration(Protocol):
    def answer(self, call: Call, /) -> Reply:
        """Raises GatewayError when the gateway itself must answer."""
        ...


def serve_integration(
    method: Method, label: str, stage_variables: Mapping[str, str], tables: Tables
) -> ServedIntegration:
    """What runs for `method`; a method that cannot be served answers 500 and says why in the log."""
    integration = method.integration
    if integration is None:
        return _Unservable(f"{label}: the method has no integration")
    try:
        if integration.type == "MOCK":
            return _Mock(method, integration)
        if integration.type == "AWS":
            return _DynamoDb(method, integration, stage_variables, tables)
    except (ValueError, re.error) as error:
        return _Unservable(f"{label}: {error}")
    return _Unservable(
        f"{label}: integration type {integration.type} is not served by the lab, only MOCK and AWS (DynamoDB)"
    )


class _Unservable:
    """Answers 500, as AWS does for a configuration that it accepted and cannot carry out."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def answer(self, _call: Call) -> Reply:
        _LOG.error("%s", self._reason)
        raise GatewayError("API_CONFIGURATION_ERROR")


class _Mock:
    """Its request template names the status; no backend is asked."""

    def __init__(self, method: Method, integration: Integration) -> None:
        self._request = _RequestMapping(integration)
        self._responses = _ResponseMappings(method, integration)

    def answer(self, call: Call) -> Reply:
        text = self._request.render(call)
        match = _MOCK_STATUS.search(text)
        if not match:
            _LOG.error("%s: MOCK request template gives %r, no statusCode", _place(call), text[:200])
            raise GatewayError("API_CONFIGURATION_ERROR")
        return self._responses.reply(call, Backend(int(match[1]), text=""))


class _DynamoDb:
    """Calls the tables as the integration's role."""

    def __init__(
        self, method: Method, integration: Integration, stage_variables: Mapping[str, str], tables: Tables
    ) -> None:
        uri = _fill_stage_variables(integration.uri, stage_variables)
        match = _DYNAMODB_URI.fullmatch(uri)
        if not match:
            raise ValueError(f"integration uri {uri!r} is not served by the lab, only dynamodb:action/NAME")
        self._region, self._action = match.groups()
        self._role = _fill_stage_variables(integration.credentials, stage_variables)
        if ":role/" not in self._role:
            raise ValueError(f"integration credentials {self._role!r}: the lab needs the ARN of a role")
        self._timeout_s = integration.timeout_ms / 1000
        self._tables = tables
        self._request = _RequestMapping(integration)
        self._responses = _ResponseMappings(method, integration)

    def answer(self, call: Call) -> Reply:
        text = self._request.render(call)
        started_s = call.clock.now_s()
        delay_s = call.table_delay()
        status, document = self._call_table(text)
        # A slow call takes effect all the same; its caller hears of it late, or gives up waiting.
        call.held_s = min(delay_s, self._timeout_s)
        if call.clock.now_s() - started_s + delay_s > self._timeout_s:
            raise GatewayError("INTEGRATION_TIMEOUT")
        return self._responses.reply(call, Backend(status, document=document))

    def _call_table(self, text: str) -> tuple[int, dict[str, Json]]:
        try:
            request = from_json(text)
        except UnreadableBody:
            request = None
        if not isinstance(request, dict):
            return 400, {"__type": "com.amazon.coral.service#SerializationException"}
        return self._tables.call(self._region, self._action, request, self._role)


class _RequestMapping:
    """Picks the request template by content type, and falls back as passthroughBehavior says."""

    def __init__(self, integration: Integration) -> None:
        self._templates = _parsed(integration.request_templates)
        self._refuses_unmatched = integration.passthrough_behavior == "NEVER" or (
            integration.passthrough_behavior == "WHEN_NO_TEMPLATES" and bool(self._templates)
        )

    def render(self, call: Call) -> str:
        content_type = (call.request.header("content-type") or "application/json").partition(";")[0].strip().lower()
        template = self._templates.get(content_type)
        if template is not None:
            return _render(template, call, call.request_input())
        if self._refuses_unmatched:
            raise GatewayError("UNSUPPORTED_MEDIA_TYPE")
        return call.request.body.decode("utf-8", "replace")


class _ResponseMapping:
    """One integration response: status, templates by content type, headers."""

    def __init__(self, response: IntegrationResponse) -> None:
        self.status = response.status_code
        self.pattern = re.compile(response.selection_pattern) if response.selection_pattern else None
        self._templates = _parsed(response.response_templates)
        self._headers = [
            (target.removeprefix(_HEADER_PREFIX), source_of(source))
            for target, source in response.response_parameters.items()
            if target.startswith(_HEADER_PREFIX)
        ]

    def reply(self, call: Call, backend: Backend) -> Reply:
        answered = (
            Input(call.parameters, document=backend.document)
            if backend.text is None
            else Input(call.parameters, text=backend.text)
        )
        content_type, template = self._pick(call)
        body = answered.body if template is None else _render(template, call, answered)
        headers = {"Content-Type": content_type}
        for name, source in self._headers:
            value = source(call, backend)
            if value is not None:
                headers["Content-Type" if name.lower() == "content-type" else name] = value
        return _overridden(call, self.status, headers, body)

    def _pick(self, call: Call) -> tuple[str, MappingTemplate | None]:
        """The template for what the client accepts, else the first one."""
        if not self._templates:
            return "application/json", None
        if len(self._templates) > 1:
            for accepted in (call.request.header("accept") or "").split(","):
                content_type = accepted.partition(";")[0].strip().lower()
                if content_type in self._templates:
                    return content_type, self._templates[content_type]
        return next(iter(self._templates.items()))


class _ResponseMappings:
    """Picks by the backend's status: the first pattern that matches all of it, else the response without one."""

    def __init__(self, method: Method, integration: Integration) -> None:
        self._declared = frozenset(method.response_statuses)
        self._patterned = [_ResponseMapping(each) for each in integration.responses if each.selection_pattern]
        self._default = next(
            (_ResponseMapping(each) for each in integration.responses if not each.selection_pattern), None
        )

    def reply(self, call: Call, backend: Backend) -> Reply:
        mapping = self._pick(str(backend.status))
        if mapping is None:
            _LOG.error("%s: no integration response for status %d", _place(call), backend.status)
            raise GatewayError("API_CONFIGURATION_ERROR")
        if mapping.status not in self._declared:
            _LOG.error("%s: output mapping refers to an invalid method response: %d", _place(call), mapping.status)
            raise GatewayError("API_CONFIGURATION_ERROR")
        return mapping.reply(call, backend)

    def _pick(self, status: str) -> _ResponseMapping | None:
        for mapping in self._patterned:
            if mapping.pattern is not None and mapping.pattern.fullmatch(status):
                return mapping
        return self._default


def _parsed(templates: Mapping[str, str]) -> dict[str, MappingTemplate]:
    """Raises ValueError: API Gateway accepts any text and fails when it is used; so do we, by answering 500."""
    try:
        return {content_type.lower(): template_of(text) for content_type, text in templates.items()}
    except TemplateFailed as error:
        raise ValueError(str(error)) from error


def _render(template: MappingTemplate, call: Call, answered: Input) -> str:
    variables: dict[str, object] = {"input": answered, "util": Util}
    if template.mentions("context"):
        variables["context"] = call.context
    if call.stage is not None:
        variables["stageVariables"] = call.stage.variables
    try:
        return template.render(variables)
    except TemplateFailed as error:
        if isinstance(error.__cause__, UnreadableBody):
            raise GatewayError("BAD_REQUEST_BODY", str(error.__cause__)) from error
        _LOG.exception("%s: mapping template failed", _place(call))
        raise GatewayError("API_CONFIGURATION_ERROR") from error


def _overridden(call: Call, status: int, headers: dict[str, str], body: str) -> Reply:
    """Applies what the template wrote to `$context.responseOverride`."""
    overrides = call.overrides
    if overrides is not None:
        wanted = str(overrides.get("status", ""))
        status = int(wanted) if wanted.isdecimal() and 100 <= int(wanted) <= 599 else status
        headers.update({name: str(value) for name, value in cast("dict[str, object]", overrides["header"]).items()})
    return Reply(status, list(headers.items()), body.encode())


def _fill_stage_variables(text: str, variables: Mapping[str, str]) -> str:
    return _STAGE_VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


def _place(call: Call) -> str:
    if call.stage is None or call.method is None:
        return call.request.path
    return f"{call.stage.api_id}/{call.stage.name} {call.request.http_method} {call.method.resource_path}"
