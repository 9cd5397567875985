"""What a load test claims: latency held, the other regions carried what came to them, nobody was stormed on return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from harness.checkers.timeline import fault_windows
from harness.checkers.under_load import (
    AFTER,
    BEFORE,
    DURING,
    RegionLoad,
    broken_regions,
    phases,
    region_loads,
    went_to,
)
from harness.events import ExperimentEvent, HttpReply
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName


class LatencyHeld(msgspec.Struct, frozen=True, kw_only=True, tag="latency-held"):
    """95 of 100 good replies of each region came within the limit: before, during and after the faults."""

    p95_at_most_s: float = 2.0
    at_least_replies: int = 100
    """Of each region that is judged: with fewer, its p95 rests on a handful."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        loads = region_loads(history, experiment)
        return [self._judge(phase, regions) for phase, regions in loads.items()]

    def _judge(self, phase: str, regions: tuple[RegionLoad, ...]) -> Finding:
        claim = f"Users were answered quickly ({phase})"
        judged = [load for load in regions if load.good >= self.at_least_replies]
        if not judged:
            most = max((load.good for load in regions), default=0)
            why = f"no region gave {self.at_least_replies} good replies; the most were {most}"
            return Finding.unknown("latency", claim, why, subject=phase, samples=sum(load.good for load in regions))
        slowest = max(judged, key=lambda load: load.p95_s or 0.0)
        few = [load.region for load in regions if load not in judged]
        told = "; ".join(_told(load) for load in judged)
        left_out = f"; too few replies to judge: {', '.join(few)}" if few else ""
        return Finding.at_most(
            "latency",
            claim,
            measured=slowest.p95_s or 0.0,
            limit=self.p95_at_most_s,
            unit="s",
            explanation=f"p95 of {slowest.region} is the slowest; {told}{left_out}",
            samples=sum(load.good for load in judged),
            subject=phase,
        )


class SurvivorsHeld(msgspec.Struct, frozen=True, kw_only=True, tag="survivors-held"):
    """The regions that nothing was done to took over, without failing more or getting much slower."""

    failed_share_at_most: float = 0.01
    p95_at_most_times: float = 3.0
    """The p95 before the faults."""
    at_least_replies: int = 100

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim, broken = "The other regions carried the load", broken_regions(history, experiment)
        if not broken:
            return [Finding.unknown("survivors", claim, "nothing was broken: there are no survivors to judge")]
        loads = region_loads(history, experiment)
        before = {load.region: load for load in loads[BEFORE]}
        during = [load for load in loads[DURING] if load.region not in broken]
        if not during:
            why = f"no request went to another region while {', '.join(sorted(broken))} was broken"
            return [Finding.unknown("survivors", claim, why)]
        return [finding for load in during for finding in self._judge(before.get(load.region), load)]

    def _judge(self, before: RegionLoad | None, load: RegionLoad) -> Iterator[Finding]:
        claim = f"{load.region} carried what came to it"
        if load.requests < self.at_least_replies:
            more = self.at_least_replies - load.requests
            why = f"{load.requests} requests went there during the faults; {more} more are needed"
            yield Finding.unknown("survivors", claim, why, subject=load.region, samples=load.requests)
            return
        grew = f"{before.share if before else 0:.0%} of the good replies before, {load.share:.0%} during the faults"
        yield Finding.at_most(
            "survivors",
            claim,
            measured=load.failed / load.requests,
            limit=self.failed_share_at_most,
            unit="share",
            explanation=f"{load.failed} of {load.requests} requests there failed; it gave {grew}",
            samples=load.requests,
            subject=load.region,
        )
        yield self._judge_pace(before, load)

    def _judge_pace(self, before: RegionLoad | None, load: RegionLoad) -> Finding:
        claim = f"{load.region} stayed quick under what came to it"
        if before is None or before.good < self.at_least_replies or not before.p95_s or load.p95_s is None:
            few = before.good if before else 0
            why = f"{few} good replies before the faults are too few to compare with"
            return Finding.unknown("survivors-pace", claim, why, subject=load.region, samples=few)
        return Finding.at_most(
            "survivors-pace",
            claim,
            measured=load.p95_s / before.p95_s,
            limit=self.p95_at_most_times,
            unit="×",
            explanation=f"p95 {before.p95_s:.3f} s before, {load.p95_s:.3f} s during the faults",
            samples=load.good,
            subject=load.region,
        )


class RetryStormStayedAway(msgspec.Struct, frozen=True, kw_only=True, tag="retry-storm-stayed-away"):
    """When the region came back, it was not asked much more, in any few seconds, than before it broke."""

    region: RegionName
    at_most_times: float = 2.0
    window_s: float = 10.0
    at_least_requests: int = 20
    """In the busiest window before: with fewer, chance alone makes some window twice as busy as another."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"No retry storm met {self.region} when it came back"
        if not any(self.region in window.regions for window in fault_windows(history, experiment)):
            return [Finding.unknown("retry-storm", claim, "it was never broken", subject=self.region)]
        counts = self._counts(history, experiment)
        before, after = counts[BEFORE], counts[AFTER]
        usual = max(before.values(), default=0)
        if usual < self.at_least_requests or not after:
            why = (
                f"its busiest {self.window_s:g} s before had {usual} requests, of which {self.at_least_requests} are"
                f" needed, and after it came back {sum(after.values())} requests went there"
            )
            return [Finding.unknown("retry-storm", claim, why, subject=self.region, samples=sum(after.values()))]
        at, busiest = max(after.items(), key=lambda window: window[1])
        return [
            Finding.at_most(
                "retry-storm",
                claim,
                measured=busiest / usual,
                limit=self.at_most_times,
                unit="×",
                explanation=f"at most {busiest} requests in {self.window_s:g} s, from {at * self.window_s:.0f} s on;"
                f" before it broke at most {usual}",
                samples=sum(after.values()),
                subject=self.region,
            )
        ]

    def _counts(self, history: History, experiment: ExperimentEvent) -> dict[str, Counter[int]]:
        """Requests to the region in each whole window of each phase."""
        replies = [reply for reply in history.of(HttpReply) if experiment.start_s <= reply.start_s <= experiment.end_s]
        went = zip(replies, went_to(replies), strict=True)
        at_s = [reply.start_s for reply, region in went if region == self.region]
        return {
            phase.name: Counter(int(one_s // self.window_s) for one_s in at_s if phase.from_s <= one_s < phase.until_s)
            for phase in phases(history, experiment)
        }


def _told(load: RegionLoad) -> str:
    return (
        f"{load.region} p50 {load.p50_s or 0:.3f}, p95 {load.p95_s or 0:.3f}, p99 {load.p99_s or 0:.3f} s"
        f" of {load.good:,}"
    )
