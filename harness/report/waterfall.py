"""Where the time went: each vantage's failover as bars that add up to what was measured, with the bounds beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from harness.checkers.moments import Moment
from harness.checkers.steps import Step, Waterfall, all_steps
from harness.events import HttpReply, VantageName
from harness.history import History
from harness.report.drawing import Axis, Bar, Box, Tick
from harness.report.failovers import DETECT, DETECT_BACK, DNS, DNS_BACK, HOME, RECOVER, JudgedFailover
from harness.report.looks import REASONS
from harness.report.scene import places_of

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
    because: str
    """Why its users followed the old answer beyond its TTL; "" when they did not, or nobody knows why."""
    told: str


class Falls(msgspec.Struct, frozen=True, kw_only=True):
    """The waterfalls of all vantages, away or home again."""

    title: str
    height: float
    bars: tuple[Bar, ...]
    rows: tuple[Row, ...]
    missing: tuple[VantageName, ...]
    """Those that should have moved, and were not seen to get there."""
    limits: tuple[Tick, ...]
    """Their level tells which: an index into `BOUNDED`."""
    ticks: tuple[Tick, ...]

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Why users followed the old answer beyond its TTL, and in which places."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            if row.because:
                found.setdefault(row.because, []).append(row.place)
        return found

    @property
    def bounds(self) -> str:
        """In words: "checkers 104 s, DNS 114 s, cache 174 s, users 184 s"."""
        names = ("checkers", "DNS", "cache", "users")
        return ", ".join(f"{names[limit.level]} {limit.text}" for limit in self.limits)


class _Known(msgspec.Struct, frozen=True):
    """One vantage's fall, with what a reader wants to know of it."""

    fall: Waterfall
    place: str
    because: str


def waterfalls(history: History, judged: JudgedFailover) -> list[Falls]:
    """Away and home again; only those in which somebody moved."""
    away, back = all_steps(history, judged.times)
    times, ttl_s = judged.times, history.header.stack.record_ttl_s
    left = {seen.vantage: seen.recovered for seen in times.vantages if seen.recovered}
    came = {seen.vantage: seen.home for seen in times.vantages if seen.home}
    found = (
        (f"{times.region} breaks: until its users were well elsewhere", away, left, (DETECT, DNS, RECOVER)),
        (f"{times.region} is mended: until its users were home", back, came, (DETECT_BACK, DNS_BACK, HOME)),
    )
    return [
        _falls(title, _known(history, falls, arrived), _bounds_s(judged, checkers, falls[0], ttl_s), _still(arrived))
        for title, falls, arrived, checkers in found
        if falls
    ]


def _known(history: History, falls: Sequence[Waterfall], arrived: dict[VantageName, Moment]) -> list[_Known]:
    cities = places_of(history)
    places = {fall.vantage: cities.get(fall.vantage, fall.vantage) for fall in falls}
    times = Counter(places.values())
    # Where several look from one city, the city would not tell whose bar it is.
    labels = {name: place if times[place] == 1 else name.removeprefix("aws:") for name, place in places.items()}
    return [_Known(fall, labels[fall.vantage], _because(history, arrived[fall.vantage])) for fall in falls]


def _because(history: History, arrived: Moment) -> str:
    """Why the last request before the change still followed the old answer, when that was beyond its TTL."""
    before = history[arrived.evidence[0]] if len(arrived.evidence) > 1 else None
    if not isinstance(before, HttpReply) or before.beyond_ttl is None:
        return ""
    return REASONS[before.beyond_ttl]


def _still(arrived: dict[VantageName, Moment]) -> tuple[VantageName, ...]:
    return tuple(sorted(vantage for vantage, moment in arrived.items() if moment.by_s is None))


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


def _falls(title: str, known: Sequence[_Known], bounds_s: Sequence[float], missing: tuple[VantageName, ...]) -> Falls:
    axis = Axis(from_s=0.0, until_s=1.04 * max([*bounds_s, *(one.fall.total_s for one in known)]))
    return Falls(
        title=title,
        height=len(known) * ROW_HEIGHT,
        bars=tuple(bar for row, one in enumerate(known) for bar in _bars(axis, row * ROW_HEIGHT, one.fall)),
        rows=tuple(_row(row * ROW_HEIGHT + ROW_HEIGHT / 2, one) for row, one in enumerate(known)),
        missing=missing,
        limits=tuple(Tick(axis.x(bound_s), f"{bound_s:.0f} s", level) for level, bound_s in enumerate(bounds_s)),
        ticks=tuple(tick for tick in axis.ticks(0.0) if tick.level == 0),
    )


def _bars(axis: Axis, y: float, fall: Waterfall) -> Iterator[Bar]:
    for step in fall.steps:
        if step.took_s > 0:
            from_s, until_s = step.start_s - fall.from_s, step.end_s - fall.from_s
            yield axis.bar(from_s, until_s, Box(y + 3, ROW_HEIGHT - 6), STEPS[step.step][0])


def _row(y: float, known: _Known) -> Row:
    fall = known.fall
    # Rounded are the moments, not the steps: so the steps as told add up to the total as told.
    hundredths = [round(100 * (at_s - fall.from_s)) for at_s in (fall.from_s, *(step.end_s for step in fall.steps))]
    steps = tuple(f"{(after - before) / 100:.2f}" for before, after in pairwise(hundredths))
    total = f"{hundredths[-1] / 100:.2f} s"
    meanings = [meaning for _, meaning in STEPS.values()]
    told = ", ".join(f"{meaning} {step} s" for meaning, step in zip(meanings, steps, strict=True))
    return Row(
        y=y,
        place=known.place,
        vantage=fall.vantage,
        total=total,
        steps=steps,
        because=known.because,
        told=f"{fall.vantage}: {told}; together {total}" + (f"; {known.because}" if known.because else ""),
    )
