"""The steady-state hypotheses that are judged while a run is going on. Fed with events; no I/O, no clock of its own."""

from __future__ import annotations

import itertools
import threading
from collections import deque

from harness.events import AnyEvent, DnsAnswer, FaultEvent, HttpReply, Outcome, VantageName
from harness.guards.kinds import EveryVantageServed, UntouchedRegionsWell
from harness.stack import RegionName

KEPT_AT_MOST = 100_000
"""Looks; an hour of 32 vantages every 5 s are 23,000."""


class SteadyView:
    """What the probes saw lately. `see` is called on their threads, the judgements on the guards'."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._well_s: dict[VantageName, float] = {}
        """When each vantage last had a good reply; before the first, when it first looked."""
        self._looks: deque[tuple[float, RegionName | None, bool]] = deque(maxlen=KEPT_AT_MOST)
        self._touched: set[RegionName] = set()
        self._region_at: dict[str, RegionName] = {}

    def see(self, event: AnyEvent) -> None:
        with self._lock:
            match event:
                case HttpReply():
                    self._look(event)
                case DnsAnswer(region=str(region)):
                    self._region_at |= dict.fromkeys(event.addresses, region)
                case FaultEvent():
                    # Also after it was rolled back: a region on its way home is not an untouched one.
                    self._touched.update(event.regions)
                case _:
                    pass

    def _look(self, look: HttpReply) -> None:
        ok = look.outcome is Outcome.OK
        known_s = self._well_s.setdefault(look.vantage, look.start_s)
        if ok:
            self._well_s[look.vantage] = max(known_s, look.end_s)
        # A look that got no reply belongs to the region at whose address it was made.
        region = look.region or (self._region_at.get(look.address) if look.address else None)
        self._looks.append((look.end_s, region, ok))

    def unserved(self, guard: EveryVantageServed, now_s: float) -> str | None:
        """Which vantage has gone without a good reply for too long; None when none has."""
        with self._lock:
            longest = min(self._well_s.items(), key=lambda item: item[1], default=None)
        if longest is None or now_s - longest[1] <= guard.longest_s:
            return None
        name, since_s = longest
        return (
            f"vantage {name!r} has had no good reply from any region for {now_s - since_s:.0f} s; "
            f"at most {guard.longest_s:g} s"
        )

    def unwell(self, guard: UntouchedRegionsWell, now_s: float) -> str | None:
        """The share of failed looks at regions without a fault, when it is above the limit; None when it is not."""
        with self._lock:
            # From the newest back: looks are kept as they end, so the first that is too old ends it.
            recent = itertools.takewhile(lambda look: look[0] >= now_s - guard.window_s, reversed(self._looks))
            judged = [(region, ok) for _at_s, region, ok in recent if region and region not in self._touched]
        failed = [region for region, ok in judged if not ok]
        if len(judged) < guard.samples_at_least or len(failed) <= guard.at_most * len(judged):
            return None
        return (
            f"{len(failed)} of {len(judged)} looks at regions without a fault failed in the last {guard.window_s:g} s "
            f"({', '.join(sorted(set(failed)))}); at most {guard.at_most:.1%}"
        )
