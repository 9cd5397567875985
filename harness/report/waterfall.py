"""Where the time went: each vantage's failover as bars that add up to what was measured, with the bounds beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from harness.checkers.steps import Step, Waterfall, all_steps
from harness.history import History
from harness.report.drawing import Axis, Bar, Box, Tick
from harness.report.failovers import DETECT, DETECT_BACK, DNS, DNS_BACK, HOME, RECOVER, JudgedFailover
from harness.report.scene import place_of

ROW_HEIGHT = 18.0
STEPS = {
    Step.FIRST_CHECKER: ("first-checker", "a first checker notices"),
    Step.QUORUM: ("quorum-agrees", "enough checkers agree"),
    Step.DNS: ("following", "name servers follow"),
    Step.CACHE: ("cached", "the old answer is still cached (TTL)"),
    Step.ASKED: ("asking", "until the user asks again"),
    Step.CONNECTED: ("connecting", "resolving and connecting"),
    Step.FIRST_BYTE: ("first-byte", "until the first byte"),
    Step.COMPLETE: ("complete", "until the reply is whole"),
}
"""CSS class and meaning of each bar, in order."""
BOUNDED = (Step.QUORUM, Step.DNS, Step.CACHE, Step.ASKED)
"""Steps by whose end a rule says how much time may have passed."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One vantage's steps, as told: rounded so that they still add up to the total, to the last digit."""

    y: float
    place: str
    vantage: str
    total: str
    steps: tuple[str, ...]
    told: str


class Falls(msgspec.Struct, frozen=True, kw_only=True):
    """The waterfalls of all vantages, away or home again."""

    title: str
    height: float
    bars: tuple[Bar, ...]
    rows: tuple[Row, ...]
    limits: tuple[Tick, ...]
    """Their level tells which: an index into `BOUNDED`."""
    ticks: tuple[Tick, ...]

    @property
    def bounds(self) -> str:
        """In words: "checkers 104 s, DNS 114 s, cache 174 s, users 184 s"."""
        names = ("checkers", "DNS", "cache", "users")
        return ", ".join(f"{names[limit.level]} {limit.text}" for limit in self.limits)


def waterfalls(history: History, judged: JudgedFailover) -> list[Falls]:
    """Away and home again; only those in which somebody moved."""
    away, back = all_steps(history, judged.times)
    region, ttl_s = judged.times.region, history.header.stack.record_ttl_s
    found = (
        (f"{region} breaks: until its users were well elsewhere", away, (DETECT, DNS, RECOVER)),
        (f"{region} is mended: until its users were home", back, (DETECT_BACK, DNS_BACK, HOME)),
    )
    return [_falls(title, mine, _bounds_s(judged, checkers, mine[0], ttl_s)) for title, mine, checkers in found if mine]


def _bounds_s(
    judged: JudgedFailover, checkers: tuple[str, str, str], any_of_them: Waterfall, ttl_s: float
) -> list[float]:
    """For each of `BOUNDED`: the limit that was judged by; where nobody judged, what the stack's own numbers give."""
    rules_s = {step.step: step.by_at_most_s or 0.0 for step in any_of_them.steps}
    noticed_s, dns_s, asked_s = (
        rules_s[step] if (limit_s := judged.limit_s(checker)) is None else limit_s
        for step, checker in zip((Step.QUORUM, Step.DNS, Step.ASKED), checkers, strict=True)
    )
    return [noticed_s, dns_s, dns_s + ttl_s, asked_s]


def _falls(title: str, falls: Sequence[Waterfall], bounds_s: Sequence[float]) -> Falls:
    axis = Axis(from_s=0.0, until_s=1.04 * max([*bounds_s, *(fall.total_s for fall in falls)]))
    return Falls(
        title=title,
        height=len(falls) * ROW_HEIGHT,
        bars=tuple(bar for row, fall in enumerate(falls) for bar in _bars(axis, row * ROW_HEIGHT, fall)),
        rows=tuple(_row(row * ROW_HEIGHT + ROW_HEIGHT / 2, fall) for row, fall in enumerate(falls)),
        limits=tuple(Tick(axis.x(bound_s), f"{bound_s:.0f} s", level) for level, bound_s in enumerate(bounds_s)),
        ticks=tuple(tick for tick in axis.ticks(0.0) if tick.level == 0),
    )


def _bars(axis: Axis, y: float, fall: Waterfall) -> Iterator[Bar]:
    for step in fall.steps:
        if step.took_s > 0:
            from_s, until_s = step.start_s - fall.from_s, step.end_s - fall.from_s
            yield axis.bar(from_s, until_s, Box(y + 3, ROW_HEIGHT - 6), STEPS[step.step][0])


def _row(y: float, fall: Waterfall) -> Row:
    # Rounded are the moments, not the steps: so the steps as told add up to the total as told.
    hundredths = [round(100 * (at_s - fall.from_s)) for at_s in (fall.from_s, *(step.end_s for step in fall.steps))]
    steps = tuple(f"{(after - before) / 100:.2f}" for before, after in pairwise(hundredths))
    total = f"{hundredths[-1] / 100:.2f} s"
    meanings = [meaning for _, meaning in STEPS.values()]
    told = ", ".join(f"{meaning} {step} s" for meaning, step in zip(meanings, steps, strict=True))
    return Row(
        y=y,
        place=place_of(fall.vantage),
        vantage=fall.vantage,
        total=total,
        steps=steps,
        told=f"{fall.vantage}: {told}; together {total}",
    )
