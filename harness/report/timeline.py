"""One experiment's timeline: faults, the checkers' quorum of each region, a lane for each vantage, rows of items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

from harness.checkers.spans import QuorumPoint
from harness.checkers.timeline import FaultWindow, fault_windows, quorum_series
from harness.events import ExperimentEvent, Gap, Note
from harness.history import History
from harness.probes.watch import EVERYONE
from harness.report.drawing import Axis, Bar, Box, Hover, Sheet, Timeline
from harness.report.fault_rows import add_faults, over_s
from harness.report.items.lag import add_item_rows
from harness.report.lanes import VantageLooks, add_lanes, gap_words
from harness.report.palette import Palette
from harness.report.scene import Scene
from harness.stack import RegionName

NOTES_HEIGHT = 16.0
QUORUM_HEIGHT = 30.0
QUORUM = Box(3.0, 24.0)
LANES = "thick: who served (HTTPS) · thin: where DNS led"
OWN_WAYS = "†: a resolver or client with ways of its own"
ITEM_ROWS = "clients: thick: writes, thin: reads · behind: age of the oldest write that was surely not there yet"


def build_timeline(
    history: History, experiment: ExperimentEvent, palette: Palette, looks: Sequence[VantageLooks]
) -> Timeline:
    windows = fault_windows(history, experiment)
    sheet = Sheet(Axis(from_s=experiment.start_s, until_s=experiment.end_s))
    scene = Scene(history, experiment, palette, sheet)
    add_faults(scene, windows)
    _add_notes(scene)
    _add_quorums(scene)
    lanes = [LANES, *([OWN_WAYS] if any(seen.asks_by for seen in looks) else [])]
    legend = [*(lanes if add_lanes(scene, looks) else []), *([ITEM_ROWS] if add_item_rows(scene) else [])]
    return Timeline(
        axis=sheet.axis,
        origin_s=windows[0].injected_s if windows else experiment.start_s,
        counts_from="injection" if windows else "the start",
        height=sheet.y,
        bars=tuple(sheet.bars),
        areas=tuple(sheet.areas),
        labels=tuple(sheet.labels),
        shades=tuple(_shades(sheet.axis, windows)),
        marks=tuple(sheet.marks),
        hovers=tuple(sheet.hovers),
        legend=tuple(legend),
    )


def _shades(axis: Axis, windows: Sequence[FaultWindow]) -> Iterator[Bar]:
    """The time in which any fault was in force: windows that overlap are one."""
    merged: list[tuple[float, float]] = []
    for window in windows:
        from_s, until_s = window.injected_s, over_s(window)
        if merged and from_s <= merged[-1][1]:
            from_s, until_s = merged[-1][0], max(merged.pop()[1], until_s)
        merged.append((from_s, until_s))
    for from_s, until_s in merged:
        yield axis.bar(from_s, until_s, Box(), "shade")


def _add_notes(scene: Scene) -> None:
    """Notes, and looks of a whole family of probes that were due and not made; no row when there are none."""
    notes = [(note, "remark", note.text) for note in scene.history.of(Note) if scene.holds(note.start_s)]
    gaps = [
        (gap, "gap", gap_words(gap))
        for gap in scene.history.of(Gap)
        if scene.holds(gap.start_s) and gap.vantage == EVERYONE
    ]
    if not notes and not gaps:
        return
    title = " and ".join([*["notes"] * bool(notes), *["looks left out"] * bool(gaps)])
    y = scene.sheet.row(NOTES_HEIGHT, title)
    for event, looks, _told in [*notes, *gaps]:
        scene.sheet.bar(event.start_s, event.end_s, Box(y + 4, NOTES_HEIGHT - 8), looks)
    parts = [(round(event.start_s, 2), round(event.end_s, 2), told) for event, _looks, told in [*notes, *gaps]]
    scene.sheet.hovers.append(Hover(y, NOTES_HEIGHT, title, parts))


def _add_quorums(scene: Scene) -> None:
    """No row when nobody polled."""
    series = {region: quorum_series(scene.history, region) for region in scene.palette.regions}
    if any(scene.holds(point.at_s) for points in series.values() for point in points):
        for region, points in series.items():
            _add_quorum(scene, region, points)


def _add_quorum(scene: Scene, region: RegionName, points: Sequence[QuorumPoint]) -> None:
    """How many checkers called the region healthy, as steps; hatched while the quorum called it unhealthy."""
    sheet, colour = scene.sheet, scene.palette.looks(region)
    y = sheet.row(QUORUM_HEIGHT, region, note="checkers", looks="strong")
    room, parts = QUORUM.below(y), []
    for from_s, until_s, point in _steps(points, scene):
        height = round(room.height * point.checkers_healthy / max(point.checkers_total, 1), 1)
        if not point.healthy:
            sheet.bar(from_s, until_s, room, "sick")
        sheet.bar(from_s, until_s, Box(room.top + room.height - height, height), f"quorum {colour}")
        called = "healthy" if point.healthy else "UNHEALTHY"
        told = f"{point.checkers_healthy} of {point.checkers_total} checkers say healthy: Route 53 calls it {called}"
        parts.append((round(from_s, 2), round(until_s, 2), told))
    sheet.hovers.append(Hover(y, QUORUM_HEIGHT, f"health check of {region}", parts))


def _steps(points: Sequence[QuorumPoint], scene: Scene) -> Iterator[tuple[float, float, QuorumPoint]]:
    """Equal neighbours as one; each lasts until the next poll, the last one until the experiment's end."""
    inside = (point for point in points if scene.holds(point.at_s))
    same = groupby(inside, key=lambda point: (point.checkers_healthy, point.checkers_total, point.healthy))
    kept = [next(group) for _, group in same]
    for point, after in zip_longest(kept, kept[1:]):
        yield point.at_s, after.at_s if after else scene.experiment.end_s, point
