"""The rows of a timeline that tell which fault was in force when, and whether it bit."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.timeline import FaultWindow
from harness.checkers.tracks import tracks_of
from harness.events import FaultPhase
from harness.report.drawing import Box, Hover, Sheet
from harness.report.scene import Scene
from harness.stack import RegionName

FAULT_HEIGHT = 22.0
MARKED_WINDOWS = 3
"""A fault that comes and goes more often than that is marked by its shades alone: lines would hide the lanes."""
WORDS_PERCENT = 36.0
"""A bar of such a width has room for what is told of its fault."""
ROOM_PERCENT = 25.0
"""Room beside the bars for what is told of them together."""


def over_s(window: FaultWindow) -> float:
    return window.until_s if window.rolled_back_s is None else window.rolled_back_s


def add_faults(scene: Scene, windows: Sequence[FaultWindow]) -> None:
    """A row for each kind of fault and the regions that it breaks, however often; what overlaps has rows of its own."""
    rows: dict[tuple[str, tuple[RegionName, ...], int], list[FaultWindow]] = {}
    for window in windows:
        beside = 0
        while mine := rows.get((window.fault, window.regions, beside)):
            if over_s(mine[-1]) <= window.injecting_s:
                break
            beside += 1
        rows.setdefault((window.fault, window.regions, beside), []).append(window)
    for mine in rows.values():
        _add_row(scene, mine)


def _add_row(scene: Scene, windows: Sequence[FaultWindow]) -> None:
    """All of one kind in the same regions."""
    sheet, regions, fault = scene.sheet, windows[0].regions, windows[0].fault
    where = regions[0] if len(regions) == 1 else f"{len(regions)} regions" if regions else ""
    times = f"{len(windows)} × " if len(windows) > 1 else ""
    y = sheet.row(FAULT_HEIGHT, fault, note=f"{times}{where}", looks="strong")
    box = Box(y + 3, FAULT_HEIGHT - 6)
    parts = [(window.injecting_s, over_s(window), _told(scene, window)) for window in windows]
    for from_s, until_s, _ in parts:
        sheet.bar(from_s, until_s, box, "fault")
    if len(windows) == 1:
        _say(sheet, *parts[0], box)
    else:
        _say_together(sheet, windows, box)
    if len(windows) <= MARKED_WINDOWS:
        for window in windows:
            _add_moments(scene, window)
    sheet.hovers.append(Hover(y, FAULT_HEIGHT, f"{fault} in {', '.join(regions)}" if regions else fault, parts))


def _say(sheet: Sheet, from_s: float, until_s: float, told: str, box: Box) -> None:
    """On the bar where it has room for the words, else on the side that has more."""
    left, right = sheet.axis.x(from_s), sheet.axis.x(until_s)
    if right - left >= WORDS_PERCENT:
        sheet.bar(from_s, until_s, box, "fault", told)
    elif 100 - right >= left:
        sheet.bar(until_s, sheet.axis.until_s, box, "clear", told)
    else:
        sheet.bar(sheet.axis.from_s, from_s, box, "clear", told)


def _say_together(sheet: Sheet, windows: Sequence[FaultWindow], box: Box) -> None:
    last_s, proven = over_s(windows[-1]), sum(window.proven for window in windows)
    if 100 - sheet.axis.x(last_s) >= ROOM_PERCENT:
        told = f"{len(windows)} times in {', '.join(windows[0].regions)}, {proven} of them proven to bite"
        sheet.bar(last_s, sheet.axis.until_s, box, "clear", told)


def _add_moments(scene: Scene, window: FaultWindow) -> None:
    moments = (
        (window.injected_s, "injected"),
        (_proven_s(scene, window), "proven"),
        (window.rolled_back_s, "rolled-back"),
    )
    axis = scene.sheet.axis
    scene.sheet.marks += [axis.bar(at_s, at_s, Box(), looks) for at_s, looks in moments if at_s is not None]


def _told(scene: Scene, window: FaultWindow) -> str:
    proven_s = _proven_s(scene, window)
    proven = "NOT PROVEN to bite" if proven_s is None else f"proven {proven_s - window.injected_s:.1f} s later"
    undone = "NOT rolled back" if window.rolled_back_s is None else f"rolled back at {window.rolled_back_s:.1f} s"
    where = f" in {', '.join(window.regions)}" if window.regions else ""
    return f"{window.fault}{where}: injected at {window.injected_s:.1f} s, {proven}, {undone}"


def _proven_s(scene: Scene, window: FaultWindow) -> float | None:
    phases = tracks_of(scene.history).faults[window.fault_id].events
    return next((event.end_s for event in phases if event.phase is FaultPhase.PROVEN), None)
