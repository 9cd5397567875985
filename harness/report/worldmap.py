"""The run on a map of the world: who is served by which region, at any moment that the slider stands on.

All places, lines and words are made here; the script only picks what was so at a time. Without script the map stands
still at the moment that tells most.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import msgspec

from harness.checkers.spans import QuorumPoint, quorum_series
from harness.checkers.timeline import FaultWindow, fault_windows
from harness.events import ExperimentEvent, VantageSummary
from harness.history import History
from harness.report.drawing import Axis, Bar, Box
from harness.report.fault_rows import over_s
from harness.report.palette import Palette
from harness.report.resolvers import asks_by
from harness.report.scene import places_of
from harness.report.service import UNKNOWN, Service, State, services
from harness.report.words import listed
from harness.report.world import WIDTH, Point, line_path, project, spread
from harness.stack import RegionName
from harness.vantages import catalogue

DOT = 11.0
"""Units from the middle of one vantage to that of the next, at least."""
MARK = 17.0
"""From a region's mark to a vantage."""
CANDIDATES = 40
"""Moments of one fault that are looked at to find the one that tells most."""
NAME = 180.0
"""Room for a region's name."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A vantage on the map."""

    at: Point
    title: str
    looks: str
    """In the still."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A region on the map."""

    at: Point
    region: RegionName
    looks: str
    sick: bool
    """In the still: Route 53 calls it unhealthy."""
    named_left: bool
    """Its name stands on its left, where fewer vantages are."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The line from a vantage to a region that served it at some time."""

    path: str
    looks: str
    of: str
    """ "vantage:region", as indexes."""
    shown: bool


class Tally(msgspec.Struct, frozen=True):
    """How many vantages are in a state in the still."""

    looks: str
    text: str
    vantages: int


class Moment(msgspec.Struct, frozen=True):
    """An experiment, and when it is most telling."""

    experiment: str
    at_s: float


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What the script needs. Lists of changes are flat: a time, what holds from then, the next time, ...

    A vantage's state is 0 when not known, else 1 + 2 × region (as index into `looks`) + 1 when failing.
    """

    looks: list[str]
    names: list[str]
    vantages: list[list[float]]
    sick: list[list[float]]
    """By region: 1 when Route 53 calls it unhealthy."""
    scenes: list[tuple[float, str]]
    """What was going on, from when."""


class WorldMap(msgspec.Struct, frozen=True, kw_only=True):
    spots: list[Spot]
    marks: list[Mark]
    routes: list[Route]
    tally: list[Tally]
    scene: str
    axis: Axis
    still_s: float
    shades: list[Bar]
    """Windows of faults, on the slider's strip."""
    experiments: list[Bar]
    moments: list[Moment]
    unplaced: list[str]
    """Vantages whose place is not known."""
    by_dns_alone: bool
    """Some vantage shows where DNS led, because nobody asked over HTTPS."""
    changes: Changes


def build_map(history: History, palette: Palette) -> WorldMap | None:
    """None when no vantage looked, or none has a known place."""
    known = {summary.name: summary for summary in history.header.vantages}
    seen = [service for service in services(history) if service.times_s]
    placed = [service for service in seen if service.vantage in known]
    return _Drawing(history, palette, placed, known, seen).map() if placed else None


