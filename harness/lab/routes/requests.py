"""Small JSON routes for the lab's own HTTP API: typed bodies in, structs out, errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote

import msgspec

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
T = TypeVar("T")

LARGEST_BODY_BYTES = 64 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    """Of the body ("delay.sigma"), of the query, or "path"."""
    message: str


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    error: Fault


class Refused(Exception):
    """Becomes the reply."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Request(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    parts: tuple[str, ...]
    """The path below the route's prefix, cut at its slashes."""
    query: dict[str, str]
    raw: bytes

    def body(self, kind: type[T]) -> T:
        """The body as `kind`; an empty one counts as {}.

        Raises:
            Refused: it is not; the message says which field and why.
        """
        try:
            return msgspec.json.decode(self.raw or b"{}", type=kind)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `")
            named = re.search(r"field `(\w+)`|^(\w+) = |: (\w+) = ", message)
            field = path.rstrip("`").removeprefix("$").lstrip(".") or next(
                (group for group in (named.groups() if named else ()) if group), "body"
            )
            raise Refused(400, field, message) from None
        except msgspec.DecodeError as error:
            raise Refused(400, "body", f"not JSON: {error}") from None

    def number(self, name: str, default: int) -> int:
        """A whole number of the query."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit()):
            raise Refused(400, name, f"{name}={text}: must be a whole number of at least 0")
        return int(text)


def json_app(prefix: str, answer: Callable[[Request], msgspec.Struct]) -> WsgiApp:
    """WSGI app for everything at and below `prefix`."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            status, reply = 200, answer(_request(prefix, environ))
        except Refused as refused:
            status = refused.status
            reply = ErrorReply(error=Fault(field=refused.field, message=str(refused)))
        body = msgspec.json.encode(reply)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {_REASONS[status]}", headers)
        return [body]

    return app


def _request(prefix: str, environ: dict[str, Any]) -> Request:
    below = environ.get("PATH_INFO", "").removeprefix(prefix)
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return Request(
        method=environ["REQUEST_METHOD"],
        parts=tuple(unquote(part) for part in below.split("/") if part),
        query={name: values[-1] for name, values in query.items()},
        raw=_read(environ),
    )


def _read(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > LARGEST_BODY_BYTES:
        raise Refused(400, "body", f"{length} bytes: at most {LARGEST_BODY_BYTES} are taken")
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    return body
