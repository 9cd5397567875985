"""The JSONPath that mapping templates use: `$`, `.name`, `['name']`, `[0]`, `[*]`."""

from __future__ import annotations

import re
from functools import lru_cache

from harness.events import Json

MISSING = object()
"""What was not there: not the same as null."""

_Step = str | int | None
_STEP = re.compile(r"\.(?P<name>[\w-]+)|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]|\[(?P<index>-?\d+)\]|\.\*|\[\*\]")


class UnsupportedPath(ValueError):
    """The path uses a part of JSONPath that the lab does not know."""


def find(document: Json, path: str) -> object:
    """The value at `path`, a list of values when it has a wildcard, or MISSING."""
    return _walk(document, _compiled(path))


def _walk(value: Json, steps: tuple[_Step, ...]) -> object:
    for position, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
        elif isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return MISSING
            value = value[step]
        else:
            children = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
            found = (_walk(child, steps[position + 1 :]) for child in children)
            return [each for each in found if each is not MISSING]
    return value


@lru_cache(maxsize=1024)
def _compiled(path: str) -> tuple[_Step, ...]:
    path = path.strip()
    if not path.startswith("$"):
        path = f"$.{path}"  # API Gateway takes "name" for "$.name".
    steps: list[_Step] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if not match:
            raise UnsupportedPath(f"JSONPath {path!r}: {path[position:]!r} is not one of .name ['name'] [0] [*]")
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> _Step:
    if match["name"] is not None:
        return match["name"]
    if match["quoted"] is not None:
        return match["quoted"]
    return int(match["index"]) if match["index"] is not None else None
