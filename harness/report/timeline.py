"""One experiment's timeline: faults, then the checkers' quorum of each region, then a lane for each vantage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

import msgspec

from harness.checkers.routing import nearest
from harness.checkers.spans import QuorumPoint, Span, dns_spans, served_spans
from harness.checkers.timeline import FaultWindow, fault_windows, quorum_series
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, FaultPhase, Gap, Note, VantageName, VantageSummary
from harness.history import History
from harness.report.drawing import Axis, Bar, Hover, Sheet, Timeline
from harness.report.looks import Stretch, dns_stretches, served_stretches
from harness.report.palette import Palette
from harness.stack import RegionName
from harness.vantages import catalogue

FAULT_HEIGHT = 22.0
QUORUM_HEIGHT = 30.0
GROUP_HEIGHT = 24.0
LANE_HEIGHT = 17.0
SERVED_HEIGHT = 9.0
DNS_HEIGHT = 4.0
NOTE_HEIGHT = 16.0
CLOSE_SHARE = 0.10
LABEL_WIDER_THAN = 3.0
"""Percent of the axis below which a lane's text would not be legible."""


class VantageLooks(msgspec.Struct, frozen=True):
    """A vantage's spans over the whole run: made once, for every experiment's timeline."""

    summary: VantageSummary
    served: list[Span]
    dns: list[Span]


def vantage_looks(history: History) -> list[VantageLooks]:
    """Of every vantage, also of those that the header does not name."""
    named = {summary.name: summary for summary in history.header.vantages}
    return [
        VantageLooks(
            named.get(name) or VantageSummary(name=name, latitude=0.0, longitude=0.0),
            served_spans(history, name),
            dns_spans(history, name),
        )
        for name in tracks_of(history).vantages
    ]


def build_timeline(
    history: History, experiment: ExperimentEvent, palette: Palette, looks: Sequence[VantageLooks]
) -> Timeline:
    windows = fault_windows(history, experiment)
    sheet = Sheet(Axis(from_s=experiment.start_s, until_s=experiment.end_s))
    for window in windows:
        _fault_row(sheet, window, _proven_s(history, window))
    _notes_row(sheet, history, experiment)
    for region in history.header.stack.region_names:
        _quorum_row(sheet, region, palette, quorum_series(history, region), experiment)
    for home, group in groupby(sorted(looks, key=lambda seen: _order(seen.summary, palette)), key=_home):
        lanes = list(group)
        _group_row(sheet, home, palette, len(lanes))
        for seen in lanes:
            _lane(sheet, seen, home, palette, history, experiment)
    origin = windows[0] if windows else None
    return Timeline(
        axis=sheet.axis,
        origin_s=origin.injected_s if origin else experiment.start_s,
        counts_from=f"{origin.fault} in {', '.join(origin.regions)}" if origin else "the experiment's start",
        height=sheet.y,
        bars=tuple(sheet.bars),
        labels=tuple(sheet.labels),
        shades=tuple(_shades(sheet.axis, windows)),
        marks=tuple(sheet.marks),
        hovers=tuple(sheet.hovers),
    )


def _proven_s(history: History, window: FaultWindow) -> float | None:
    events = tracks_of(history).faults[window.fault_id].events
    return next((event.end_s for event in events if event.phase is FaultPhase.PROVEN), None)


def _fault_row(sheet: Sheet, window: FaultWindow, proven_s: float | None) -> None:
    regions = ", ".join(window.regions)
    over_s = window.rolled_back_s or window.until_s
    y = sheet.row(FAULT_HEIGHT, f"fault in {regions}", looks="strong")
    proven = "NOT PROVEN to bite" if proven_s is None else f"proven {proven_s - window.injected_s:.1f} s later"
    undone = f"rolled back {over_s - window.injected_s:.1f} s" if window.rolled_back_s else "NOT rolled back"
    sheet.bar(window.injecting_s, over_s, y + 3, FAULT_HEIGHT - 6, "fault", f"{window.fault}: injected, {proven}")
    moments = [(window.injected_s, "injected"), (proven_s, "proven"), (window.rolled_back_s, "rolled-back")]
    sheet.marks += [sheet.axis.bar(at_s, at_s, 0, 0, looks) for at_s, looks in moments if at_s is not None]
    told = (
        f"{window.fault} in {regions}: injected at {window.injected_s:.1f} s (the call began at "
        f"{window.injecting_s:.1f} s), {proven}, {undone} after that"
    )
    sheet.hovers.append(Hover(y, FAULT_HEIGHT, f"fault in {regions}", [(window.injecting_s, over_s, told)]))


def _shades(axis: Axis, windows: Sequence[FaultWindow]) -> Iterator[Bar]:
    """The time in which any fault was in force: windows that overlap are one."""
    from_s = until_s = None
    for window in windows:
        over_s = window.rolled_back_s or window.until_s
        if from_s is None or until_s is None or window.injected_s > until_s:
            if from_s is not None and until_s is not None:
                yield axis.bar(from_s, until_s, 0, 0, "shade")
            from_s, until_s = window.injected_s, over_s
        until_s = max(until_s, over_s)
    if from_s is not None and until_s is not None:
        yield axis.bar(from_s, until_s, 0, 0, "shade")


