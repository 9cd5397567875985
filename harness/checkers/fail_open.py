"""When every region is called sick, Route 53 answers as if all were well: better a sick region than none.

Source: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is configured".
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.checkers.limits import Allowances, Limit
from harness.checkers.moments import Moment, final_change
from harness.checkers.per_fault import all_in_time
from harness.checkers.requests import few_failed, replies_between
from harness.checkers.timeline import FailoverTimes, dns_looks, failover_times
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName, Stack

ROUTED = "DNS led everybody home although every region was called sick"
SERVED = "Users were served although every region was called sick"


class FailsOpen(msgspec.Struct, frozen=True, kw_only=True, tag="fails-open"):
    """Once all regions are called sick, every vantage's answers lead where they led when all were well.

    Users are served all along: it is for faults that break the health check and leave the service alone.
    """

    allowances: Allowances = Allowances()
    at_most_failed_share: float = 0.01
    at_least_requests: int = 100

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stack, tracks = history.header.stack, tracks_of(history)
        faults = failover_times(history, experiment)
        doubt = _doubt(faults, stack)
        if doubt:
            return [Finding.unknown("fail-open", claim, doubt) for claim in (ROUTED, SERVED)]
        until_s = min(times.window.rolling_back_s for times in faults)
        sick_s = max(times.detected.by_s or 0.0 for times in faults)
        if sick_s >= until_s:
            why = f"the last region was called sick at {sick_s:.1f} s, the first was mended at {until_s:.1f} s"
            return [Finding.unknown("fail-open", claim, why) for claim in (ROUTED, SERVED)]
        began_s = min(times.window.injecting_s for times in faults)
        return [*self._routed(tracks, began_s, sick_s, until_s), self._served(tracks, began_s, until_s)]

    def _routed(self, tracks: Tracks, began_s: float, sick_s: float, until_s: float) -> list[Finding]:
        moments: list[tuple[VantageName, Moment]] = []
        for vantage in tracks.vantages:
            home = tracks.dns_region_before(vantage, began_s)
            if home is not None:
                answers = tracks.dns[vantage].between(sick_s, until_s)
                moments.append((vantage, final_change(dns_looks(answers, home, back=True), sick_s)))
        if not moments:
            return [Finding.unknown("fail-open", ROUTED, "no vantage had an answer before the fault")]
        limit = Limit(
            at_most_s=self.allowances.propagation_s + self.allowances.margin_s,
            because=f"{self.allowances.propagation_s:g} s to the name servers + {self.allowances.margin_s:g} s margin",
        )
        return list(all_in_time("fail-open", ROUTED, moments, from_s=sick_s, limit=limit, region=""))

    def _served(self, tracks: Tracks, began_s: float, until_s: float) -> Finding:
        return few_failed(
            "fail-open",
            SERVED,
            replies_between(tracks, began_s, until_s),
            at_most_share=self.at_most_failed_share,
            at_least_requests=self.at_least_requests,
        )


def _doubt(faults: Sequence[FailoverTimes], stack: Stack) -> str | None:
    """Why nothing can be said of fail-open; None when every region was provably broken and called sick."""
    broken: set[RegionName] = {times.region for times in faults}
    if whole := [region for region in stack.region_names if region not in broken]:
        return f"not every region was broken: no fault was injected in {', '.join(whole)}"
    if unproven := sorted({times.region for times in faults if not times.window.proven}):
        return f"the fault was not proven to bite in {', '.join(unproven)}"
    if unnoticed := sorted({times.region for times in faults if times.detected.by_s is None}):
        return f"Route 53 never called {', '.join(unnoticed)} sick, so not all were"
    return None
