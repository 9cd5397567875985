"""After a region was mended: did its users come back without errors, and not all at once?

A stampede is measured on the returning region: how much more it is asked than before it broke, and which share of its
users comes back within a short time. Cached answers of different ages spread the return over a TTL; a cache that all
share, or answers of one age, would bring everybody at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.checkers.per_fault import for_each_fault
from harness.checkers.requests import few_failed, replies_between
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import ExperimentEvent, HttpReply
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName


class CalmFailback(msgspec.Struct, frozen=True, kw_only=True, tag="calm-failback"):
    """From the end of the rollback on: few failures, no more load than before, and users return bit by bit."""

    region: RegionName
    at_most_failed_share: float = 0.0
    at_least_requests: int = 100
    window_s: float = 10.0
    """Load and returns are counted in windows of this length."""
    load_at_most: float = 1.5
    """The busiest window after over the busiest one before the fault."""
    share_at_once_at_most: float = 0.8
    """Of the users that came back, so many at most in one window."""
    at_least_users: int = 3

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks = tracks_of(history)

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            if times.window.rolled_back_s is None:
                why = "the fault was not rolled back in this run"
                yield Finding.unknown("failback-errors", self._claim, why, subject=self.region)
                return
            yield few_failed(
                "failback-errors",
                f"Nobody failed while {self.region} came back",
                replies_between(tracks, times.window.rolled_back_s, times.window.until_s),
                at_most_share=self.at_most_failed_share,
                at_least_requests=self.at_least_requests,
                subject=self.region,
            )
            yield self._load(tracks, times, experiment)
            yield self._spread(times)

        return for_each_fault(
            history, experiment, self.region, checker="failback-errors", claim=self._claim, judge=judge
        )

    @property
    def _claim(self) -> str:
        return f"The users of {self.region} came back calmly"

    def _load(self, tracks: Tracks, times: FailoverTimes, experiment: ExperimentEvent) -> Finding:
        checker, claim = "failback-load", f"{self.region} was not asked more when it came back than before it broke"
        before = self._asked(tracks, experiment.start_s, times.window.injecting_s)
        after = self._asked(tracks, times.window.rolled_back_s or times.window.until_s, times.window.until_s)
        usual, _ = _busiest(before, self.window_s)
        if usual < self.at_least_users:
            why = f"at most {usual} requests in {self.window_s:g} s before the fault are too few to compare with"
            return Finding.unknown(checker, claim, why, subject=self.region, samples=len(before))
        busiest, evidence = _busiest(after, self.window_s)
        return Finding.at_most(
            checker,
            claim,
            measured=busiest / usual,
            limit=self.load_at_most,
            unit="times as much",
            explanation=f"in its busiest {self.window_s:g} s it served {busiest} requests after the rollback, and "
            f"{usual} before the fault",
            samples=len(after),
            subject=self.region,
            evidence=evidence,
        )

    def _asked(self, tracks: Tracks, from_s: float, until_s: float) -> list[tuple[int, HttpReply]]:
        """Requests that the region served, in order of time."""
        found = [pair for pair in replies_between(tracks, from_s, until_s) if pair[1].region == self.region]
        return sorted(found, key=lambda pair: pair[1].start_s)

    def _spread(self, times: FailoverTimes) -> Finding:
        checker, claim = "failback-spread", f"The users of {self.region} did not all come back at once"
        home = sorted(seen.home.by_s for seen in times.vantages if seen.home and seen.home.by_s is not None)
        if len(home) < self.at_least_users:
            why = f"{len(home)} users were seen to come back; it takes {self.at_least_users} to tell a crowd"
            return Finding.unknown(checker, claim, why, subject=self.region, samples=len(home))
        most = max(sum(first <= other < first + self.window_s for other in home) for first in home)
        return Finding.at_most(
            checker,
            claim,
            measured=most / len(home),
            limit=self.share_at_once_at_most,
            unit="share",
            explanation=f"{most} of {len(home)} users came back within {self.window_s:g} s; the first and the last "
            f"were {home[-1] - home[0]:.1f} s apart",
            samples=len(home),
            subject=self.region,
            evidence=tuple(event for seen in times.vantages if seen.home for event in seen.home.evidence),
        )


def _busiest(requests: Sequence[tuple[int, HttpReply]], window_s: float) -> tuple[int, tuple[int, ...]]:
    """(requests in the busiest window, their indexes)."""
    best: Sequence[tuple[int, HttpReply]] = ()
    first = 0
    for last, (_, reply) in enumerate(requests):
        while requests[first][1].start_s <= reply.start_s - window_s:
            first += 1
        if last + 1 - first > len(best):
            best = requests[first : last + 1]
    return len(best), tuple(index for index, _ in best)[:100]
