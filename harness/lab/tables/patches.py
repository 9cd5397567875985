"""Attributes of moto's classes, replaced while the lab's tables are installed and put back afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ABSENT = object()

Function = Callable[..., Any]


class Patches:
    """Remembers what each attribute was; `undo` restores all, last first."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        self._undo.append((owner, name, owner.__dict__.get(name, _ABSENT)))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Callable[[Function], Function]) -> None:
        """Raises KeyError when `owner` itself defines no `name`: then this is not the moto that we know."""
        self.set(owner, name, wrapper(owner.__dict__[name]))

    def undo(self) -> None:
        while self._undo:
            owner, name, value = self._undo.pop()
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
