"""An operator takes a region out of DNS by hand: how soon is it empty, counted from the end of the call?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.checkers.limits import Limit
from harness.checkers.per_fault import all_in_time, for_each_fault
from harness.checkers.timeline import FailoverTimes
from harness.events import ExperimentEvent
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName, Stack


class EvacuatedInTime(msgspec.Struct, frozen=True, kw_only=True, tag="evacuated-in-time"):
    """DNS led nobody to the region any more, and its users were served elsewhere. No checker has to notice anything."""

    region: RegionName
    propagation_s: float
    """From the end of the call until every name server answers by it."""
    probe_interval_s: float = 10.0
    margin_s: float = 10.0

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stack = history.header.stack

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            for checker, claim, moments, limit in (
                (
                    "evacuation-dns",
                    f"DNS led nobody to {self.region} any more",
                    [(seen.vantage, seen.dns_changed) for seen in times.vantages if seen.dns_changed],
                    self._dns_limit(),
                ),
                (
                    "evacuation",
                    f"The users of {self.region} were served elsewhere",
                    [(seen.vantage, seen.recovered) for seen in times.vantages if seen.recovered],
                    self._client_limit(stack),
                ),
            ):
                yield from all_in_time(
                    checker, claim, moments, from_s=times.window.injected_s, limit=limit, region=self.region
                )

        claim = f"{self.region} was evacuated"
        return for_each_fault(history, experiment, self.region, checker="evacuation", claim=claim, judge=judge)

    def _dns_limit(self) -> Limit:
        return Limit(
            at_most_s=self.propagation_s + self.margin_s,
            because=f"{self.propagation_s:g} s to the name servers + {self.margin_s:g} s margin",
        )

    def _client_limit(self, stack: Stack) -> Limit:
        dns = self._dns_limit()
        return Limit(
            at_most_s=dns.at_most_s + stack.record_ttl_s + self.probe_interval_s,
            because=f"{dns.because} + {stack.record_ttl_s:g} s TTL + {self.probe_interval_s:g} s between requests",
        )
