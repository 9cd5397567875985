"""How long requests took, a row for each place they came from, a column for each region that served them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from harness.checkers.latency import P95_NEEDS, OriginLatency, Quantiles, origin_latencies
from harness.events import HttpReply, VantageSummary
from harness.history import History
from harness.report.resolvers import asks_by
from harness.report.scene import places_of
from harness.report.words import count
from harness.stack import RegionName

STEPS_MS = (50.0, 100.0, 200.0, 500.0)
"""Upper ends of the colours of p50; one more colour is for what is later."""
FOLD_ABOVE = 20
"""More rows than that are folded into their groups."""


class OriginCell(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one place that one region served; without any, all but `known` is empty."""

    looks: str = ""
    p50: str = ""
    p95: str = ""
    """ "–" where the samples are too few to tell."""
    samples: str = ""
    known: str = ""
    """The catalogue's round trip."""
    order: float = float("inf")
    """What the column is sorted by: p50."""


class OriginRow(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    vantage: str
    asks_by: str
    cells: tuple[OriginCell, ...]


class OriginGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The places nearest to one region."""

    title: str
    spans: tuple[str, ...]
    """For each region: from the fastest place's p50 to the slowest one's."""
    rows: tuple[OriginRow, ...]


class Origins(msgspec.Struct, frozen=True, kw_only=True):
    regions: tuple[RegionName, ...]
    groups: tuple[OriginGroup, ...]
    folded: bool
    remark: str
    """What the numbers are, and what they are not."""

    @property
    def any_own_way(self) -> bool:
        return any(row.asks_by for group in self.groups for row in group.rows)


def build_origins(history: History) -> Origins | None:
    """None when no request was served by a region that named itself."""
    latencies = origin_latencies(history)
    if not latencies:
        return None
    regions = history.header.stack.region_names
    known = {summary.name: summary for summary in history.header.vantages}
    names = dict.fromkeys(one.vantage for one in latencies)
    summaries = [known.get(name) or VantageSummary(name=name, latitude=0.0, longitude=0.0) for name in names]
    summaries.sort(key=lambda summary: _order(summary, regions))
    seen = {(one.vantage, one.region): one for one in latencies}
    places = places_of(history)
    groups = [
        _group(home, [_row(summary, places, regions, seen) for summary in mine], len(regions))
        for home, mine in groupby(summaries, key=_home)
    ]
    return Origins(
        regions=tuple(regions), groups=tuple(groups), folded=len(summaries) > FOLD_ABOVE, remark=_remark(history)
    )


def legend() -> list[tuple[str, str]]:
    """CSS class and meaning of each colour."""
    ends = [f"{step_ms:g}" for step_ms in STEPS_MS]
    words = [f"up to {ends[0]} ms", *(f"to {end} ms" for end in ends[1:]), f"above {ends[-1]} ms"]
    return [(f"late{step}", told) for step, told in enumerate(words)]


def _home(summary: VantageSummary) -> RegionName | None:
    return summary.expected_order[0] if summary.expected_order else None


def _order(summary: VantageSummary, regions: Sequence[RegionName]) -> tuple[int, float, str]:
    home = _home(summary)
    rank = regions.index(home) if home in regions else len(regions)
    return rank, summary.rtt_ms.get(home or "", 0.0), summary.name


def _row(
    summary: VantageSummary,
    places: dict[str, str],
    regions: Sequence[RegionName],
    seen: dict[tuple[str, RegionName], OriginLatency],
) -> OriginRow:
    return OriginRow(
        place=places.get(summary.name, summary.name),
        vantage=summary.name,
        asks_by=asks_by(summary),
        cells=tuple(_cell(seen.get((summary.name, region)), summary.rtt_ms.get(region)) for region in regions),
    )


def _cell(latency: OriginLatency | None, rtt_ms: float | None) -> OriginCell:
    known = "" if rtt_ms is None else f"{rtt_ms:.0f}"
    if latency is None:
        return OriginCell(known=known)
    total: Quantiles = latency.total
    p50_ms = 1000 * total.p50_s
    return OriginCell(
        looks=f"late{sum(p50_ms > step_ms for step_ms in STEPS_MS)}",
        p50=f"{p50_ms:.0f}",
        p95="–" if total.p95_s is None else f"{1000 * total.p95_s:.0f}",
        samples=f"{total.samples:,}",
        known=known,
        order=round(p50_ms, 1),
    )


def _group(home: RegionName | None, rows: Sequence[OriginRow], regions: int) -> OriginGroup:
    title = f"nearest to {home}" if home else "nearest region not known"
    spans = tuple(_span([row.cells[column] for row in rows]) for column in range(regions))
    return OriginGroup(title=f"{title}: {count(len(rows), 'place')}", spans=spans, rows=tuple(rows))


def _span(cells: Sequence[OriginCell]) -> str:
    served = sorted((cell.order, cell.p50) for cell in cells if cell.p50)
    if not served:
        return ""
    fastest, slowest = served[0][1], served[-1][1]
    return f"{count(len(served), 'place')}, p50 {fastest if fastest == slowest else f'{fastest} to {slowest}'}"


def _remark(history: History) -> str:
    return " ".join(_remarks(history))


def _remarks(history: History) -> Iterator[str]:
    yield (
        "Good requests, from the look's start (resolving and connecting included) to the reply's last byte, in ms: "
        f"p50, p95 (–: fewer than {P95_NEEDS} tell none), how many."
    )
    rate = history.header.clock_rate
    if _all_on_loopback(history):
        scale = f", {rate:g} times as long by the stack's clock" if rate != 1 else ""
        yield f"All were answered on loopback: these are this machine's times{scale}, and no distance is in them."
    elif rate != 1:
        yield f"By the stack's clock, which runs at {rate:g} times real time."
    if any(summary.rtt_ms for summary in history.header.vantages):
        yield "Small and grey: the catalogue's round trip, by which the nearest region is told."


def _all_on_loopback(history: History) -> bool:
    addresses = {reply.address for reply in history.of(HttpReply) if reply.address}
    return bool(addresses) and all(_is_loopback(address) for address in addresses)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
