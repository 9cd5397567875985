"""Clients that moved to another region: what they still saw of what they had written and read, the worst first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from harness.checkers.session import Session
from harness.report.words import count, seconds

SHOWN_AT_MOST = 20


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    summary: str
    shown: tuple[Move, ...]
    """Those that saw old data, the longest first, and then others; not all when they are many."""
    left_out: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One client's move, in words."""

    client: str
    from_region: str
    to_region: str
    moved_s: float
    stale: bool
    stale_for: str
    own_missed: str
    went_back: str


def moves_of(sessions: Sequence[Session]) -> Moves | None:
    """None when nobody moved that could have missed something."""
    if not sessions:
        return None
    worst_first = sorted(sessions, key=lambda one: (-one.stale_high_s, -one.stale_low_s, -one.reads, one.moved_s))
    hidden = worst_first[SHOWN_AT_MOST:]
    return Moves(
        summary=moves_sentence(sessions),
        shown=tuple(_move(one) for one in worst_first[:SHOWN_AT_MOST]),
        left_out=_left_out(hidden),
    )


def moves_sentence(sessions: Sequence[Session]) -> str:
    """ "after 2 of 16 moves of 8 clients old data was seen, for at most 2.20 s"."""
    stale = [one for one in sessions if one.stale]
    tested = [one for one in sessions if one.reads]
    if not tested:
        return "nobody that moved looked at what was theirs"
    who = f"{count(len(tested), 'move')} of {count(len({one.client for one in tested}), 'client')}"
    if not stale:
        return f"after none of {who} was old data seen"
    longest = max(stale, key=lambda one: (one.stale_high_s, one.stale_low_s))
    return f"after {len(stale)} of {who} old data was seen, {_until(longest)}"


def _until(one: Session) -> str:
    if math.isinf(one.stale_high_s):
        return f"still {seconds(one.stale_low_s)} s later, and not fresh by the end"
    return f"for at most {seconds(one.stale_high_s)} s"


def _move(one: Session) -> Move:
    return Move(
        client=one.client,
        from_region=one.from_region,
        to_region=one.to_region,
        moved_s=one.moved_s,
        stale=one.stale,
        stale_for=_stale_for(one),
        own_missed=_of_reads(one.own_missed, one),
        went_back=_of_reads(one.went_back, one),
    )


def _stale_for(one: Session) -> str:
    if not one.reads:
        return "not known: it read nothing of its own"
    if not one.stale:
        return "not at all"
    low, high = seconds(one.stale_low_s), seconds(one.stale_high_s) if math.isfinite(one.stale_high_s) else ""
    return f"{low} to {high} s" if high else f"{low} s or more: not fresh by the end"


def _of_reads(amount: int, one: Session) -> str:
    failed = f", {one.failed_reads:,} failed" if one.failed_reads else ""
    return f"{amount:,} of {one.reads:,} reads{failed}"


def _left_out(hidden: Sequence[Session]) -> str:
    stale = sum(one.stale for one in hidden)
    if not hidden:
        return ""
    return (
        f"and {count(len(hidden), 'more move')}, {stale:,} of them with old data"
        if stale
        else (f"and {count(len(hidden), 'more move')} without old data")
    )
