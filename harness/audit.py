"""The audit log: every AWS call that a run makes, one line of JSON each, in the run's folder.

docs/audit-log.md says what stands in a line. A call that changes something has a line before it is sent as well, so
that not even `kill -9` leaves a change that no line tells of.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks
    from botocore.model import OperationModel, Shape

LONGEST_TEXT = 1000
"""Of one parameter; a template of 50 kB says nothing in a log but its length."""
HIDDEN = "(left out)"

_SECRET = re.compile(
    r"secret|password|passphrase|private.?key|session.?token|credential|authorization|apikey", re.IGNORECASE
)
_READS = ("Get", "List", "Describe", "Test", "BatchGet", "Query", "Scan", "Head", "Validate")
_STATE = "harness_audit"
"""Where botocore's context of a call keeps what its first event left for its last."""


class LoggedCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `number` joins the two lines of a call that changes something."""

    at: str
    """RFC 3339, UTC, wall time: when the call was begun, in both lines."""
    number: int
    phase: Literal["begun", "ended"]
    service: str
    region: str
    operation: str
    changes: bool
    """False: it only reads."""
    parameters: msgspec.Raw
    """As they were given; secrets left out, long texts and binary data by their length."""
    status: int | None = None
    """HTTP; None when no reply came."""
    request_id: str | None = None
    error: str | None = None
    """AWS's code and message, or what came instead of a reply."""
    retries: int = 0
    wall_ms: float | None = None


Listen = Callable[[LoggedCall], None]


class AuditLog:
    """Appends to `path`. Each line is one write of whole lines, as a history's: SIGKILL loses none that was begun.

    A line that cannot be written (a full disk) is counted in `lost` and stops nothing: a rollback matters more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        self.reason: str | None = None
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, call: LoggedCall) -> None:
        line = msgspec.json.encode(call) + b"\n"
        try:
            if os.write(self._fd, line) != len(line):
                raise OSError("only a part of the line was written")  # noqa: TRY301
        except OSError as error:
            self.lost += 1
            self.reason = error.strerror or str(error)

    def close(self) -> None:
        """Later calls are not written; twice is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class CallListener:
    """Turns botocore's events into logged calls for whoever listens; costs next to nothing while nobody does."""

    def __init__(self) -> None:
        self._listeners: tuple[Listen, ...] = ()
        self._numbers = itertools.count(1)

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Calls `listener` with every line, on the calling thread. Returns the call that ends it."""
        self._listeners = (*self._listeners, listener)

        def stop() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return stop

    def attach(self, events: BaseEventHooks, region: str) -> None:
        """To a client's events."""

        def begun(params: Mapping[str, Any], model: OperationModel, context: dict[str, Any], **_: Any) -> None:
            if self._listeners:
                context[_STATE] = self._begin(params, model, region)

        def ended(parsed: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
            self._end(context, parsed.get("ResponseMetadata", {}), _refusal(parsed))

        def failed(exception: BaseException, context: dict[str, Any], **_: Any) -> None:
            self._end(context, {}, f"{type(exception).__name__}: {exception}")

        events.register("before-parameter-build", begun)
        events.register("after-call", ended)
        events.register("after-call-error", failed)

    def _begin(self, params: Mapping[str, Any], model: OperationModel, region: str) -> tuple[LoggedCall, float]:
        operation = str(model.name)
        call = LoggedCall(
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            number=next(self._numbers),
            phase="begun",
            service=str(model.service_model.service_name),
            region=region,
            operation=operation,
            changes=not operation.startswith(_READS),
            parameters=msgspec.Raw(msgspec.json.encode(_shown(params, model.input_shape))),
        )
        if call.changes:
            self._tell(call)
        return call, time.monotonic()

    def _end(self, context: dict[str, Any], reply: Mapping[str, Any], error: str | None) -> None:
        if _STATE not in context:
            return  # Nobody listened when it was begun.
        call, began_s = context.pop(_STATE)
        self._tell(
            msgspec.structs.replace(
                call,
                phase="ended",
                status=reply.get("HTTPStatusCode"),
                request_id=reply.get("RequestId"),
                error=error,
                retries=int(reply.get("RetryAttempts", 0)),
                wall_ms=round((time.monotonic() - began_s) * 1000, 3),
            )
        )

    def _tell(self, call: LoggedCall) -> None:
        for listener in self._listeners:
            listener(call)


def read_audit_log(path: Path) -> list[LoggedCall]:
    """Whole lines in their order; one that a crash cut short is skipped."""
    decoder = msgspec.json.Decoder(LoggedCall)
    lines = path.read_bytes().split(b"\n")
    return [decoder.decode(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]


def _refusal(parsed: Mapping[str, Any]) -> str | None:
    error = parsed.get("Error")
    return f"{error.get('Code', '')}: {error.get('Message', '')}" if error else None


def _shown(value: Any, shape: Shape | None, name: str = "") -> Any:
    """A parameter as a log may show it."""
    if _SECRET.search(name) or (shape is not None and shape.metadata.get("sensitive")):
        return HIDDEN
    match value:
        case Mapping():
            members = getattr(shape, "members", None) or {}
            return {
                key: _shown(each, members.get(key) or getattr(shape, "value", None), key) for key, each in value.items()
            }
        case list() | tuple():
            return [_shown(each, getattr(shape, "member", None)) for each in value]
        case str() if len(value) > LONGEST_TEXT:
            return f"({len(value)} characters)"
        case bytes() | bytearray():
            return f"({len(value)} bytes)"
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)
