"""Request validation: required parameters, and the body against its model (JSON schema, draft 4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec
from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # comes with moto[apigateway], without stubs

from harness.events import Json
from harness.lab.gateway.call import Call
from harness.lab.gateway.config import Method
from harness.lab.gateway.errors import GatewayError
from harness.lab.gateway.variables import UnreadableBody, from_json

_LOG = logging.getLogger(__name__)
_REFERENCE_DEPTH = 8


class RequestValidation:
    """What a method demands of its requests, ready to check."""

    def __init__(self, method: Method, models: Mapping[str, str]) -> None:
        self._required: list[tuple[str, str]] = []
        if method.validator.validates_parameters:
            self._required = [
                _place_and_name(target) for target, required in method.request_parameters.items() if required
            ]
        self._models: dict[str, Draft4Validator] = {}
        if method.validator.validates_body:
            self._models = {
                content_type.lower(): Draft4Validator(_schema(models, name, 0))
                for content_type, name in method.request_models.items()
            }

    def check(self, call: Call) -> None:
        """Raises GatewayError (400)."""
        missing = [name for place, name in self._required if not _value(call, place, name)]
        if missing:
            raise GatewayError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
        if self._models:
            self._check_body(call)

    def _check_body(self, call: Call) -> None:
        content_type = (call.request.header("content-type") or "application/json").partition(";")[0].strip().lower()
        model = self._models.get(content_type)
        if model is None:
            return  # AWS does not validate a content type that has no model.
        try:
            document = from_json(call.request.body.decode("utf-8", "replace"))
        except UnreadableBody:
            raise GatewayError("BAD_REQUEST_BODY") from None
        if not model.is_valid(document):
            raise GatewayError("BAD_REQUEST_BODY")


def _place_and_name(target: str) -> tuple[str, str]:
    """("querystring", "limit") of "method.request.querystring.limit"."""
    place, _, name = target.removeprefix("method.request.").partition(".")
    return place, name


def _value(call: Call, place: str, name: str) -> str | None:
    if place == "header":
        return call.parameters.header_value(name)
    return (call.path_parameters if place == "path" else call.parameters.querystring).get(name)


def _schema(models: Mapping[str, str], name: str, depth: int) -> Json:
    """The model's schema with references to other models put in place; a schema that is not JSON allows anything."""
    try:
        schema = msgspec.json.decode(models.get(name) or "{}")
    except msgspec.DecodeError as error:
        _LOG.warning("model %s: its schema is not JSON (%s), any body passes", name, error)
        return {}
    return _inlined(schema, models, depth)


def _inlined(schema: Json, models: Mapping[str, str], depth: int) -> Json:
    if isinstance(schema, list):
        return [_inlined(each, models, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and "/models/" in reference:
        # A model may refer to itself; below this depth anything is valid.
        return _schema(models, reference.rpartition("/")[2], depth + 1) if depth < _REFERENCE_DEPTH else {}
    return {key: _inlined(value, models, depth) for key, value in schema.items()}
