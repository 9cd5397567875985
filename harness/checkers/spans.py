"""The lanes of a timeline: who served each vantage, where its DNS answers led, what the checkers' quorum was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from harness.checkers.tracks import tracks_of
from harness.events import DnsAnswer, Gap, HttpReply, Outcome, VantageName
from harness.history import History
from harness.stack import RegionName

L = TypeVar("L", DnsAnswer, HttpReply)


class Span(msgspec.Struct, frozen=True):
    """A stretch in which every look said the same. It lasts until the next look, unless that was missed."""

    start_s: float
    end_s: float
    region: RegionName | None
    outcome: Outcome
    looks: int


class QuorumPoint(msgspec.Struct, frozen=True):
    at_s: float
    checkers_healthy: int
    checkers_total: int
    healthy: bool


def served_spans(history: History, vantage: VantageName) -> list[Span]:
    """Which region served the vantage over HTTPS, and whether well."""
    tracks = tracks_of(history)
    gaps = [gap for gap in tracks.gaps[vantage] if gap.source != "dns"]
    return _merge(tracks.https[vantage].events, gaps, lambda reply: reply.region)


def dns_spans(history: History, vantage: VantageName) -> list[Span]:
    """Which region the name servers' answers to the vantage led to."""
    tracks = tracks_of(history)
    gaps = [gap for gap in tracks.gaps[vantage] if gap.source != "https"]
    return _merge(tracks.dns[vantage].events, gaps, lambda answer: answer.region)


def quorum_series(history: History, region: RegionName) -> list[QuorumPoint]:
    """How many checkers called the region healthy, poll by poll; polls that failed are left out."""
    return [
        QuorumPoint(seen.end_s, seen.checkers_healthy, seen.checkers_total, seen.healthy)
        for seen in tracks_of(history).health[region].events
        if seen.healthy is not None
    ]


def _merge(looks: Iterable[L], gaps: list[Gap], region_of: Callable[[L], RegionName | None]) -> list[Span]:
    spans: list[Span] = []
    missed_s = deque(sorted(gap.start_s for gap in gaps))
    before: L | None = None
    for look in looks:
        while before is not None and missed_s and missed_s[0] < before.start_s:
            missed_s.popleft()
        hole_s = missed_s[0] if before is not None and missed_s and missed_s[0] < look.start_s else None
        _extend(spans, look, region_of(look), hole_s)
        before = look
    return spans


def _extend(spans: list[Span], look: DnsAnswer | HttpReply, region: RegionName | None, hole_s: float | None) -> None:
    last = spans[-1] if spans else None
    if last and hole_s is None and (last.region, last.outcome) == (region, look.outcome):
        end_s = max(last.end_s, look.end_s)
        spans[-1] = Span(last.start_s, end_s, region, look.outcome, last.looks + 1)
        return
    if last:
        reaches_s = look.start_s if hole_s is None else max(last.start_s, hole_s)
        spans[-1] = Span(last.start_s, reaches_s, last.region, last.outcome, last.looks)
    spans.append(Span(look.start_s, look.end_s, region, look.outcome, 1))
