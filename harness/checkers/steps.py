"""Where the time of a failover went, vantage by vantage: steps that stand end to end and add up to what was measured.

A step ends when its event was first seen. Looks are made from time to time, so a cause may be seen after its effect;
it was there by then at the latest, and its step ends there. The time of a step whose end nobody saw is counted with
the next. Times are rounded to 2⁻²⁰ s (1 µs), on which grid floats add and subtract exactly: the steps' sum is the
total, not nearly so.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from harness.checkers.limits import Allowances, Limit, client_limit, detection_limit, dns_limit
from harness.checkers.moments import Moment
from harness.checkers.timeline import FailoverTimes, VantageTimes
from harness.checkers.tracks import tracks_of
from harness.events import HttpReply, VantageName
from harness.history import History
from harness.resolving import Resolver
from harness.stack import Stack

_GRID = 2.0**20


class Step(enum.Enum):
    """What a step waits for, in order. Each value completes "the time until ..."."""

    FIRST_CHECKER = "the first health checker said so"
    QUORUM = "enough checkers said so"
    DNS = "the name servers answered accordingly"
    CACHE = "the answer in the resolver's cache expired"
    ASKED = "the user asked again"
    CONNECTED = "the user's resolver had an answer and a connection was made"
    FIRST_BYTE = "the first byte of a good reply came"
    COMPLETE = "that reply was complete"


class StepTime(msgspec.Struct, frozen=True):
    step: Step
    start_s: float
    end_s: float
    """As `start_s` in stack seconds since the run began."""
    by_at_most_s: float | None
    """The theoretical bound on the time from the fault until the step's end; None where no rule gives one."""

    @property
    def took_s(self) -> float:
        return self.end_s - self.start_s


class Waterfall(msgspec.Struct, frozen=True, kw_only=True):
    """One vantage's way to another region, or back. `from_s` is when the fault began to bite, or was undone."""

    vantage: VantageName
    from_s: float
    steps: tuple[StepTime, ...]
    """One for each `Step`, in order."""
    limit: Limit
    """Of the whole."""

    @property
    def total_s(self) -> float:
        """Until the first good reply was complete: what `VantageTimes.recovered` or `.home` measured."""
        return self.steps[-1].end_s - self.from_s


def failover_steps(
    history: History, times: FailoverTimes, vantage: VantageName, allowances: Allowances | None = None
) -> Waterfall | None:
    """From the fault until the vantage was well elsewhere; None when it was not seen to get there."""
    seen, window = _of(times, vantage), times.window
    if seen is None or seen.recovered is None:
        return None
    checker_s = _first_checker_s(history, times, since_s=window.injecting_s, until_s=window.rolling_back_s, sick=True)
    way = _Way(window.injected_s, (checker_s, times.detected.by_s, _by_s(seen.dns_changed)), seen.recovered)
    return _waterfall(history, vantage, way, allowances or Allowances())


def failback_steps(
    history: History, times: FailoverTimes, vantage: VantageName, allowances: Allowances | None = None
) -> Waterfall | None:
    """From the end of the rollback until the vantage was home; None when it was not seen to get there."""
    seen, window = _of(times, vantage), times.window
    if seen is None or seen.home is None or window.undoing_s is None or window.rolled_back_s is None:
        return None
    checker_s = _first_checker_s(history, times, since_s=window.undoing_s, until_s=window.until_s, sick=False)
    way = _Way(window.rolled_back_s, (checker_s, _by_s(times.healthy_again), _by_s(seen.dns_back)), seen.home)
    return _waterfall(history, vantage, way, allowances or Allowances())


def all_steps(
    history: History, times: FailoverTimes, allowances: Allowances | None = None
) -> tuple[list[Waterfall], list[Waterfall]]:
    """(away, home again) of every vantage that was seen to get there, the quickest first."""
    names = [seen.vantage for seen in times.vantages]
    away = (failover_steps(history, times, name, allowances) for name in names)
    back = (failback_steps(history, times, name, allowances) for name in names)
    return _quickest_first(away), _quickest_first(back)


class _Way(NamedTuple):
    from_s: float
    causes_s: tuple[float | None, float | None, float | None]
    """When the first checker, the quorum and the name servers were seen to have changed."""
    arrived: Moment


