"""What a broken property looks like: the few operations that prove it, and a sentence that a person can follow."""

from __future__ import annotations

import enum

import msgspec

from harness.checkers.consistency.story import Look, Written, spoken
from harness.events import Operation
from harness.stack import RegionName


class Property(enum.Enum):
    """Each is defined by the function of that name in `definitions`."""

    CONVERGED = "converged"
    WRITTEN = "written"
    WHOLE = "whole"
    LATER_WINS = "later-wins"
    DELETED_STAYS_AWAY = "deleted-stays-away"
    NEVER_BACK = "never-back"
    OWN_WRITES_SEEN = "own-writes-seen"
    NOTHING_LOST = "nothing-lost"
    TELLABLE = "tellable"
    """Not about the stack but about the history: values are unique, and nothing is read before it is written."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """`operations` are indexes into the history, in the order of the sentence; the last one is where it showed."""

    property: Property
    key: str
    operations: tuple[int, ...]
    regions: tuple[RegionName, ...]
    start_s: float
    """From the first operation's start."""
    end_s: float
    """To the last one's end."""
    text: str


def violation(broken: Property, key: str, operations: tuple[Written | Look, ...], text: str) -> Violation:
    """Of operations in the order of the sentence; one that is named twice counts once."""
    once = list({operation.index: operation for operation in operations}.values())
    events = [operation.write if isinstance(operation, Written) else operation.read for operation in once]
    return Violation(
        property=broken,
        key=key,
        operations=tuple(operation.index for operation in once),
        regions=tuple(dict.fromkeys(event.region for event in events)),
        start_s=min(event.start_s for event in events),
        end_s=max(event.end_s for event in events),
        text=f"key {key!r}: {text}",
    )


def of_write(written: Written) -> str:
    """A write as a sentence names it: what, where, when, by whom."""
    write = written.write
    what = "delete" if write.operation is Operation.DELETE else f"{write.operation.value} of {write.value!r}"
    return f"{what} in {write.region} ({write.start_s:.3f}-{write.end_s:.3f} s, {write.client}, {write.outcome.value})"


def of_look(look: Look) -> str:
    read = look.read
    how = "" if read.consistent else ", eventually consistent"
    return f"{read.region} showed {spoken(read.item)} ({read.start_s:.3f}-{read.end_s:.3f} s{how})"
