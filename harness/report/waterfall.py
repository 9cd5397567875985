"""Where the time went: each vantage's failover as bars that add up to what was measured, with the limits beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from harness.checkers.moments import Moment
from harness.events import HttpReply, VantageName
from harness.history import History
from harness.report.drawing import Axis, Bar, Box, Tick
from harness.report.failovers import DETECT, DETECT_BACK, DNS, DNS_BACK, HOME, RECOVER, JudgedFailover
from harness.report.scene import place_of

ROW_HEIGHT = 18.0
STEPS = (
    ("noticing", "Route 53's checkers notice"),
    ("following", "name servers follow"),
    ("cached", "the old answer is still cached (TTL)"),
    ("asking", "until the next request was answered"),
)
"""CSS class and meaning of each bar, in order."""


class Fall(msgspec.Struct, frozen=True):
    """One vantage: seconds of each step; they add up to `total_s`."""

    vantage: VantageName
    steps_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        return sum(self.steps_s)


class Waterfall(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    height: float
    bars: tuple[Bar, ...]
    rows: tuple[tuple[float, str, str, str], ...]
    """y, label, total, and all in words."""
    limits: tuple[Tick, ...]
    """Their level tells which: 0 of the first step, 1 of the first two, 2 of all."""
    ticks: tuple[Tick, ...]


def waterfalls(history: History, judged: JudgedFailover) -> list[Waterfall]:
    """Away and home again; only those in which somebody moved."""
    times, window = judged.times, judged.times.window
    away = [(seen.vantage, seen.dns_changed, seen.recovered) for seen in times.vantages]
    back = [(seen.vantage, seen.dns_back, seen.home) for seen in times.vantages]
    found = [
        _waterfall(
            f"{times.region} breaks: until its users were well elsewhere",
            _falls(history, away, times.detected, window.injected_s),
            [judged.limit_s(checker) for checker in (DETECT, DNS, RECOVER)],
        )
    ]
    if window.rolled_back_s is not None:
        found.append(
            _waterfall(
                f"{times.region} is mended: until its users were home",
                _falls(history, back, times.healthy_again, window.rolled_back_s),
                [judged.limit_s(checker) for checker in (DETECT_BACK, DNS_BACK, HOME)],
            )
        )
    return [waterfall for waterfall in found if waterfall.rows]


def _falls(
    history: History,
    moments: Iterable[tuple[VantageName, Moment | None, Moment | None]],
    noticed: Moment | None,
    from_s: float,
) -> list[Fall]:
    noticed_s = noticed.by_s if noticed else None
    falls = []
    for vantage, dns, arrived in moments:
        if arrived is not None and arrived.by_s is not None:
            known_s = (noticed_s, dns.by_s if dns else None, _expired_s(history, arrived))
            falls.append(Fall(vantage, _steps_s(from_s, known_s, arrived.by_s)))
    return sorted(falls, key=lambda fall: (fall.total_s, fall.vantage))


def _steps_s(from_s: float, ends_s: tuple[float | None, float | None, float | None], by_s: float) -> tuple[float, ...]:
    """Each step ends where the next begins; the time of one whose end nobody saw is counted with the next.

    Looks are made from time to time, so a cause may be seen after its effect: it was there by then at the latest. A
    cache that had expired before DNS changed delayed nobody: who asked anew still got the old answer.
    """
    noticed_s, dns_s, expired_s = ends_s
    known_s = from_s if noticed_s is None else min(noticed_s, by_s if dns_s is None else dns_s, by_s)
    changed_s = known_s if dns_s is None else min(dns_s, by_s)
    fresh_s = changed_s if expired_s is None else min(max(expired_s, changed_s), by_s)
    return (known_s - from_s, changed_s - known_s, fresh_s - changed_s, by_s - fresh_s)


def _expired_s(history: History, arrived: Moment) -> float | None:
    """When the answer that the last request before the change was made by had outlived its TTL."""
    before = history[arrived.evidence[0]] if len(arrived.evidence) > 1 else None
    if isinstance(before, HttpReply) and before.resolved_s is not None:
        return before.resolved_s + history.header.stack.record_ttl_s
    return None


def _waterfall(title: str, falls: Sequence[Fall], limits_s: Sequence[float | None]) -> Waterfall:
    known_s = [limit_s for limit_s in limits_s if limit_s is not None]
    axis = Axis(from_s=0.0, until_s=1.04 * max([*known_s, *(fall.total_s for fall in falls)], default=1.0))
    bars = [bar for row, fall in enumerate(falls) for bar in _bars(axis, row * ROW_HEIGHT, fall)]
    return Waterfall(
        title=title,
        height=len(falls) * ROW_HEIGHT,
        bars=tuple(bars),
        rows=tuple(_row(row * ROW_HEIGHT + ROW_HEIGHT / 2, fall) for row, fall in enumerate(falls)),
        limits=tuple(
            Tick(axis.x(limit_s), f"{limit_s:.0f} s", step)
            for step, limit_s in enumerate(limits_s)
            if limit_s is not None
        ),
        ticks=tuple(tick for tick in axis.ticks(0.0) if tick.level == 0),
    )


def _bars(axis: Axis, y: float, fall: Fall) -> Iterable[Bar]:
    from_s = 0.0
    for (looks, _meaning), step_s in zip(STEPS, fall.steps_s, strict=True):
        if step_s > 0:
            yield axis.bar(from_s, from_s + step_s, Box(y + 3, ROW_HEIGHT - 6), looks)
        from_s += step_s


def _row(y: float, fall: Fall) -> tuple[float, str, str, str]:
    told = ", ".join(f"{meaning} {step_s:.1f} s" for (_, meaning), step_s in zip(STEPS, fall.steps_s, strict=True))
    return y, place_of(fall.vantage), f"{fall.total_s:.1f} s", f"{fall.vantage}: {told}; together {fall.total_s:.1f} s"
