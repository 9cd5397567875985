"""One request on its way through a stage, and what templates and mappings may ask of it."""

from __future__ import annotations

import base64
import random
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from harness.clock import Clock
from harness.lab.gateway.variables import Input, Parameters

if TYPE_CHECKING:
    from harness.lab.gateway.served import ServedMethod, ServedStage

ACCOUNT = "123456789012"
"""moto's account, hence the lab's."""

# Not seeded: two gateways, or two runs of one lab, must never hand out the same request id, which is a primary key.
_ids = random.Random()
_ids.seed(uuid.uuid4().int)


def _new_uuid() -> str:
    """A version 4 UUID, four times faster than uuid.uuid4()."""
    digits = f"{_ids.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Request:
    """What came over the wire. Header names keep their case; values are text (latin-1, as HTTP has it)."""

    __slots__ = ("body", "headers", "host", "http_method", "path", "query", "source_address")

    def __init__(
        self, *, http_method: str, host: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes,
        source_address: str,
    ) -> None:  # fmt: skip
        self.http_method = http_method
        self.host = host
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.source_address = source_address

    def header(self, lower_name: str) -> str | None:
        for name, value in self.headers:
            if name.lower() == lower_name:
                return value
        return None


class Backend:
    """What the integration answered: a document, or text, or nothing."""

    __slots__ = ("document", "status", "text")

    def __init__(self, status: int, *, document: object = None, text: str | None = None) -> None:
        self.status = status
        self.document = document
        self.text = text


class Reply(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Call:
    """A request with its identity and, once routed, its place. Maps are built only when something asks for them."""

    __slots__ = (
        "_context", "_parameters", "clock", "extended_request_id", "held_s", "method", "path_parameters", "request",
        "request_id", "stage", "table_delay",
    )  # fmt: skip

    def __init__(self, request: Request, clock: Clock, table_delay: Callable[[], float] = lambda: 0.0) -> None:
        self.request = request
        self.clock = clock
        self.table_delay = table_delay
        """How much longer the next call of a table takes, in stack seconds."""
        self.held_s = 0.0
        """How long the reply is held back, in stack seconds."""
        self.request_id = _new_uuid()
        self.extended_request_id = base64.urlsafe_b64encode(_ids.randbytes(11)).decode()
        self.stage: ServedStage | None = None
        self.method: ServedMethod | None = None
        self.path_parameters: dict[str, str] = {}
        self._parameters: Parameters | None = None
        self._context: Context | None = None

    @property
    def parameters(self) -> Parameters:
        if self._parameters is None:
            query = dict(parse_qsl(self.request.query, keep_blank_values=True)) if self.request.query else {}
            self._parameters = Parameters(self.path_parameters, query, lambda: dict(self.request.headers))
        return self._parameters

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = Context(self)
        return self._context

    @property
    def overrides(self) -> dict[str, object] | None:
        """What templates wrote to `$context.responseOverride`; None when none touched it."""
        return None if self._context is None else self._context.get("responseOverride")  # type: ignore[return-value]

    def request_input(self) -> Input:
        return Input(self.parameters, text=self.request.body.decode("utf-8", "replace"))


class Context(dict[str, object]):
    """`$context`: each value is made when a template first asks for it, since most templates ask for one or two.

    A template may write to responseOverride and requestOverride: every call has its own.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def __missing__(self, name: str) -> object:
        value = self[name] = _CONTEXT[name](self._call)
        return value


_CONTEXT: dict[str, Callable[[Call], object]] = {
    "accountId": lambda _call: ACCOUNT,
    "apiId": lambda call: call.stage.api_id if call.stage else "",
    "domainName": lambda call: call.request.host,
    "domainPrefix": lambda call: call.request.host.partition(".")[0],
    "error": lambda _call: {},
    "extendedRequestId": lambda call: call.extended_request_id,
    "httpMethod": lambda call: call.request.http_method,
    "identity": lambda call: {
        "sourceIp": call.request.source_address,
        "userAgent": call.request.header("user-agent") or "",
    },
    "path": lambda call: call.request.path,
    "protocol": lambda _call: "HTTP/1.1",
    "requestId": lambda call: call.request_id,
    "requestOverride": lambda _call: {"header": {}, "path": {}, "querystring": {}},
    "requestTime": lambda call: call.clock.calendar().strftime("%d/%b/%Y:%H:%M:%S +0000"),
    "requestTimeEpoch": lambda call: int(call.clock.calendar().timestamp() * 1000),
    "resourcePath": lambda call: call.method.resource_path if call.method else "",
    "responseOverride": lambda _call: {"header": {}},
    "stage": lambda call: call.stage.name if call.stage else "",
}


class HttpDate:
    """The Date header, formatted at most once a wall second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._text = ""

    def text(self) -> str:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._text = self._clock.calendar().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return self._text
