"""A lane for each vantage, by home region: who served it, and below that, thinner, where its DNS answers led."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from harness.checkers.routing import nearest
from harness.checkers.spans import Span, dns_spans, served_spans
from harness.checkers.tracks import tracks_of
from harness.events import Gap, VantageSummary
from harness.history import History
from harness.report.drawing import Box, Hover
from harness.report.looks import Stretch, dns_stretches, served_stretches
from harness.report.palette import Palette
from harness.report.resolvers import asks_by
from harness.report.scene import Scene, places_of
from harness.report.words import count
from harness.stack import RegionName

GROUP_HEIGHT = 24.0
LANE_HEIGHT = 17.0
SERVED = Box(1.0, 9.0)
DNS = Box(11.0, 4.0)
CLOSE_SHARE = 0.10
"""Two regions whose round trips differ by less are about equally near."""
TEXT_FROM_PERCENT = 3.0
"""Bars narrower than that have no room for a region's name."""


class VantageLooks(msgspec.Struct, frozen=True):
    """A vantage's spans over the whole run: made once, for every experiment's timeline."""

    summary: VantageSummary
    place: str
    asks_by: str
    """How its users ask, where that is not the plain way."""
    home: RegionName | None
    close: bool
    """Its two nearest regions are about equally near."""
    served: list[Span]
    dns: list[Span]


def vantage_looks(history: History) -> list[VantageLooks]:
    """Of every vantage, also of those that the header does not name."""
    named = {summary.name: summary for summary in history.header.vantages}
    places = places_of(history)
    found = []
    for name in tracks_of(history).vantages:
        summary = named.get(name) or VantageSummary(name=name, latitude=0.0, longitude=0.0)
        near = nearest(summary, CLOSE_SHARE)
        served, led = served_spans(history, name), dns_spans(history, name)
        place = places.get(name, name)
        found.append(VantageLooks(summary, place, asks_by(summary), near.region, near.close, served, led))
    return found


def add_lanes(scene: Scene, looks: Sequence[VantageLooks]) -> bool:
    """All lanes, under a heading for each home region, nearest vantage first. None, when nobody was to look."""
    there = [seen for seen in looks if _looked(scene, seen)]
    if not there:
        return False
    for home, group in groupby(sorted(there, key=lambda seen: _order(seen, scene.palette)), key=lambda seen: seen.home):
        lanes = list(group)
        where = f"nearest to {home}" if home else "nearest region not known"
        scene.sheet.row(GROUP_HEIGHT, where, note=str(len(lanes)), looks="strong")
        for seen in lanes:
            _add_lane(scene, seen)
    if absent := sorted(seen.place for seen in looks if not _looked(scene, seen)):
        y = scene.sheet.row(GROUP_HEIGHT, "did not look at all", note=str(len(absent)), looks="strong")
        during = scene.experiment
        told = (during.start_s, during.end_s, ", ".join(absent))
        scene.sheet.bar(during.start_s, during.end_s, Box(y + 4, GROUP_HEIGHT - 8), "clear", told[2])
        scene.sheet.hovers.append(Hover(y, GROUP_HEIGHT, "did not look at all", [told]))
    return True


def _looked(scene: Scene, seen: VantageLooks) -> bool:
    """Whether it looked during the experiment, or should have."""
    tracks, name, during = tracks_of(scene.history), seen.summary.name, scene.experiment
    # Not by spans: one of them may bridge an experiment in which nobody looked.
    return (
        bool(tracks.https[name].between(during.start_s, during.end_s))
        or bool(tracks.dns[name].between(during.start_s, during.end_s))
        or any(scene.holds(gap.start_s) for gap in tracks.gaps[name])
    )


def _order(seen: VantageLooks, palette: Palette) -> tuple[int, float, str]:
    rank = palette.regions.index(seen.home) if seen.home in palette.regions else len(palette.regions)
    return rank, seen.summary.rtt_ms.get(seen.home or "", 0.0), seen.summary.name


def _add_lane(scene: Scene, seen: VantageLooks) -> None:
    name, tracks = seen.summary.name, tracks_of(scene.history)
    served = served_stretches(seen.served, tracks.https[name].events, scene.experiment)
    led = dns_stretches(seen.dns, tracks.dns[name].events, scene.experiment)
    place = seen.place
    note = "" if place == name else name.removeprefix("aws:")
    marks = [*(["≈"] if seen.close else []), *(["†"] if seen.asks_by else [])]
    y = scene.sheet.row(LANE_HEIGHT, place, note=" ".join([*marks, note]))
    for stretch in served:
        _add_bar(scene, stretch, SERVED.below(y), _away(scene, stretch, seen.home))
    for stretch in led:
        _add_bar(scene, stretch, DNS.below(y), "")
    title = f"{place} ({name})" + ("; its two nearest regions are about equally near" if seen.close else "")
    title += f"; {seen.asks_by}" if seen.asks_by else ""
    parts = [*_parts("HTTPS", served), *_parts("DNS", led), *_left_out(scene, tracks.gaps[name])]
    scene.sheet.hovers.append(Hover(y, LANE_HEIGHT, title, parts))


def _add_bar(scene: Scene, stretch: Stretch, box: Box, text: str) -> None:
    looks = "failed" if stretch.failed else scene.palette.looks(stretch.region)
    scene.sheet.bar(stretch.start_s, stretch.end_s, box, looks, text)


def _away(scene: Scene, stretch: Stretch, home: RegionName | None) -> str:
    """Only a lane that is away from home bears a region's name: that is where to look."""
    wide = scene.sheet.axis.x(stretch.end_s) - scene.sheet.axis.x(stretch.start_s) > TEXT_FROM_PERCENT
    named = wide and home is not None and not stretch.failed and stretch.region != home
    return (stretch.region or "") if named else ""


def _parts(kind: str, stretches: Sequence[Stretch]) -> Iterator[tuple[float, float, str]]:
    for stretch in stretches:
        told = f"{kind} {stretch.start_s:.1f} to {stretch.end_s:.1f} s: {stretch.words}"
        yield round(stretch.start_s, 2), round(stretch.end_s, 2), told


def _left_out(scene: Scene, gaps: Sequence[Gap]) -> Iterator[tuple[float, float, str]]:
    for gap in gaps:
        if scene.holds(gap.start_s):
            yield round(gap.start_s, 2), round(gap.end_s, 2), gap_words(gap)


def gap_words(gap: Gap) -> str:
    return f"{count(gap.missed, f'{gap.source} look')} left out: {gap.reason}"
