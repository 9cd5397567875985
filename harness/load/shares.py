"""Which region served how much of the load, slice by slice of time, and what was broken meanwhile. No locust here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from harness.events import FaultEvent, FaultPhase

SLICES_AT_MOST = 120
"""When there are more, two become one: the whole run stays on one page."""
BAR = 12
"""Characters of a full bar."""
NOBODY = "no region"


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """What came between two looks at the counters."""

    from_s: float
    until_s: float
    served: dict[str, int]
    """Requests by the region that served; `NOBODY` for those that none did."""

    def share(self, region: str) -> float:
        total = sum(self.served.values())
        return self.served.get(region, 0) / total if total else 0.0


class Shares:
    """Fed with counters that only grow, as locust's are."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s
        self._slices: list[Slice] = []
        self._last: Counter[str] = Counter()
        self._last_s: float | None = None

    @property
    def slices(self) -> Sequence[Slice]:
        return self._slices

    def look(self, now_s: float, served: Mapping[str, int]) -> None:
        """Counters that went back began again: so do we."""
        counters = Counter(served)
        if self._last_s is None or any(counters[region] < count for region, count in self._last.items()):
            self._slices, self._last, self._last_s = [], counters, now_s
            return
        if now_s - self._last_s < self._slice_s:
            return
        came = {region: count - self._last[region] for region, count in counters.items()}
        self._slices.append(Slice(from_s=self._last_s, until_s=now_s, served=came))
        self._last, self._last_s = counters, now_s
        if len(self._slices) > SLICES_AT_MOST:
            self._slices = [_joined(pair) for pair in _pairs(self._slices)]
            self._slice_s *= 2


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A fault's window; `until_s` None: it is in force."""

    what: str
    from_s: float
    until_s: float | None = None

    def touches(self, one: Slice) -> bool:
        return self.from_s < one.until_s and (self.until_s is None or self.until_s > one.from_s)


def broken_windows(events: Iterable[FaultEvent]) -> list[Broken]:
    windows: dict[str, Broken] = {}
    for event in events:
        if event.phase is FaultPhase.INJECTED:
            what = f"{event.fault} in {', '.join(event.regions)}"
            windows[event.fault_id] = Broken(what=what, from_s=event.end_s)
        elif event.phase is FaultPhase.ROLLED_BACK and event.fault_id in windows:
            windows[event.fault_id] = msgspec.structs.replace(windows[event.fault_id], until_s=event.end_s)
    return list(windows.values())


def rows(slices: Sequence[Slice], regions: Sequence[str], broken: Sequence[Broken]) -> list[dict[str, str]]:
    """As a table shows them, the newest first; "time" sorts as text."""
    return [
        {
            "time": f"{one.from_s:6.0f} to {one.until_s:6.0f} s",
            "requests": f"{sum(one.served.values()):,}",
            **{region: bar(one.share(region)) for region in (*regions, NOBODY)},
            "broken": ", ".join(window.what for window in broken if window.touches(one)) or "–",
        }
        for one in reversed(slices)
    ]


def bar(share: float) -> str:
    """ "▇▇▇▇▇▇······ 50 %": a table has no other way to draw."""
    full = round(share * BAR)
    return f"{'▇' * full}{'·' * (BAR - full)} {share:.0%}"


def _pairs(slices: Sequence[Slice]) -> list[Sequence[Slice]]:
    return [slices[first : first + 2] for first in range(0, len(slices), 2)]


def _joined(slices: Sequence[Slice]) -> Slice:
    served: Counter[str] = Counter()
    for one in slices:
        served.update(one.served)
    return Slice(from_s=slices[0].from_s, until_s=slices[-1].until_s, served=dict(served))