def _notes_row(sheet: Sheet, history: History, experiment: ExperimentEvent) -> None:
    """Notes, and looks that were due and not made by a whole family of probes; no row when there are none."""
    events = [
        event
        for event in (*history.of(Note), *tracks_of(history).gaps["*"])
        if experiment.start_s <= event.start_s <= experiment.end_s
    ]
    if not events:
        return
    y = sheet.row(NOTE_HEIGHT, "notes, missed looks")
    parts = []
    for event in sorted(events, key=lambda event: event.start_s):
        sheet.bar(event.start_s, event.end_s, y + 4, NOTE_HEIGHT - 8, "gap" if isinstance(event, Gap) else "note")
        parts.append((round(event.start_s, 2), round(event.end_s, 2), _event_words(event)))
    sheet.hovers.append(Hover(y, NOTE_HEIGHT, "notes, missed looks", parts))


def _event_words(event: Note | Gap) -> str:
    if isinstance(event, Note):
        return event.text
    return f"{event.missed} {event.source} {'look' if event.missed == 1 else 'looks'} left out: {event.reason}"


def _quorum_row(
    sheet: Sheet, region: RegionName, palette: Palette, points: Sequence[QuorumPoint], experiment: ExperimentEvent
) -> None:
    y = sheet.row(QUORUM_HEIGHT, region, note="checkers healthy", looks=f"strong {palette.looks(region)}")
    room = QUORUM_HEIGHT - 6
    parts = []
    for from_s, until_s, point in _steps(points, experiment):
        height = round(room * point.checkers_healthy / max(point.checkers_total, 1), 1)
        if not point.healthy:
            sheet.bar(from_s, until_s, y + 3, room, "sick")
        sheet.bar(from_s, until_s, y + 3 + room - height, height, f"quorum {palette.looks(region)}")
        called = "healthy" if point.healthy else "UNHEALTHY"
        told = f"{point.checkers_healthy} of {point.checkers_total} checkers say healthy: Route 53 calls it {called}"
        parts.append((round(from_s, 2), round(until_s, 2), told))
    sheet.hovers.append(Hover(y, QUORUM_HEIGHT, f"health check of {region}", parts))


def _steps(points: Sequence[QuorumPoint], experiment: ExperimentEvent) -> Iterator[tuple[float, float, QuorumPoint]]:
    """Equal neighbours as one; each lasts until the next poll, the last one until the experiment's end."""
    inside = [point for point in points if experiment.start_s <= point.at_s <= experiment.end_s]
    kept = [next(same) for _, same in groupby(inside, key=lambda point: msgspec.structs.astuple(point)[1:])]
    for point, after in zip_longest(kept, kept[1:]):
        yield point.at_s, after.at_s if after else experiment.end_s, point


def _home(seen: VantageLooks) -> RegionName | None:
    return nearest(seen.summary, CLOSE_SHARE).region


def _order(summary: VantageSummary, palette: Palette) -> tuple[int, float, str]:
    """By home region in the stack's order, then by how near it is."""
    home = nearest(summary, CLOSE_SHARE).region
    rank = palette.regions.index(home) if home in palette.regions else len(palette.regions)
    return rank, summary.rtt_ms.get(home or "", 0.0), summary.name


def _group_row(sheet: Sheet, home: RegionName | None, palette: Palette, lanes: int) -> None:
    where = f"nearest to {home}" if home else "nearest region not known"
    sheet.row(GROUP_HEIGHT, where, note=f"{lanes}", looks=f"group {palette.looks(home)}")


def _lane(
    sheet: Sheet,
    seen: VantageLooks,
    home: RegionName | None,
    palette: Palette,
    history: History,
    experiment: ExperimentEvent,
) -> None:
    name, tracks = seen.summary.name, tracks_of(history)
    close = nearest(seen.summary, CLOSE_SHARE).close
    y = sheet.row(LANE_HEIGHT, place_of(name), note=("≈ " if close else "") + name.removeprefix("aws:"))
    served = served_stretches(seen.served, tracks.https[name].events, experiment)
    led = dns_stretches(seen.dns, tracks.dns[name].events, experiment)
    for stretch in served:
        _bar(sheet, stretch, y + 1, SERVED_HEIGHT, palette, home)
    for stretch in led:
        _bar(sheet, stretch, y + 2 + SERVED_HEIGHT, DNS_HEIGHT, palette, None)
    parts = [_part("HTTPS", stretch) for stretch in served] + [_part("DNS", stretch) for stretch in led]
    also = "; its two nearest regions are about equally near" if close else ""
    sheet.hovers.append(Hover(y, LANE_HEIGHT, f"{place_of(name)} ({name}){also}", parts))


def _bar(sheet: Sheet, stretch: Stretch, y: float, height: float, palette: Palette, home: RegionName | None) -> None:
    """Only a lane that is away from home bears a text: that is where to look."""
    away = home is not None and stretch.region not in {None, home}
    wide = sheet.axis.x(stretch.end_s) - sheet.axis.x(stretch.start_s) > LABEL_WIDER_THAN
    looks = "failed" if stretch.failed else palette.looks(stretch.region)
    sheet.bar(stretch.start_s, stretch.end_s, y, height, looks, (stretch.region or "") if away and wide else "")


def _part(kind: str, stretch: Stretch) -> tuple[float, float, str]:
    told = f"{kind} {stretch.start_s:.1f} to {stretch.end_s:.1f} s: {stretch.words}"
    return round(stretch.start_s, 2), round(stretch.end_s, 2), told


def place_of(vantage: VantageName) -> str:
    """The catalogue's city; the name itself for vantages of other origin."""
    return next((known.city for known in catalogue() if known.name == vantage), vantage)
