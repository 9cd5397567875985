"""What mapping templates see: `$input`, `$util`, and maps that forgive."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import quote_plus, unquote_plus

import msgspec

from harness.events import Json
from harness.lab.gateway.jsonpath import MISSING, find

_NOT_READ = object()


class UnreadableBody(ValueError):
    """The template asks for a part of a body that is not JSON."""


class Parameters:
    """Path, query string and header parameters of a request; `find` looks in that order, as `$input.params(x)` does."""

    __slots__ = ("_headers", "_lower", "path", "querystring")

    def __init__(
        self, path: dict[str, str], querystring: dict[str, str], headers: Callable[[], dict[str, str]]
    ) -> None:
        self.path = path
        self.querystring = querystring
        self._headers = headers
        self._lower: dict[str, str] | None = None

    @property
    def header(self) -> dict[str, str]:
        return self._headers()

    def header_value(self, name: str) -> str | None:
        if self._lower is None:
            self._lower = {key.lower(): value for key, value in self._headers().items()}
        return self._lower.get(name.lower())

    def find(self, name: str) -> str | None:
        for values in (self.path, self.querystring):
            if name in values:
                return values[name]
        return self.header_value(name)


class Input:
    """`$input`. Holds a body as text, or as a document that is turned into text only when a template asks for it."""

    __slots__ = ("_document", "_parameters", "_text")

    def __init__(self, parameters: Parameters, *, text: str | None = None, document: object = _NOT_READ) -> None:
        self._parameters = parameters
        self._text = text
        self._document = document

    @property
    def body(self) -> str:
        if self._text is None:
            self._text = "" if self._document is _NOT_READ else to_json(self._document)
        return self._text

    def path(self, path: str = "$") -> object:
        """The value itself; an empty string when it is not there."""
        found = find(self._read(), path)
        return "" if found is MISSING else found

    def json(self, path: str = "$") -> str:
        """The value as JSON text; `""` when it is not there."""
        found = find(self._read(), path)
        return '""' if found is MISSING else to_json(found)

    def params(self, name: str | None = None) -> object:
        if name is not None:
            return self._parameters.find(name) or ""
        parameters = self._parameters
        return {"path": parameters.path, "querystring": parameters.querystring, "header": parameters.header}

    def _read(self) -> Json:
        if self._document is _NOT_READ:
            self._document = from_json(self._text) if self._text else {}
        return self._document  # type: ignore[return-value]


_JAVA_SCRIPT = {
    '"': '\\"',
    "'": "\\'",  # Not valid in JSON: AWS's own trap, which templates undo with .replaceAll("\\'","'").
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_NEEDS_ESCAPE = re.compile(r"[^ !#-&(-.0-\[\]-~]")


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _JAVA_SCRIPT:
        return _JAVA_SCRIPT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04X}" for at in range(0, len(units), 2))


class Util:
    """`$util`. Method names are AWS's."""

    @staticmethod
    def escapeJavaScript(value: object) -> str:  # noqa: N802
        return _NEEDS_ESCAPE.sub(_escape, value if isinstance(value, str) else to_text(value))

    @staticmethod
    def parseJson(text: str) -> Json:  # noqa: N802
        return from_json(text)

    @staticmethod
    def urlEncode(text: object) -> str:  # noqa: N802
        return quote_plus(to_text(text), safe="*")

    @staticmethod
    def urlDecode(text: object) -> str:  # noqa: N802
        return unquote_plus(to_text(text))

    @staticmethod
    def base64Encode(text: object) -> str:  # noqa: N802
        return base64.b64encode(to_text(text).encode()).decode()

    @staticmethod
    def base64Decode(text: object) -> str:  # noqa: N802
        return base64.b64decode(to_text(text)).decode("utf-8", "replace")


def to_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value)


def to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def from_json(text: str) -> Json:
    """Raises UnreadableBody."""
    try:
        return msgspec.json.decode(text)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableBody(f"Could not parse request body into json: {error}") from error
