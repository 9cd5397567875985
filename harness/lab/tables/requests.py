"""DynamoDB requests as AWS takes them: JSON checked against the service's own model, before moto sees it.

moto answers malformed requests with HTTP 500; AWS answers 400 and says what is wrong. The messages are AWS's where
they are known.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, OperationNotFoundError, Shape, StructureShape

from harness.events import Json

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_CORAL = "com.amazon.coral.service#"
"""AWS's own front end refuses with this prefix: what never reached DynamoDB proper."""

_JSON_NAMES = {bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", str: "STRING_VALUE"}
_WANTED: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("String", (str,)),
    "blob": ("Blob", (str,)),
    "boolean": ("Boolean", (bool,)),
    "integer": ("Integer", (int,)),
    "long": ("Long", (int,)),
    "double": ("Double", (int, float)),
    "float": ("Float", (int, float)),
    "timestamp": ("Date", (int, float)),
}


class Refused(Exception):
    """An AWS error reply: HTTP status and body."""

    def __init__(self, status: int, body: dict[str, Json]) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def refused_by_dynamodb(kind: str, message: str) -> Refused:
    return Refused(400, {"__type": _DYNAMODB + kind, "message": message})


def refused_by_front_end(kind: str, message: str) -> Refused:
    """AWS spells "Message" with a capital here."""
    return Refused(400, {"__type": _CORAL + kind, "Message": message})


def failed_inside() -> Refused:
    """AWS's answer to a fault that is not the caller's."""
    return Refused(500, {"__type": _DYNAMODB + "InternalServerError", "message": "Internal server error"})


@functools.cache
def operation(action: str) -> OperationModel:
    """Raises Refused for an action that DynamoDB does not have."""
    model = botocore.session.get_session().get_service_model("dynamodb")
    try:
        return model.operation_model(action)
    except OperationNotFoundError:
        raise refused_by_front_end("UnknownOperationException", f"{action} is no operation of DynamoDB") from None


def decode_body(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise refused_by_front_end("SerializationException", f"The request body is not valid JSON: {error}") from None


def parse_request(action: str, request: Any) -> dict[str, Any]:
    """`request` with its blobs decoded, null and unknown members dropped: a copy, as moto's own parser makes it.

    Raises Refused when a value has the wrong type, or a required member is missing.
    """
    shape = operation(action).input_shape
    return {} if shape is None else _parse_structure(shape, request, "")


def _parse(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        parsed = _parse_structure(shape, value, path)
        return _attribute_value(parsed) if shape.name == "AttributeValue" else parsed
    if isinstance(shape, MapShape):
        _require(value, dict, path)
        return {key: _parse(shape.value, member, f"{path}.{key}") for key, member in value.items()}
    if isinstance(shape, ListShape):
        _require(value, list, path)
        return [_parse(shape.member, member, f"{path}.{number}.member") for number, member in enumerate(value, 1)]
    return _parse_scalar(shape.type_name, value)


def _parse_structure(shape: StructureShape, value: Any, path: str) -> dict[str, Any]:
    _require(value, dict, path)
    for name in shape.required_members:
        if value.get(name) is None:
            where = f"{path}.{_lower_first(name)}".lstrip(".")
            raise refused_by_dynamodb(
                "ValidationException",
                f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: "
                "Member must not be null",
            )
    members = shape.members
    return {
        name: _parse(members[name], member, f"{path}.{_lower_first(name)}")
        for name, member in value.items()
        if member is not None and name in members
    }


def _attribute_value(parsed: dict[str, Any]) -> dict[str, Any]:
    if len(parsed) != 1:
        fault = "has more than one datatypes set" if parsed else "is empty"
        raise refused_by_dynamodb(
            "ValidationException",
            f"Supplied AttributeValue {fault}, must contain exactly one of the supported datatypes",
        )
    return parsed


def _parse_scalar(kind: str, value: Any) -> Any:
    wanted, types = _WANTED[kind]
    # bool is an int to Python, not to JSON.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise refused_by_front_end("SerializationException", f"{_json_name(value)} cannot be converted to {wanted}")
    if kind != "blob":
        return value
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error:
        raise refused_by_front_end("SerializationException", "A blob is not valid base64") from None


def _require(value: Any, kind: type, path: str) -> None:
    if not isinstance(value, kind):
        where = f" at '{path.lstrip('.')}'" if path else ""
        raise refused_by_front_end("SerializationException", f"Unexpected value type {_json_name(value)}{where}")


def _json_name(value: Any) -> str:
    if value is False:
        return "FALSE_VALUE"
    return _JSON_NAMES.get(type(value), "START_ARRAY" if isinstance(value, list) else "START_OBJECT")


def _lower_first(name: str) -> str:
    return name[0].lower() + name[1:]


def to_json(value: Any) -> Json:
    """moto's result as JSON: bytes in base64, times as seconds since 1970."""
    if isinstance(value, dict):
        return {key: to_json(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [to_json(member) for member in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "timestamp"):
        seconds: float = value.timestamp()
        return seconds
    plain: Json = value
    return plain
