"""Levers of a target: what no API of AWS can do to a stack, such as a delayed network. Only a lab has them.

`Endpoints.levers_url` says where they are; a target without one has none. A lever has a path, is turned by PUT with a
JSON body, undone by DELETE, and read by GET, which answers 404 while it is not turned.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Literal, TypeVar

import msgspec

from harness.errors import NeedsLevers, TargetError

T = TypeVar("T")

LeverMethod = Literal["PUT", "DELETE"]

REPLY_WITHIN_WALL_S = 10.0


class Levers:
    """Threads may share one.

    Raises:
        TargetError: a lever does not exist, refuses the body (the message has its reason), or nothing answers.
    """

    def __init__(self, levers_url: str) -> None:
        self._url = levers_url.rstrip("/")
        # The levers are on loopback: no proxy of the environment is asked.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def turn(self, method: LeverMethod, path: str, body: bytes | None = None) -> None:
        """PUT turns a lever, DELETE undoes it; doing either twice is harmless."""
        self._ask(method, path, body)

    def read(self, path: str) -> bytes | None:
        """The lever's body as it is now; None when it is not turned."""
        try:
            return self._ask("GET", path, None)
        except TargetError as error:
            if isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code == 404:
                return None
            raise

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/{path}", body, headers, method=method)
        try:
            with self._opener.open(request, timeout=REPLY_WITHIN_WALL_S) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            raise TargetError(f"lever {path}: {_reason(error.read())}") from error
        except OSError as error:
            raise TargetError(f"lever {path}: nothing answers at {self._url} ({error})") from error


def need_levers(levers_url: str | None, what: str) -> str:
    """`levers_url`. Raises NeedsLevers when the target has none, naming `what` wants them."""
    if levers_url is None:
        raise NeedsLevers(f"{what} needs levers that only a lab has: no API of AWS can do it; use `--target lab`")
    return levers_url


class _Refusal(msgspec.Struct):
    class Error(msgspec.Struct):
        field: str
        message: str

    error: Error


def _reason(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except msgspec.MsgspecError:
        return body.decode(errors="replace")
    return f"{error.field}: {error.message}"
