"""Where each key of a TOML text stands: tomllib tells positions of bad syntax only, and people look for lines.

The text is known to be good TOML, so this only has to skip values, not to understand them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

KeyPath = tuple[str | int, ...]
"""("experiments", 1, "scenario")"""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


class Position(msgspec.Struct, frozen=True):
    """Counted from 1, as editors do."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


def key_positions(text: str) -> dict[KeyPath, Position]:
    """The position of every key, table header and element of an array."""
    return _Scanner(text).document()


def position_of(path: KeyPath, positions: Mapping[KeyPath, Position]) -> Position | None:
    """Of the key, or of the innermost thing around it that stands in the text."""
    for length in range(len(path), 0, -1):
        if path[:length] in positions:
            return positions[path[:length]]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[KeyPath, Position] = {}
        self._lengths: dict[KeyPath, int] = {}
        """How many tables an array of tables has so far."""

    def document(self) -> dict[KeyPath, Position]:
        table: KeyPath = ()
        while self._skip(_BETWEEN) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _header(self) -> KeyPath:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        path: KeyPath = ()
        keys = self._keys()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path, start)
            if many and number == len(keys):
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        self._note(path, start)
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        start, path = self._at, table
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                keys.append(self._string()[1:-1])
            else:
                bare = _BARE.match(self._text, self._at)
                assert bare
                self._at = bare.end()
                keys.append(bare.group())
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        match self._text[self._at]:
            case '"' | "'":
                self._string()
            case "[":
                self._each("]", lambda number: self._element((*path, number)))
            case "{":
                self._each("}", lambda _number: self._pair(path))
            case _:
                self._skip(_SCALAR)

    def _element(self, path: KeyPath) -> None:
        self._note(path, self._at)
        self._value(path)

    def _each(self, closing: str, read: Callable[[int], None]) -> None:
        self._at += 1
        number = 0
        while True:
            self._skip(_BETWEEN)
            if self._text[self._at] == closing:
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            read(number)
            number += 1

    def _string(self) -> str:
        found = next(match for pattern in _STRINGS if (match := pattern.match(self._text, self._at)))
        self._at = found.end()
        return found.group()

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _note(self, path: KeyPath, at: int) -> None:
        line = self._text.count("\n", 0, at) + 1
        self._found.setdefault(path, Position(line, at - self._text.rfind("\n", 0, at)))
