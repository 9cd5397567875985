"""Rows of a timeline: what clients did in each region, and how far each region was behind each other one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from harness.checkers.versions import items_of
from harness.errors import HistoryError
from harness.events import ItemRead, ItemWrite, Outcome
from harness.report.drawing import Area, Axis, Box, Hover
from harness.report.items.calls import C, calls_of
from harness.report.scene import Scene
from harness.report.words import count, seconds
from harness.stack import RegionName

HEAD_HEIGHT = 24.0
CALLS_HEIGHT = 17.0
WRITES, READS = Box(1.0, 9.0), Box(11.0, 4.0)
LAG_HEIGHT = 24.0
LAG = Box(2.0, 20.0)
BINS = 400
"""Of the time axis. A lag is drawn at its largest in each."""
BINS_TOLD = 4
"""So many of them are told together when pointed at."""
MERGED_SHARE = 0.002
"""Calls that failed closer together than this share of the axis are drawn as one."""
ERRORS_TOLD = 3

Late = tuple[float, float]
"""When a write was made, and until when another region surely lacked it."""


def add_item_rows(scene: Scene) -> bool:
    """Whether any client read or wrote during the experiment; without one there are no rows."""
    calls = calls_of(scene.history).during(scene.experiment)
    if not calls:
        return False
    scene.sheet.row(HEAD_HEIGHT, "clients in", note="writes · reads", looks="strong")
    writes, reads = _by_region(calls.writes), _by_region(calls.reads)
    for region in scene.palette.regions:
        _add_calls(scene, region, writes[region], reads[region])
    _add_lags(scene)
    return True


def _by_region(calls: Sequence[C]) -> defaultdict[RegionName, list[C]]:
    found: defaultdict[RegionName, list[C]] = defaultdict(list)
    for call in calls:
        found[call.region].append(call)
    return found


def _add_calls(scene: Scene, region: RegionName, writes: list[ItemWrite], reads: list[ItemRead]) -> None:
    y = scene.sheet.row(CALLS_HEIGHT, region, note=f"{len(writes):,} · {len(reads):,}")
    parts: list[tuple[float, float, str]] = []
    parts += _add_bars(scene, "write", writes, WRITES.below(y), scene.palette.looks(region))
    parts += _add_bars(scene, "read", reads, READS.below(y), scene.palette.looks(region))
    scene.sheet.hovers.append(Hover(y, CALLS_HEIGHT, f"clients in {region}", parts))


def _add_bars(scene: Scene, what: str, calls: list[C], box: Box, looks: str) -> Iterator[tuple[float, float, str]]:
    """One from the first call to the last, and those that failed on top of it."""
    if not calls:
        return
    begin_s, end_s = calls[0].start_s, max(call.end_s for call in calls)
    scene.sheet.bar(begin_s, end_s, box, looks)
    yield round(begin_s, 2), round(end_s, 2), _told(what, calls)
    for group in _close_together([call for call in calls if call.outcome is not Outcome.OK], scene.sheet.axis):
        from_s, until_s = group[0].start_s, max(call.end_s for call in group)
        scene.sheet.bar(from_s, until_s, box, "failed")
        yield round(from_s, 2), round(until_s, 2), _told(what, group)


def _close_together(calls: list[C], axis: Axis) -> Iterator[list[C]]:
    apart_s = MERGED_SHARE * (axis.until_s - axis.from_s)
    group: list[C] = []
    for call in calls:
        if group and call.start_s > group[-1].end_s + apart_s:
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def _told(what: str, calls: Sequence[C]) -> str:
    """ "40 writes: 38 ok, 1 fail, 1 unknown (ThrottlingException)"."""
    outcomes = Counter([call.outcome for call in calls])
    errors = Counter([call.error for call in calls if call.error]).most_common(ERRORS_TOLD)
    why = f" ({'; '.join(error for error, _ in errors)})" if errors else ""
    told = ", ".join(f"{amount:,} {outcome.value}" for outcome, amount in outcomes.items())
    return f"{count(len(calls), what)}: {told}{why}"


def _add_lags(scene: Scene) -> None:
    """A row for each ordered pair of regions in which some write was late, on one scale."""
    lags = {pair: bins for pair, late in _late_writes(scene).items() if any(bins := _bins(scene.sheet.axis, late))}
    highest_s = max((max(bins) for bins in lags.values()), default=0.0)
    for source in scene.palette.regions:
        mine = {receiving: bins for (region, receiving), bins in lags.items() if region == source}
        if mine:
            scene.sheet.row(HEAD_HEIGHT, f"behind {source}", looks="strong")
        for receiving, bins in mine.items():
            _add_lag(scene, source, receiving, bins, highest_s)


def _late_writes(scene: Scene) -> dict[tuple[RegionName, RegionName], list[Late]]:
    """Of acknowledged writes on keys of one region, where alone it is known which write a look should show."""
    regions = scene.palette.regions
    late: dict[tuple[RegionName, RegionName], list[Late]] = {
        (source, receiving): [] for source in regions for receiving in regions if source != receiving
    }
    try:
        items = items_of(scene.history)
    except HistoryError:
        return {}
    cold = (
        (write, key.looks)
        for region in regions
        for key, write in items.acknowledged(region)
        if len(key.regions) == 1 and scene.holds(write.event.start_s)
    )
    for write, all_looks in cold:
        for region, looks in all_looks.items():
            arrivals = late.get((write.event.region, region))
            if arrivals is not None and (arrival := looks.arrival(write)):
                arrivals.append((write.event.start_s, arrival.after_s))
    return late


def _bins(axis: Axis, late: Sequence[Late]) -> list[float]:
    """The largest age, in each bin of the axis, of a write that was not there yet."""
    width_s = (axis.until_s - axis.from_s) / BINS
    bins = [0.0] * BINS if late and width_s > 0 else []
    for written_s, until_s in late if bins else ():
        first, last = (int((at_s - axis.from_s) / width_s) for at_s in (written_s, until_s))
        for number in range(max(first, 0), min(last, BINS - 1) + 1):
            at_s = min(until_s, axis.from_s + (number + 1) * width_s)
            bins[number] = max(bins[number], at_s - written_s)
    return bins


def _add_lag(scene: Scene, source: RegionName, receiving: RegionName, bins: Sequence[float], highest_s: float) -> None:
    y = scene.sheet.row(LAG_HEIGHT, receiving, note=f"up to {seconds(max(bins))} s")
    box = LAG.below(y)
    heights = [box.height * lag_s / highest_s if highest_s else 0.0 for lag_s in bins]
    scene.sheet.areas.append(
        Area(box.top, box.height, BINS, _path(heights, box.height), scene.palette.looks(receiving))
    )
    title = f"{receiving} behind {source}"
    scene.sheet.hovers.append(Hover(y, LAG_HEIGHT, title, list(_parts(scene.sheet.axis, bins))))


def _path(heights: Sequence[float], full: float) -> str:
    """Steps in units of a bin, in half pixels; equal neighbours are one step."""
    told = [f"M0 {full:g}"]
    before = 0.0
    for number, height in enumerate(round(2 * height) / 2 for height in heights):
        if height != before:
            told.append(f"H{number}V{full - height:g}")
            before = height
    return "".join([*told, f"H{len(heights)}V{full:g}Z"])


def _parts(axis: Axis, bins: Sequence[float]) -> Iterator[tuple[float, float, str]]:
    width_s = (axis.until_s - axis.from_s) / BINS
    for first in range(0, BINS, BINS_TOLD):
        from_s = axis.from_s + first * width_s
        lag_s = max(bins[first : first + BINS_TOLD])
        told = f"up to {seconds(lag_s)} s behind" if lag_s else "no write was surely late"
        yield round(from_s, 2), round(from_s + BINS_TOLD * width_s, 2), told
