"""API Gateway's patch operations (a form of JSON Patch), applied to moto's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from moto.apigateway.exceptions import BadRequestException

Convert = Callable[[str], Any]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    op: str
    path: str
    parts: tuple[str, ...]
    """The path's steps, "~1" and "~0" decoded."""
    value: str | None


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """What a resource lets be patched: path step -> (attribute, conversion), and path step -> attribute of a map."""

    scalars: Mapping[str, tuple[str, Convert]] = {}
    maps: Mapping[str, str] = {}


def operations(given: Sequence[Mapping[str, Any]] | None) -> list[Operation]:
    """Raises BadRequestException for an operation without op or path."""
    parsed = []
    for entry in given or []:
        if entry.get("op") not in {"add", "remove", "replace"} or not str(entry.get("path", "")).startswith("/"):
            raise BadRequestException(
                f"Invalid patch operation {dict(entry)}: needs op add, remove or replace and a path"
            )
        path = entry["path"]
        parts = tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
        parsed.append(Operation(op=entry["op"], path=path, parts=parts, value=entry.get("value")))
    return parsed


def apply_all(target: Any, given: Sequence[Mapping[str, Any]] | None, fields: Fields) -> None:
    for operation in operations(given):
        apply(target, operation, fields)


def apply(target: Any, operation: Operation, fields: Fields) -> None:
    """Raises BadRequestException when the path is not one of `fields`."""
    first, *rest = operation.parts
    if first in fields.scalars and not rest and operation.op != "add":
        attribute, convert = fields.scalars[first]
        removed = operation.op == "remove" or operation.value is None
        setattr(target, attribute, None if removed else convert(str(operation.value)))
    elif first in fields.maps and len(rest) == 1:
        entries = dict(getattr(target, fields.maps[first]) or {})
        if operation.op == "remove":
            entries.pop(rest[0], None)
        else:
            entries[rest[0]] = operation.value
        setattr(target, fields.maps[first], entries)
    else:
        raise invalid_path(operation, [*fields.scalars, *fields.maps])


def invalid_path(operation: Operation, known: list[str]) -> BadRequestException:
    return BadRequestException(
        f"Invalid patch path '{operation.path}' specified for op '{operation.op}'. Must be one of: "
        f"[{', '.join(f'/{name}' for name in known)}]"
    )


def to_bool(text: str) -> bool:
    return text.lower() == "true"
