"""What the faults that are done by a lab's levers share: levers are turned by PUT, and put back as they were."""

from __future__ import annotations

import msgspec

from harness.faults.calls import Call, LeverCall
from harness.faults.values import Values, ValuesFault
from harness.levers import need_levers
from harness.stack import Stack
from harness.target import Target

LEVERS_URL = "levers_url"

ON_AWS = "it happens, and no API of AWS orders it: only a lab's levers do, so it is refused on any other target"


class LeverFault(ValuesFault, frozen=True, kw_only=True):
    """Turns levers. A lever that was not turned is the empty string in the snapshot."""

    def levers(self) -> dict[str, msgspec.Struct]:
        """path -> what it is turned to."""
        raise NotImplementedError

    def resources(self, stack: Stack) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(f"lever:{path}" for path in self.levers())

    def read(self, target: Target) -> Values:
        levers = target.levers()
        return {path: _canonical(levers.read(path)) for path in self.levers()}

    def broken(self, snapshot: Values) -> Values:  # noqa: ARG002
        return {path: _canonical(_as_read_back(body)) for path, body in self.levers().items()}

    def snapshot(self, target: Target) -> Values:
        """Raises NeedsLevers where there are none."""
        url = need_levers(target.endpoints.levers_url, f"fault {self.describe()!r}")
        return {**super().snapshot(target), LEVERS_URL: url}

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return tuple(_turn(path, text, snapshot) for path, text in self.broken(snapshot).items())

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return tuple(_turn(path, snapshot[path], snapshot) for path in self.levers())


def _turn(path: str, text: str, snapshot: Values) -> LeverCall:
    """To what `text` says; undone when that is empty."""
    return LeverCall(
        method="PUT" if text else "DELETE",
        path=path,
        body=msgspec.Raw(text.encode()),
        levers_url=snapshot.get(LEVERS_URL, ""),
    )


def _as_read_back(body: msgspec.Struct) -> bytes:
    """With every number as its field has it: 5 for a float is 5.0."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(body), type=type(body)))


def _canonical(body: bytes | None) -> str:
    """The same text for the same lever, whoever wrote it."""
    return "" if body is None else msgspec.json.encode(msgspec.json.decode(body), order="sorted").decode()
