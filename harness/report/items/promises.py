"""Broken promises of the table: each with the smallest explanation that there is, and the calls that prove it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from harness.events import ItemRead, ItemWrite, Operation, Outcome
from harness.findings import Finding, Verdict
from harness.history import History

CONSISTENCY = "consistency-"
"""Every property's checker begins so."""
_NEXT = re.compile(r"; (?=key ['\"])")
"""An explanation tells of several keys, one after the other."""
_OUTCOMES = {Outcome.OK: "acknowledged", Outcome.FAIL: "refused", Outcome.UNKNOWN: "no reply: it may have happened"}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One read or write, as a row."""

    when: str
    region: str
    client: str
    what: str


class BrokenStory(msgspec.Struct, frozen=True, kw_only=True):
    told: str
    calls: tuple[Call, ...]
    """In order of start."""


class BrokenPromise(msgspec.Struct, frozen=True, kw_only=True):
    claim: str
    amount: str
    """ "3 violations on 2 keys"."""
    stories: tuple[BrokenStory, ...]


def broken_promises(history: History, findings: Sequence[Finding]) -> list[BrokenPromise]:
    """Those of consistency that fail, in the findings' order."""
    broken = (one for one in findings if one.checker.startswith(CONSISTENCY) and one.verdict is Verdict.FAIL)
    return [_promise(history, finding) for finding in broken]


def _promise(history: History, finding: Finding) -> BrokenPromise:
    amount, _, rest = finding.explanation.partition(": ")
    proof = [history[index] for index in finding.evidence if 0 <= index < len(history)]
    calls = [event for event in proof if isinstance(event, ItemWrite | ItemRead)]
    return BrokenPromise(
        claim=finding.claim, amount=amount, stories=tuple(_story(told, calls) for told in _NEXT.split(rest))
    )


def _story(told: str, calls: Sequence[ItemWrite | ItemRead]) -> BrokenStory:
    mine = [call for call in calls if told.startswith(f"key {call.key!r}: ")]
    return BrokenStory(told=told, calls=tuple(_call(call) for call in sorted(mine, key=lambda call: call.start_s)))


def _call(call: ItemWrite | ItemRead) -> Call:
    return Call(
        when=f"{call.start_s:.3f} to {call.end_s:.3f} s",
        region=call.region,
        client=call.client,
        what=_wrote(call) if isinstance(call, ItemWrite) else _saw(call),
    )


def _wrote(write: ItemWrite) -> str:
    what = "delete" if write.operation is Operation.DELETE else f"{write.operation.value} of {write.value!r}"
    based = f" in place of {write.based_on!r}" if write.based_on is not None else ""
    return f"{what}{based}: {_OUTCOMES[write.outcome]}"


def _saw(read: ItemRead) -> str:
    how = "" if read.consistent else " (eventually consistent)"
    if read.outcome is not Outcome.OK:
        return f"read{how}: no answer"
    if read.item is None:
        return f"read{how}: no item"
    return f"read{how}: {', '.join(f'{name} = {value!r}' for name, value in sorted(read.item.items()))}"
