"""A timeline as shapes: where each bar, label and tick goes. Pure geometry: x in percent of time, y in pixels.

Percent, so that the browser can stretch the time axis without drawing anything anew.
"""

from __future__ import annotations

import math

import msgspec

STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
TICKS_AT_MOST = (12, 40, 130)
"""By level: how many ticks the axis bears as it is, and when it is stretched."""


class Box(msgspec.Struct, frozen=True):
    """Where something stands from top to bottom; of no height for what the template draws over all rows."""

    top: float = 0.0
    height: float = 0.0

    def below(self, y: float) -> Box:
        return Box(self.top + y, self.height)


class Bar(msgspec.Struct, frozen=True):
    x: float
    width: float
    y: float
    height: float
    looks: str
    """CSS classes."""
    text: str = ""


class Area(msgspec.Struct, frozen=True):
    """A path over the whole width, in as many units as it has steps; the browser stretches it."""

    y: float
    height: float
    steps: int
    path: str
    looks: str


class Label(msgspec.Struct, frozen=True):
    y: float
    text: str
    note: str = ""
    looks: str = ""


class Tick(msgspec.Struct, frozen=True):
    x: float
    text: str
    level: int
    """0: always shown; 1 and 2: only when the axis is stretched."""


class Hover(msgspec.Struct, frozen=True, array_like=True):
    """What a row tells when pointed at: each part is [from_s, until_s, text]."""

    y: float
    height: float
    title: str
    parts: list[tuple[float, float, str]]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of time that is drawn."""

    from_s: float
    until_s: float

    def x(self, at_s: float) -> float:
        """Percent of the width; what lies outside is drawn at the edge."""
        share = (at_s - self.from_s) / max(self.until_s - self.from_s, 1e-9)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def bar(self, from_s: float, until_s: float, box: Box, looks: str, text: str = "") -> Bar:
        x = self.x(from_s)
        return Bar(x, round(self.x(until_s) - x, 3), box.top, box.height, looks, text)

    def ticks(self, origin_s: float) -> list[Tick]:
        """At round distances from `origin_s`; those of a finer level only where no coarser one stands."""
        ticks: dict[float, Tick] = {}
        for level, at_most in enumerate(TICKS_AT_MOST):
            step_s = self._step_s(at_most)
            first, last = ((at_s - origin_s) / step_s for at_s in (self.from_s, self.until_s))
            for number in range(math.ceil(first), math.floor(last) + 1):
                away_s = round(number * step_s, 3)
                ticks.setdefault(away_s, Tick(self.x(origin_s + away_s), f"{away_s:g}".replace("-", "−"), level))
        return [ticks[away_s] for away_s in sorted(ticks)]

    def _step_s(self, at_most: int) -> float:
        long_s = self.until_s - self.from_s
        return next((step_s for step_s in STEPS_S if long_s / step_s <= at_most), STEPS_S[-1] * math.ceil(long_s))


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the template needs of one experiment's timeline."""

    axis: Axis
    origin_s: float
    """What the upper axis counts from."""
    counts_from: str
    height: float
    bars: tuple[Bar, ...]
    areas: tuple[Area, ...]
    labels: tuple[Label, ...]
    shades: tuple[Bar, ...]
    """Windows in which a fault was in force, over the full height."""
    marks: tuple[Bar, ...]
    """Moments, over the full height; width 0."""
    hovers: tuple[Hover, ...]
    legend: tuple[str, ...]
    """What its kinds of rows mean."""

    @property
    def away_ticks(self) -> list[Tick]:
        return self.axis.ticks(self.origin_s)

    @property
    def run_ticks(self) -> list[Tick]:
        return self.axis.ticks(0.0)


class Sheet:
    """Collects what is drawn, from the top down."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.y = 0.0
        self.bars: list[Bar] = []
        self.areas: list[Area] = []
        self.labels: list[Label] = []
        self.marks: list[Bar] = []
        self.hovers: list[Hover] = []

    def row(self, height: float, text: str, *, note: str = "", looks: str = "") -> float:
        """Begins a row below the last one; returns its top."""
        top, self.y = self.y, self.y + height
        self.labels.append(Label(top + height / 2, text, note, looks))
        return top

    def bar(self, from_s: float, until_s: float, box: Box, looks: str, text: str = "") -> None:
        self.bars.append(self.axis.bar(from_s, until_s, box, looks, text))
