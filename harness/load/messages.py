"""What locust's master and its workers tell each other beside locust's own messages. A lone process tells itself."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from harness.load.connections import Connections
from harness.target import TargetFile
from harness.vantages import Vantage

BEGIN, BATCH, KEPT, PING, PONG, SWEEP, SWEPT, END, ENDED, REFUSED = (
    f"harness-{name}"
    for name in ("begin", "batch", "kept", "ping", "pong", "sweep", "swept", "end", "ended", "refused")
)

T = TypeVar("T", bound=msgspec.Struct)


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Master to worker, before its users are spawned: all that it needs, so that it needs no options of its own."""

    version: str
    """The harness's; a worker of another one refuses."""
    run: str
    started_at: str
    """RFC 3339: wall time, by the master's clock, of stack second 0."""
    target: TargetFile
    ca_pem: str | None
    """The certificates to verify with, when the target names a file: the worker's machine may not have it."""
    vantages: tuple[Vantage, ...]
    """The worker's share."""
    connections: Connections
    item_path: str
    every_wall_s: float
    """Between the beginnings of a user's requests."""
    seed: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Worker to master: whole lines of a history, in order, and what there is to know of the worker."""

    worker: str
    run: str
    number: int
    """From 0, without a gap."""
    lines: bytes
    events: int
    until_s: float
    """The worker's record is complete up to here."""
    made: tuple[str, ...] = ()
    """Keys of items that its users made."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Master to worker: the batch is on disk."""

    run: str
    number: int


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """Worker to master, by the worker's wall clock; the master answers with a Pong."""

    sent_at: float


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    sent_at: float
    master_at: float
    """The master's wall clock when it answered."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Master to worker: stop the users, send what is left."""

    run: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Worker to master, after its last batch was kept."""

    worker: str
    run: str
    events: int
    """That it recorded in all."""
    unsent: int
    """Of them, those that the master did not confirm in time."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    reason: str


def pack(message: msgspec.Struct) -> dict[str, Any]:
    """As locust's msgpack takes it."""
    packed: dict[str, Any] = msgspec.to_builtins(message, builtin_types=(bytes,))
    return packed


def unpack(data: object, kind: type[T]) -> T:
    """Raises msgspec.ValidationError when it is not one: from another version."""
    return msgspec.convert(data, kind, builtin_types=(bytes,))
