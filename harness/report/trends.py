"""The numbers of many runs as curves over time: which panels there are, where each point stands, which are flagged.

Geometry only: x in percent of the width, y in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from harness.checkers.measures import Measure, What
from harness.report.compare import Change, Compared, compare, scatter_of
from harness.report.folders import KnownRun
from harness.report.palette import Palette

HEIGHT = 150
TREND_OF = (What.RECOVER, What.RECOVERY_POINT, What.REPLICATION_P95, What.DETECT, What.HOME, What.FAILED)
TICKS_AT_MOST = 5


class Point(msgspec.Struct, frozen=True, kw_only=True):
    x: float
    y: float
    top: float
    bottom: float
    """The interval's ends."""
    open_top: bool
    """It has no upper end."""
    change: Change | None
    """Against the baseline; None for the baseline itself, and before it."""
    told: str
    href: str


class Series(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    looks: str
    dash: int
    points: tuple[Point, ...]
    path: tuple[tuple[float, float, float, float], ...]
    """Lines between neighbours: x1, y1, x2, y2."""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    what: What
    experiment: str
    series: tuple[Series, ...]
    ticks: tuple[tuple[float, str], ...]
    """(y, text)"""
    first: str
    last: str
    """Dates of the first and the last run in it."""
    baseline_x: float | None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that can be compared with each other."""

    target: str
    clock_rate: float
    runs: int
    panels: tuple[Panel, ...]
    newest: KnownRun
    baseline: KnownRun
    compared: tuple[Compared, ...]
    """The newest value of each number against the baseline's."""


def settings_of(runs: Sequence[KnownRun], palette: Palette, baseline: str | None = None) -> list[Setting]:
    """One for each target and clock rate, the one with the newest run first. `runs`: oldest first."""
    groups: dict[tuple[str, float], list[KnownRun]] = {}
    for run in runs:
        if run.summary.measures:
            groups.setdefault(run.summary.setting, []).append(run)
    found = [_setting(group, palette, baseline) for group in groups.values()]
    return sorted(found, key=lambda one: one.newest.summary.started_at, reverse=True)


def _setting(runs: Sequence[KnownRun], palette: Palette, baseline: str | None) -> Setting:
    target, rate = runs[0].summary.setting
    chosen = next((run for run in runs if baseline and run.path == baseline), None)
    judged = _Judged(runs, chosen)
    return Setting(
        target=target,
        clock_rate=rate,
        runs=len(runs),
        panels=tuple(_panels(runs, palette, judged)),
        newest=runs[-1],
        baseline=chosen or runs[0],
        compared=tuple(judged.newest()),
    )


class _Judged:
    """Each number of each run against the baseline's: the chosen run's, or else the first run that has it."""

    def __init__(self, runs: Sequence[KnownRun], chosen: KnownRun | None) -> None:
        self._found: dict[tuple[str, tuple[str, str, str]], Compared] = {}
        self._last: dict[tuple[str, str, str], Compared] = {}
        self.baseline_of: dict[tuple[str, str, str], str] = {}
        before = {measure.key: measure for measure in chosen.summary.measures} if chosen else {}
        self.baseline_of = dict.fromkeys(before, chosen.path) if chosen else {}
        reached = chosen is None
        for number, run in enumerate(runs):
            reached = reached or run is chosen
            scatter = scatter_of([earlier.summary.measures for earlier in runs[:number]])
            for measure in run.summary.measures:
                if measure.key not in before:
                    before[measure.key] = measure
                    self.baseline_of[measure.key] = run.path
                elif reached and self.baseline_of[measure.key] != run.path:
                    (one,) = compare([before[measure.key]], [measure], scatter)
                    self._found[run.path, measure.key] = self._last[measure.key] = one

    def of(self, run: KnownRun, measure: Measure) -> Compared | None:
        return self._found.get((run.path, measure.key))

    def newest(self) -> list[Compared]:
        return sorted(self._last.values(), key=lambda one: list(Change).index(one.change))


def _panels(runs: Sequence[KnownRun], palette: Palette, judged: _Judged) -> Iterator[Panel]:
    names = dict.fromkeys(measure.experiment for run in runs for measure in run.summary.measures)
    for what in TREND_OF:
        for experiment in sorted(names):
            having = [run for run in runs if list(_measures(run, what, experiment))]
            if having:
                yield _panel(having, what, experiment, palette, judged)


def _measures(run: KnownRun, what: What, experiment: str) -> Iterator[Measure]:
    return (one for one in run.summary.measures if one.what is what and one.experiment == experiment)


def _panel(runs: Sequence[KnownRun], what: What, experiment: str, palette: Palette, judged: _Judged) -> Panel:
    found = [measure for run in runs for measure in _measures(run, what, experiment)]
    scale = _Scale(max(measure.estimate if measure.high is None else measure.high for measure in found), found[0].unit)
    subjects = dict.fromkeys(measure.subject for measure in found)
    first, last = _dates(runs[0].summary.started_at, runs[-1].summary.started_at)
    baselines = {judged.baseline_of[measure.key] for measure in found}
    positions = {run.path: round(100 * (number + 0.5) / len(runs), 3) for number, run in enumerate(runs)}
    return Panel(
        what=what,
        experiment=experiment,
        series=tuple(
            _series(runs, what, experiment, subject, _Place(palette, judged, scale, positions, shift))
            for subject, shift in zip(subjects, _shifts(len(subjects), len(runs)), strict=True)
        ),
        ticks=tuple(scale.ticks()),
        first=first,
        last=last,
        baseline_x=positions.get(baselines.pop()) if len(baselines) == 1 else None,
    )


class _Place(msgspec.Struct, frozen=True):
    palette: Palette
    judged: _Judged
    scale: _Scale
    positions: dict[str, float]
    shift: float
    """To the side, so that intervals of several series do not lie on each other."""


def _shifts(series: int, runs: int) -> list[float]:
    """Percent of the width; all series of a run stay within half of its room."""
    step = 50 / runs / max(series, 1)
    return [round(step * (number - (series - 1) / 2), 3) for number in range(series)]


def _dates(first: str, last: str) -> tuple[str, str]:
    """Of an axis: days, or the times of one day."""
    if first[:10] != last[:10]:
        return first[:10], last[:10]
    return (first[:16].replace("T", " "), "" if first[:16] == last[:16] else last[11:16])


def _series(runs: Sequence[KnownRun], what: What, experiment: str, subject: str, place: _Place) -> Series:
    points = tuple(
        _point(run, measure, place)
        for run in runs
        for measure in _measures(run, what, experiment)
        if measure.subject == subject
    )
    source, _, receiving = subject.partition(" → ")
    regions = place.palette.regions
    return Series(
        subject=subject,
        looks=place.palette.looks(source),
        dash=regions.index(receiving) % 4 if receiving in regions else 0,
        points=points,
        path=tuple((a.x, a.y, b.x, b.y) for a, b in pairwise(points)),
    )


def _point(run: KnownRun, measure: Measure, place: _Place) -> Point:
    scale = place.scale
    compared = place.judged.of(run, measure)
    high = measure.estimate if measure.high is None else measure.high
    told = f"{run.summary.started_at[:16].replace('T', ' ')} UTC · {measure.subject}: {scale.text(measure.estimate)}"
    told += f" ({scale.text(measure.low)} to {scale.text(high) if measure.high is not None else 'unbounded'})"
    if compared:
        told += f" · {compared.change.value}: {compared.told}"
    return Point(
        x=round(place.positions[run.path] + place.shift, 3),
        y=scale.y(measure.estimate),
        top=scale.y(high),
        bottom=scale.y(measure.low),
        open_top=measure.high is None,
        change=compared.change if compared else None,
        told=told,
        href=f"{run.path}/index.html",
    )


class _Scale:
    """From 0 up: a time that doubled must look twice as long."""

    def __init__(self, largest: float, unit: str) -> None:
        self._unit = unit
        largest = largest or (0.01 if unit == "share" else 1.0)
        power: float = 10.0 ** math.floor(math.log10(largest / TICKS_AT_MOST))
        self._step = next(digit * power for digit in (1, 2, 5, 10) if largest / (digit * power) <= TICKS_AT_MOST)
        self._until = self._step * math.ceil(largest / self._step - 1e-9)

    def y(self, value: float) -> float:
        return round(HEIGHT * (1 - min(max(value, 0.0) / self._until, 1.0)), 1)

    def text(self, value: float) -> str:
        return f"{value:.2%}" if self._unit == "share" else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"

    def ticks(self) -> Iterator[tuple[float, str]]:
        for number in range(round(self._until / self._step) + 1):
            value = number * self._step
            yield self.y(value), f"{value:.4g}" if self._unit != "share" else f"{100 * value:.3g} %"
