"""After a region broke: noticed, routed around and well elsewhere in time, with few failures on the way."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.checkers.limits import Allowances, client_limit, detection_limit, dns_limit
from harness.checkers.moments import in_time
from harness.checkers.per_fault import all_in_time, for_each_fault
from harness.checkers.requests import few_failed, replies_between
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName


class DetectedInTime(msgspec.Struct, frozen=True, kw_only=True, tag="detected-in-time"):
    """From the end of the injecting call until the first poll in which Route 53's quorum called the region sick."""

    region: RegionName
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"Route 53 noticed that {self.region} was sick"
        polls = tracks_of(history).health[self.region]

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            window = times.window
            known = polls.last_before(window.injecting_s, lambda seen: seen.healthy is not None)
            if known and known[1].healthy is False:
                yield Finding.unknown("time-to-detect", claim, "it was called sick before it was", subject=self.region)
                return
            yield in_time(
                "time-to-detect",
                claim,
                times.detected,
                from_s=window.injected_s,
                limit=detection_limit(history.header.stack, self.allowances),
                subject=self.region,
                samples=len(polls.between(window.injected_s, window.rolling_back_s)),
            )

        return for_each_fault(history, experiment, self.region, checker="time-to-detect", claim=claim, judge=judge)


class DnsChangedInTime(msgspec.Struct, frozen=True, kw_only=True, tag="dns-changed-in-time"):
    """Until, for every vantage that DNS led to the region, the answers led elsewhere and kept doing so."""

    region: RegionName
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"DNS stopped sending users to {self.region}"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            return all_in_time(
                "time-until-dns-changed",
                claim,
                [(seen.vantage, seen.dns_changed) for seen in times.vantages if seen.dns_changed],
                from_s=times.window.injected_s,
                limit=dns_limit(history.header.stack, self.allowances),
                region=self.region,
            )

        return for_each_fault(
            history, experiment, self.region, checker="time-until-dns-changed", claim=claim, judge=judge
        )


class VantagesRecovered(msgspec.Struct, frozen=True, kw_only=True, tag="vantages-recovered"):
    """Until every vantage that the region served got a good reply from another one, and none from this one after."""

    region: RegionName
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"The users of {self.region} were well again elsewhere"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            return all_in_time(
                "time-to-recover",
                claim,
                [(seen.vantage, seen.recovered) for seen in times.vantages if seen.recovered],
                from_s=times.window.injected_s,
                limit=client_limit(history.header.stack, self.allowances),
                region=self.region,
            )

        return for_each_fault(history, experiment, self.region, checker="time-to-recover", claim=claim, judge=judge)


class FailedRequests(msgspec.Struct, frozen=True, kw_only=True, tag="failed-requests"):
    """Share of all vantages' requests that failed, from injection until the next fault or the end."""

    region: RegionName
    at_most_share: float = 0.01
    at_least_requests: int = 100

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        checker, claim = "failed-requests", f"Users were served while {self.region} was sick and coming back"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            yield few_failed(
                checker,
                claim,
                replies_between(tracks_of(history), times.window.injected_s, times.window.until_s),
                at_most_share=self.at_most_share,
                at_least_requests=self.at_least_requests,
                subject=self.region,
            )

        return for_each_fault(history, experiment, self.region, checker=checker, claim=claim, judge=judge)