def _waterfall(history: History, vantage: VantageName, way: _Way, allowances: Allowances) -> Waterfall | None:
    arrived, stack = way.arrived, history.header.stack
    reply = history[arrived.evidence[-1]] if arrived.evidence else None
    if arrived.by_s is None or not isinstance(reply, HttpReply):
        return None
    effects_s = (*_moments_of(reply), arrived.by_s)
    ends_s = _in_order(way.from_s, way.causes_s, _expired_s(history, arrived), effects_s)
    starts_s = (_rounded(way.from_s), *ends_s[:-1])
    return Waterfall(
        vantage=vantage,
        from_s=starts_s[0],
        steps=tuple(map(StepTime, Step, starts_s, ends_s, _bounds_s(stack, allowances))),
        limit=client_limit(stack, allowances),
    )


def _of(times: FailoverTimes, vantage: VantageName) -> VantageTimes | None:
    return next((seen for seen in times.vantages if seen.vantage == vantage), None)


def _by_s(moment: Moment | None) -> float | None:
    return moment.by_s if moment else None


def _in_order(
    from_s: float, causes_s: Sequence[float | None], expired_s: float | None, effects_s: Sequence[float | None]
) -> tuple[float, ...]:
    """The ends of all steps, none before the one before it and none after the last effect."""
    *_, by_s = (at_s for at_s in effects_s if at_s is not None)
    asked_s = by_s if effects_s[0] is None else effects_s[0]
    # A cache that had expired before DNS changed delayed nobody: who asked anew still got the old answer.
    cache_s = None if expired_s is None else min(expired_s, asked_s)
    backwards_s = [*_never_after_the_next(causes_s, asked_s), cache_s]
    ends_s: list[float] = []
    for at_s in (*backwards_s, *_never_after_the_next(effects_s, by_s)):
        before_s = ends_s[-1] if ends_s else _rounded(from_s)
        ends_s.append(before_s if at_s is None else max(before_s, _rounded(at_s)))
    return tuple(ends_s)


def _never_after_the_next(moments_s: Sequence[float | None], last_s: float) -> list[float | None]:
    """Each at the latest when the one after it was seen."""
    earliest_s, found = last_s, list[float | None]()
    for at_s in reversed(moments_s):
        earliest_s = earliest_s if at_s is None else min(at_s, earliest_s)
        found.append(None if at_s is None else earliest_s)
    return found[::-1]


def _moments_of(reply: HttpReply) -> tuple[float, float | None, float | None]:
    """When the request began, its connection stood and its first byte came; None where that was not measured."""
    parts_s = (reply.dns_s, reply.connect_s, reply.tls_s)
    if reply.connect_s is None and reply.connection_age_s is None:
        return reply.start_s, None, None
    connected_s = reply.start_s + sum(part_s for part_s in parts_s if part_s is not None)
    return reply.start_s, connected_s, None if reply.first_byte_s is None else connected_s + reply.first_byte_s


def _first_checker_s(
    history: History, times: FailoverTimes, *, since_s: float, until_s: float, sick: bool
) -> float | None:
    """The first poll in which fewer checkers (more, on the way back) called the region healthy than before it.

    A checker says so after as many failures in a row as the threshold: Route 53 tells what checkers say, not every
    look that they take.
    """
    polls = tracks_of(history).health[times.region]
    before = polls.last_before(since_s, lambda poll: poll.healthy is not None)
    if before is None:
        return None
    at_first = before[1].checkers_healthy
    for _, poll in polls.between(since_s, until_s):
        changed = poll.checkers_healthy < at_first if sick else poll.checkers_healthy > at_first
        if poll.healthy is not None and changed:
            return poll.end_s
    return None


def _expired_s(history: History, arrived: Moment) -> float | None:
    """When the answer that the last request before the change was made by had left the cache of its resolver."""
    before = history[arrived.evidence[0]] if len(arrived.evidence) > 1 else None
    if not isinstance(before, HttpReply) or before.resolved_s is None:
        return None
    ttl_s = history.header.stack.record_ttl_s if before.ttl_s is None else before.ttl_s
    named = (vantage.resolver for vantage in history.header.vantages if vantage.name == before.vantage)
    return before.resolved_s + next(named, Resolver()).kept_s(ttl_s)


def _bounds_s(stack: Stack, allowances: Allowances) -> tuple[float | None, ...]:
    detected_s, dns_s = detection_limit(stack, allowances).at_most_s, dns_limit(stack, allowances).at_most_s
    asked_s = client_limit(stack, allowances).at_most_s
    return (detected_s, detected_s, dns_s, dns_s + stack.record_ttl_s, asked_s, None, None, None)


def _rounded(at_s: float) -> float:
    return round(at_s * _GRID) / _GRID


def _quickest_first(falls: Iterable[Waterfall | None]) -> list[Waterfall]:
    found = [fall for fall in falls if fall is not None]
    return sorted(found, key=lambda fall: (fall.total_s, fall.vantage))
