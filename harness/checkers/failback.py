"""After a region was mended: noticed, routed back and served at home in time."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.checkers.limits import Allowances, client_limit, detection_limit, dns_limit
from harness.checkers.moments import Moment, in_time
from harness.checkers.per_fault import all_in_time, for_each_fault
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName, Stack

CHECKER = "failback"


class FailbackInTime(msgspec.Struct, frozen=True, kw_only=True, tag="failback-in-time"):
    """From the end of the rollback, read-back included: healthy again, DNS back, users home.

    Only what had left can come back: vantages that never left are judged by the checks of the failover.
    """

    region: RegionName
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        def judge(times: FailoverTimes) -> Iterator[Finding]:
            if times.window.rolled_back_s is None or times.window.undoing_s is None:
                why = "the fault was not rolled back in this run"
                yield Finding.unknown(CHECKER, self._claim, why, subject=self.region)
                return
            stack, since_s = history.header.stack, times.window.rolled_back_s
            polls = tracks_of(history).health[self.region].between(times.window.undoing_s, times.window.until_s)
            yield self._noticed(times.healthy_again, since_s, stack, len(polls))
            dns = [(seen.vantage, seen.dns_back) for seen in times.vantages if seen.dns_back]
            yield from self._back(f"DNS sent users back to {self.region}", "failback-dns", dns, since_s, stack)
            home = [(seen.vantage, seen.home) for seen in times.vantages if seen.home]
            yield from self._back(
                f"The users of {self.region} were served there again", "failback", home, since_s, stack
            )

        return for_each_fault(history, experiment, self.region, checker=CHECKER, claim=self._claim, judge=judge)

    @property
    def _claim(self) -> str:
        return f"All went back to {self.region} once it was mended"

    def _noticed(self, moment: Moment | None, since_s: float, stack: Stack, polls: int) -> Finding:
        claim = f"Route 53 noticed that {self.region} was well again"
        if moment is None:
            why = "it was never called sick, so there was nothing to notice"
            return Finding.unknown("failback-detect", claim, why, subject=self.region, samples=polls)
        limit = detection_limit(stack, self.allowances)
        return in_time(
            "failback-detect", claim, moment, from_s=since_s, limit=limit, subject=self.region, samples=polls
        )

    def _back(
        self, claim: str, checker: str, moments: list[tuple[VantageName, Moment]], since_s: float, stack: Stack
    ) -> Iterator[Finding]:
        if not moments:
            why = f"no vantage was seen to leave {self.region}, so none could come back"
            yield Finding.unknown(checker, claim, why, subject=self.region)
            return
        limit = (dns_limit if checker == "failback-dns" else client_limit)(stack, self.allowances)
        yield from all_in_time(checker, claim, moments, from_s=since_s, limit=limit, region=self.region)
