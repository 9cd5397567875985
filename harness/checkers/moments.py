"""When something happened, as far as looking from time to time can tell, and whether that was in time."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from harness.checkers.limits import Limit
from harness.findings import Finding, Verdict


class Sight(enum.Enum):
    """What one look says about a change that is waited for."""

    STILL = "still as before"
    LOST = "no good reply at all"
    """Not well yet, but no proof that things went back either."""
    CHANGED = "changed"


class Look(msgspec.Struct, frozen=True):
    index: int
    start_s: float
    end_s: float
    sight: Sight


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A change that came after `after_s` and not later than `by_s`; seen by nobody when `by_s` is None."""

    after_s: float
    by_s: float | None
    evidence: tuple[int, ...] = ()


def final_change(looks: Iterable[Look], from_s: float) -> Moment:
    """The start of the last stretch of CHANGED that nothing STILL interrupts.

    A look that began before the change and one that ended after it enclose it. LOST looks leave a stretch whole, but
    the change is not dated before one that stands right before the first CHANGED.
    """
    before: Look | None = None
    first: Look | None = None
    for look in looks:
        if look.sight is Sight.CHANGED:
            first = first or look
        elif look.sight is Sight.STILL or first is None:
            before, first = look, None
    after_s = max(from_s, before.start_s) if before else from_s
    evidence = tuple(look.index for look in (before, first) if look)
    return Moment(after_s=after_s, by_s=max(from_s, first.end_s) if first else None, evidence=evidence)


def first_change(looks: Iterable[Look], from_s: float) -> Moment:
    """The first CHANGED, enclosed by the look before it."""
    before: Look | None = None
    for look in looks:
        if look.sight is Sight.CHANGED:
            evidence = (before.index, look.index) if before else (look.index,)
            after_s = max(from_s, before.start_s) if before else from_s
            return Moment(after_s=after_s, by_s=max(from_s, look.end_s), evidence=evidence)
        before = look
    after_s = max(from_s, before.start_s) if before else from_s
    return Moment(after_s=after_s, by_s=None, evidence=(before.index,) if before else ())


def verdict_of(moment: Moment, from_s: float, limit_s: float) -> Verdict:
    """PASS when surely in time, FAIL when surely late; UNKNOWN when it was not looked at often or long enough."""
    if moment.by_s is not None and moment.by_s - from_s <= limit_s:
        return Verdict.PASS
    return Verdict.FAIL if moment.after_s - from_s > limit_s else Verdict.UNKNOWN


def in_time(
    checker: str, claim: str, moment: Moment, *, from_s: float, limit: Limit, subject: str, samples: int
) -> Finding:
    """Whether a moment came within a limit counted from `from_s`."""
    by_s = moment.by_s
    return Finding(
        checker=checker,
        claim=claim,
        verdict=verdict_of(moment, from_s, limit.at_most_s),
        explanation=f"{describe(moment, from_s)}; {limit.sentence}",
        measured=None if by_s is None else by_s - from_s,
        limit=limit.at_most_s,
        unit="s",
        uncertainty=None if by_s is None else by_s - max(moment.after_s, from_s),
        samples=samples,
        subject=subject,
        evidence=moment.evidence,
    )


def describe(moment: Moment, from_s: float) -> str:
    at_least_s = max(0.0, moment.after_s - from_s)
    if moment.by_s is None:
        return f"not seen, last looked {at_least_s:.1f} s after"
    return f"seen after {moment.by_s - from_s:.1f} s, not before {at_least_s:.1f} s"
