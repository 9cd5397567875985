"""Replication latency as curves: for each region written in, the share of its writes that others showed by then.

A latency is only known as an interval. So each curve is a band, from the share that was surely there to the share that
possibly was, with the estimate in it; a curve that ends below the top has writes that nobody saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from harness.checkers.replication import CdfPoint, PairLatency
from harness.report.drawing import Tick
from harness.report.palette import Palette
from harness.stack import RegionName

WIDTH, HEIGHT = 1000.0, 200.0
"""Of the drawing's own units; the browser stretches it to the width there is."""
SHARES = ((0.0, "0 %", -5), (0.5, "50 %", 0), (0.95, "95 %", 0), (1.0, "", 0))
"""Where the upright axis has lines, their names, and by how much these are moved to stay inside."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    receiving: RegionName
    looks: str
    band: str
    """SVG path, closed."""
    line: str
    told: str


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """All writes of one region."""

    source: RegionName
    curves: tuple[Curve, ...]
    ticks: tuple[Tick, ...]


class LogAxis(msgspec.Struct, frozen=True):
    """Latencies differ by factors, so a step to the right is a factor. Its ends are 1, 2 or 5 of some power of ten."""

    from_s: float
    until_s: float

    def x(self, latency_s: float) -> float:
        """From 0 to 1; what lies outside is drawn at the edge."""
        if latency_s <= self.from_s:
            return 0.0
        return min(1.0, math.log(latency_s / self.from_s) / math.log(self.until_s / self.from_s))

    def ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(round(100 * self.x(at_s), 3), f"{at_s:g}", 0) for at_s in _round_between(self))


def latency_plots(pairs: Sequence[PairLatency], palette: Palette) -> list[Plot]:
    """On one axis, so that they can be compared."""
    drawn = [pair for pair in pairs if pair.cdf]
    if not drawn:
        return []
    axis = _axis([point for pair in drawn for point in pair.cdf])
    sources = dict.fromkeys(pair.source for pair in drawn)
    return [
        Plot(
            source=source,
            curves=tuple(_curve(pair, axis, palette) for pair in drawn if pair.source == source),
            ticks=axis.ticks(),
        )
        for source in sources
    ]


def y(share: float) -> float:
    return round(HEIGHT * (1 - share), 1)


def _axis(points: Sequence[CdfPoint]) -> LogAxis:
    """From about where the first writes arrive to the last; never less than a factor of ten."""
    until_s = _round_up(max(point.latency_s for point in points))
    first_s = min((point.latency_s for point in points if point.estimate > 0 and point.latency_s > 0), default=until_s)
    return LogAxis(min(_round_down(max(first_s, until_s / 1000)), _round_down(until_s / 10)), until_s)


def _round_up(value_s: float) -> float:
    """To the next 1, 2 or 5 of a power of ten."""
    return next(step_s for step_s in _steps(value_s) if step_s >= value_s * (1 - 1e-9))


def _round_down(value_s: float) -> float:
    return max(step_s for step_s in _steps(value_s) if step_s <= value_s * (1 + 1e-9))


def _steps(near_s: float) -> list[float]:
    power = math.floor(math.log10(max(near_s, 1e-3)))
    return [float(f"{digit}e{power + more}") for more in (-1, 0, 1) for digit in (1, 2, 5)]


def _round_between(axis: LogAxis) -> list[float]:
    powers = range(math.floor(math.log10(axis.from_s)), math.ceil(math.log10(axis.until_s)) + 1)
    steps_s = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [step_s for step_s in steps_s if axis.from_s <= step_s <= axis.until_s]


def _curve(pair: PairLatency, axis: LogAxis, palette: Palette) -> Curve:
    # Before the first point nothing is sure, and nothing is known of what is possible beyond the last.
    points = [CdfPoint(latency_s=0.0, surely=0.0, estimate=0.0, possibly=0.0), *pair.cdf]
    xs = [round(WIDTH * axis.x(point.latency_s), 1) for point in points]
    surely = _stairs(xs, [point.surely for point in points], rises_at=lambda _before, after: after)
    possibly = _stairs(xs, [point.possibly for point in points], rises_at=lambda before, _after: before)
    seen = pair.cdf[-1].surely
    return Curve(
        receiving=pair.receiving,
        looks=palette.looks(pair.receiving),
        band=f"M{_joined(surely)}L{_joined(possibly[::-1])}Z",
        line=f"M{_joined([(x, point.estimate) for x, point in zip(xs, points, strict=True)])}",
        told=f"{pair.source} to {pair.receiving}: {seen:.1%} of {pair.samples:,} writes were seen",
    )


def _stairs(
    xs: Sequence[float], shares: Sequence[float], *, rises_at: Callable[[float, float], float]
) -> list[tuple[float, float]]:
    """Steps, each at the end of its stretch that makes the band the wider."""
    steps = [(xs[0], shares[0])]
    for before, after, low, high in zip(xs, xs[1:], shares, shares[1:], strict=False):
        at = rises_at(before, after)
        steps += [(at, low), (at, high), (after, high)]
    return steps


def _joined(points: Sequence[tuple[float, float]]) -> str:
    """A point on the spot of the one before it is not told again."""
    told = [f"{x:g} {y(share):g}" for x, share in points]
    return "L".join(point for number, point in enumerate(told) if not number or point != told[number - 1])
