"""Whether a load test measured the stack: the generator had time for it, its record is whole, users were served."""

from __future__ import annotations

from collections import Counter

import msgspec

from harness.checkers.requests import few_failed, replies_between
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, Gap, HttpReply, LoadSample
from harness.findings import Finding, Verdict
from harness.history import History

KEPT_UP = "generator-kept-up"
CLAIM = "The load generator was not the bottleneck, and nothing it saw was lost"


class GeneratorKeptUp(msgspec.Struct, frozen=True, kw_only=True, tag="generator-kept-up"):
    """No worker used more than `cpu_share_at_most` of its core, and the record of each is whole.

    Never FAIL: a generator out of breath measures itself, and makes the other findings doubtful, not the stack bad.
    """

    cpu_share_at_most: float = 0.9
    """Where locust itself begins to warn."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        samples = [one for one in history.indexed(LoadSample) if _during(one[1], experiment)]
        gaps = [one for one in history.indexed(Gap) if one[1].source == "load" and _during(one[1], experiment)]
        if not samples:
            return [Finding.unknown(KEPT_UP, CLAIM, "no load generator told of itself: was there any load?")]
        busiest = max(samples, key=lambda one: one[1].cpu_share)
        workers = len({sample.source for _, sample in samples})
        uncertain_s = max(sample.clock_uncertainty_s or 0.0 for _, sample in samples)
        told = (
            f"the busiest of {workers} worker{'s' * (workers > 1)}, {busiest[1].source}, used up to"
            f" {busiest[1].cpu_share:.0%} of its core; at most {max(one.users for _, one in samples)} users each;"
            f" the workers' clocks agree with the master's within"
            f" {uncertain_s * 1000 / history.header.clock_rate:.2f} ms"
        )
        finding = Finding.at_most(
            KEPT_UP,
            CLAIM,
            measured=busiest[1].cpu_share,
            limit=self.cpu_share_at_most,
            unit="share",
            explanation=told,
            samples=len(samples),
            evidence=(busiest[0],),
        )
        doubts = [f"times in this run are doubtful: {told}"] if finding.verdict is not Verdict.PASS else []
        doubts += dict.fromkeys(gap.reason for _, gap in gaps)
        if not doubts:
            return [finding]
        evidence = (busiest[0], *(index for index, _ in gaps))
        doubted = {"verdict": Verdict.UNKNOWN, "explanation": "; ".join(doubts), "evidence": evidence}
        return [msgspec.structs.replace(finding, **doubted)]


class BelowCapacity(msgspec.Struct, frozen=True, kw_only=True, tag="below-capacity"):
    """The load stayed well below what the servers are known to carry: what was measured is the stack, not their limit.

    Never FAIL: a load that is near it makes latencies doubtful, not the stack bad.
    """

    requests_per_s: float
    """A wall second, of all regions together."""
    at_most_share: float = 0.7

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"The load stayed below {self.at_most_share:.0%} of what the servers carry"
        rate = history.header.clock_rate
        seconds = Counter(
            int(reply.start_s // rate)
            for reply in history.of(HttpReply)
            if experiment.start_s <= reply.start_s <= experiment.end_s
        )
        if not seconds:
            return [Finding.unknown("capacity", claim, "no request was made")]
        busiest = max(seconds.values())
        finding = Finding.at_most(
            "capacity",
            claim,
            measured=busiest / self.requests_per_s,
            limit=self.at_most_share,
            unit="share",
            explanation=f"{busiest:,} requests in the busiest second; the servers are known to carry"
            f" {self.requests_per_s:,.0f} over kept connections",
            samples=sum(seconds.values()),
        )
        if finding.verdict is Verdict.PASS:
            return [finding]
        doubt = f"{finding.explanation}: latencies may be the servers' limit, not the stack's; put on less load"
        return [msgspec.structs.replace(finding, verdict=Verdict.UNKNOWN, explanation=doubt)]


class FewRequestsFailed(msgspec.Struct, frozen=True, kw_only=True, tag="few-requests-failed"):
    """Share of all requests of the experiment that failed."""

    at_most_share: float = 0.01
    at_least_requests: int = 100

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        return [
            few_failed(
                "requests",
                "Users were served",
                replies_between(tracks_of(history), experiment.start_s, experiment.end_s),
                at_most_share=self.at_most_share,
                at_least_requests=self.at_least_requests,
            )
        ]


def _during(event: LoadSample | Gap, experiment: ExperimentEvent) -> bool:
    return experiment.start_s <= event.start_s <= experiment.end_s
