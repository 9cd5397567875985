"""Which API, stage and method a request means: by host, base path and resource path. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


class PathTree(Generic[T]):
    """Finds the resource for a path: a fixed part wins over `{name}`, which wins over `{name+}` (the rest)."""

    __slots__ = ("_children", "_greedy", "_parameter", "value")

    def __init__(self) -> None:
        self._children: dict[str, PathTree[T]] = {}
        self._parameter: tuple[str, PathTree[T]] | None = None
        self._greedy: tuple[str, T] | None = None
        self.value: T | None = None

    def add(self, path: str, value: T) -> None:
        """`path` as API Gateway writes it: "/data/{pk}", "/{proxy+}"."""
        node = self
        for part in segments(path):
            if part.startswith("{") and part.endswith("+}"):
                node._greedy = (part[1:-2], value)
                return
            if part.startswith("{") and part.endswith("}"):
                node._parameter = node._parameter or (part[1:-1], PathTree())
                node = node._parameter[1]
            else:
                node = node._children.setdefault(part, PathTree())
        node.value = value

    def find(self, parts: Sequence[str]) -> tuple[T, dict[str, str]] | None:
        """(value, path parameters, decoded), or None when no resource has this path."""
        if not parts:
            return None if self.value is None else (self.value, {})
        child = self._children.get(parts[0])
        found = child.find(parts[1:]) if child else None
        if found is None and self._parameter and parts[0]:
            name, node = self._parameter
            found = node.find(parts[1:])
            if found:
                found[1][name] = unquote(parts[0])
        if found is None and self._greedy:
            name, value = self._greedy
            return value, {name: unquote("/".join(parts))}
        return found


def segments(path: str) -> list[str]:
    """Parts between slashes; one slash at the end does not count."""
    path = path.removeprefix("/").removesuffix("/")
    return path.split("/") if path else []


def longest_base_path(base_paths: Sequence[str], parts: Sequence[str]) -> str | None:
    """The longest base path that begins a path with these parts; "(none)" begins every path."""
    best: str | None = None
    best_length = -1
    for base_path in base_paths:
        wanted = [] if base_path == "(none)" else segments(base_path)
        if len(wanted) > best_length and list(parts[: len(wanted)]) == wanted:
            best, best_length = base_path, len(wanted)
    return best