class _Drawing:
    def __init__(
        self,
        history: History,
        palette: Palette,
        placed: Sequence[Service],
        known: dict[str, VantageSummary],
        seen: Sequence[Service],
    ) -> None:
        self._placed, self._known, self._palette = placed, known, palette
        self._unplaced = [service.vantage for service in seen if service.vantage not in known]
        self._places = places_of(history)
        self._experiments = history.of(ExperimentEvent)
        self._windows = fault_windows(history)
        self._sick = {region: _sick_changes(quorum_series(history, region)) for region in palette.regions}
        self._axis = Axis(from_s=min(service.times_s[0] for service in seen), until_s=round(history.end_s(), 1))
        self._still_s = _telling_s(placed, self._windows, self._axis.until_s)
        self._codes = {region: index for index, region in enumerate(palette.regions)}

    def map(self) -> WorldMap:
        places = _region_places(self._palette.regions)
        summaries = [self._known[service.vantage] for service in self._placed]
        spots = spread(
            [project(summary.latitude, summary.longitude) for summary in summaries], DOT, list(places.values()), MARK
        )
        scenes = self._scenes()
        return WorldMap(
            spots=[self._spot(service, at) for service, at in zip(self._placed, spots, strict=True)],
            marks=[self._mark(region, at, spots) for region, at in places.items()],
            routes=list(self._routes(spots, places)),
            tally=self._tally(),
            scene=[told for from_s, told in scenes if from_s <= self._still_s][-1],
            axis=self._axis,
            still_s=self._still_s,
            shades=[self._axis.bar(one.injected_s, over_s(one), Box(), "fault", _told(one)) for one in self._windows],
            experiments=[
                self._axis.bar(one.start_s, one.end_s, Box(), "experiment", one.experiment) for one in self._experiments
            ],
            moments=self._moments(),
            unplaced=self._unplaced,
            by_dns_alone=any(service.by_dns_alone for service in self._placed),
            changes=self._changes(scenes),
        )

    def _spot(self, service: Service, at: Point) -> Spot:
        summary = self._known[service.vantage]
        place = self._places.get(service.vantage, service.vantage)
        nearest = f"; nearest to {summary.expected_order[0]}" if summary.expected_order else ""
        name = "" if place == service.vantage else f" ({service.vantage})"
        asks = f"; {told}" if (told := asks_by(summary)) else ""
        return Spot(at=at, title=f"{place}{name}{nearest}{asks}", looks=self._looks(service.at(self._still_s)))

    def _looks(self, state: State) -> str:
        if not state.known:
            return "unknown"
        return self._palette.looks(state.region) + (" failing" if state.failing else "")

    def _mark(self, region: RegionName, at: Point, spots: Sequence[Point]) -> Mark:
        sick = [is_sick for from_s, is_sick in self._sick[region] if from_s <= self._still_s]
        beside = [spot.x - at.x for spot in spots if abs(spot.x - at.x) < NAME and abs(spot.y - at.y) < DOT]
        crowded = sum(right > 0 for right in beside) > sum(right < 0 for right in beside)
        return Mark(
            at=at,
            region=region,
            looks=self._palette.looks(region),
            sick=bool(sick and sick[-1]),
            named_left=at.x > WIDTH - NAME or (crowded and at.x > NAME),
        )

    def _routes(self, spots: Sequence[Point], places: dict[RegionName, Point]) -> list[Route]:
        return [
            Route(
                path=line_path(at, places[region]),
                looks=self._palette.looks(region),
                of=f"{number}:{self._codes[region]}",
                shown=service.at(self._still_s).region == region,
            )
            for number, (service, at) in enumerate(zip(self._placed, spots, strict=True))
            for region in places
            if any(state.region == region for state in service.states)
        ]

    def _tally(self) -> list[Tally]:
        states = [service.at(self._still_s) for service in self._placed]
        served = [
            Tally(self._palette.looks(region), region, states.count(State(region=region)))
            for region in self._palette.regions
        ]
        failing = sum(state.failing for state in states)
        unknown = states.count(UNKNOWN)
        elsewhere = len(states) - failing - unknown - sum(one.vantages for one in served)
        return [
            *served,
            Tally("elsewhere", "no known region", elsewhere),
            Tally("failing", "failing", failing),
            Tally("unknown", "not known", unknown),
        ]

    def _moments(self) -> list[Moment]:
        """One for each experiment, when there are several to choose from."""
        if len(self._experiments) < 2:
            return []
        found = []
        for one in self._experiments:
            mine = [window for window in self._windows if one.start_s <= window.injecting_s <= one.end_s]
            found.append(Moment(one.experiment, _telling_s(self._placed, mine, one.end_s)))
        return found

    def _changes(self, scenes: list[tuple[float, str]]) -> Changes:
        regions = self._palette.regions
        return Changes(
            looks=[self._palette.looks(region) for region in (*regions, None)],
            names=[*regions, "a region that did not name itself"],
            vantages=[_flat(self._coded(service)) for service in self._placed],
            sick=[_flat([(at_s, int(sick)) for at_s, sick in self._sick[region]]) for region in regions],
            scenes=scenes,
        )

    def _coded(self, service: Service) -> list[tuple[float, int]]:
        others = len(self._codes)
        return [
            (at_s, 1 + 2 * self._codes.get(state.region or "", others) + state.failing if state.known else 0)
            for at_s, state in zip(service.times_s, service.states, strict=True)
        ]

    def _scenes(self) -> list[tuple[float, str]]:
        edges_s = {self._axis.from_s, *(at_s for changes in self._sick.values() for at_s, _ in changes)}
        edges_s.update(at_s for window in self._windows for at_s in (window.injected_s, over_s(window)))
        edges_s.update(at_s for one in self._experiments for at_s in (one.start_s, one.end_s))
        told = [(round(at_s, 1), self._scene(at_s)) for at_s in sorted(edges_s)]
        return [now for before, now in pairwise([(0.0, ""), *told]) if before[1] != now[1]]

    def _scene(self, at_s: float) -> str:
        running = [one.experiment for one in self._experiments if one.start_s <= at_s < one.end_s]
        names = listed(running) if len(self._experiments) > 1 else ""
        biting = [_told(window) for window in self._windows if window.injected_s <= at_s < over_s(window)]
        sick = [region for region, changes in self._sick.items() if ([(0.0, False), *changes][_last(changes, at_s)])[1]]
        called = f"Route 53 calls {listed(sick)} unhealthy" if sick else ""
        now = [part for part in (f"{listed(biting)} in force" if biting else "", called) if part]
        return ": ".join(part for part in (names, "; ".join(now) or "nothing is broken") if part)


def _region_places(regions: Sequence[RegionName]) -> dict[RegionName, Point]:
    """Of those that the catalogue knows."""
    places = {vantage.name.removeprefix("aws:"): vantage.place for vantage in catalogue()}
    return {
        region: project(places[region].latitude, places[region].longitude) for region in regions if region in places
    }


def _telling_s(placed: Sequence[Service], windows: Sequence[FaultWindow], end_s: float) -> float:
    """When most vantages had been moved by a fault, or failed in it; the end when there was none.

    The last such moment, which mostly is right before the fault was undone.
    """
    telling, most = end_s, -1
    for window in windows:
        before = [service.at(window.injecting_s) for service in placed]
        for at_s in _candidates_s(placed, window):
            states = [service.at(at_s) for service in placed]
            moved = sum(now != then and now.known for now, then in zip(states, before, strict=True))
            if moved >= most:
                telling, most = at_s, moved
    return round(telling, 1)


def _candidates_s(placed: Sequence[Service], window: FaultWindow) -> list[float]:
    """Some of the moments at which something changed while the fault was in force, and its end."""
    changes_s = sorted(
        at_s for service in placed for at_s in service.times_s if window.injected_s < at_s < window.rolling_back_s
    )
    return [*changes_s[:: len(changes_s) // CANDIDATES + 1], window.rolling_back_s]


def _told(window: FaultWindow) -> str:
    return f"{window.fault} in {', '.join(window.regions)}" if window.regions else window.fault


def _sick_changes(points: Sequence[QuorumPoint]) -> list[tuple[float, bool]]:
    found: list[tuple[float, bool]] = []
    for point in points:
        if (not point.healthy) != (found[-1][1] if found else False):
            found.append((point.at_s, not point.healthy))
    return found


def _last(changes: Sequence[tuple[float, bool]], at_s: float) -> int:
    """How many changes came by then."""
    return sum(from_s <= at_s for from_s, _ in changes)


def _flat(changes: Sequence[tuple[float, int]]) -> list[float]:
    return list(chain.from_iterable((round(at_s, 1), state) for at_s, state in changes))
