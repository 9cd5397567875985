"""Gray failures: users suffer and the health check that should send them elsewhere stays green.

What a health check sees depends on what it asks: a path that does not go where users' requests go, or a host that is
not the users' own, leaves a blind spot. It is named here, with what users went through in it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from harness.checkers.blind_spots import name_blind_spot
from harness.checkers.limits import Allowances, detection_limit
from harness.checkers.per_fault import for_each_fault
from harness.checkers.requests import EVIDENCE_AT_MOST
from harness.checkers.suffering import Harm, Watchfulness, harm_done, watchfulness
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

FELT_SHARE = 0.01
"""Requests that fail in a steady state, at most: a fault is felt when more do."""


class Sight(enum.Enum):
    """How what users felt and what the health check said go together."""

    BLIND = "blind"
    """Users suffer, every health check is green: a blind spot."""
    SEEN = "seen"
    """Users suffer, and the region's health check goes red."""
    FALSE_ALARM = "false-alarm"
    """Nobody suffers, and the region's health check goes red all the same."""
    HARMLESS = "harmless"
    """Nobody suffers, and no health check says otherwise."""


_TOLD = {
    Sight.BLIND: "users suffer and every health check stays green",
    Sight.SEEN: "users suffer and the region's health check goes red",
    Sight.FALSE_ALARM: "the region's health check goes red though no user suffers",
    Sight.HARMLESS: "no user suffers and every health check stays green",
}


class FaultSight(msgspec.Struct, frozen=True, kw_only=True, tag="fault-sight"):
    """Whether the region's health check sees the fault is as documented; a blind spot or a false alarm is named.

    Documented is what follows from what the check asks. FAIL says that the documentation is wrong about this stack,
    for better or worse; UNKNOWN that the fault was not proven, or not long enough in force to be noticed.
    """

    region: RegionName
    documented: Sight
    allowances: Allowances = Allowances()
    at_least_requests: int = 20
    at_least_polls: int = 3

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"As documented of a fault in {self.region}: {_TOLD[self.documented]}"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            yield self._judge(history, times, f"{times.window.fault} in {self.region}: {_TOLD[self.documented]}")

        return for_each_fault(history, experiment, self.region, checker="fault-sight", claim=claim, judge=judge)

    def _judge(self, history: History, times: FailoverTimes, claim: str) -> Finding:
        tracks, window = tracks_of(history), times.window
        harm = harm_done(tracks, self.region, window.injected_s, window.rolling_back_s)
        seen = watchfulness(tracks, window, self.region, history.header.stack.region_names)
        doubt = self._doubt(history, harm, seen)
        if doubt:
            return Finding.unknown("fault-sight", claim, doubt, subject=self.region, samples=harm.requests)
        sight = _sight(harm, seen)
        told = f"{_users_told(harm)}; {_checks_told(harm, seen, self.region)}"
        if sight is Sight.BLIND:
            told += f"; {name_blind_spot(history, window, self.region)}"
        if sight is not self.documented:
            told += f". Not as documented: {_TOLD[sight]}"
        return Finding(
            checker="fault-sight",
            claim=claim,
            verdict=Verdict.PASS if sight is self.documented else Verdict.FAIL,
            explanation=told,
            samples=harm.requests,
            subject=self.region,
            evidence=(*seen.red_evidence, *harm.evidence[:EVIDENCE_AT_MOST]),
        )

    def _doubt(self, history: History, harm: Harm, seen: Watchfulness) -> str | None:
        """Why nothing can be said; None when something can."""
        if harm.requests < self.at_least_requests:
            return (
                f"{harm.requests} requests went to {self.region} while the fault was in force; at least "
                f"{self.at_least_requests} are needed: watch from more places near it, or for longer"
            )
        if seen.polls < self.at_least_polls:
            return f"a health check was polled {seen.polls} times while the fault was in force, too seldom to call it"
        if seen.others_red:
            return f"the health check of {', '.join(seen.others_red)} was red meanwhile, which this fault did not do"
        limit = detection_limit(history.header.stack, self.allowances)
        held_s = harm.until_s - harm.from_s
        if seen.red_after_s is None and held_s < limit.at_most_s:
            return f"it was in force for {held_s:.0f} s; a check that sees it may take longer: {limit.sentence}"
        return None


class UsersSuffered(msgspec.Struct, frozen=True, kw_only=True, tag="users-suffered"):
    """How long the fault's worst hit user was served badly by the region, until the fault was undone.

    Without a limit it passes with what it measured. With one it fails when a user suffered longer.
    """

    region: RegionName
    at_most_s: float | None = None
    at_least_requests: int = 20

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"What users of {self.region} suffered was measured"
        if self.at_most_s is not None:
            claim = f"No user of {self.region} suffered for longer than {self.at_most_s:g} s"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            yield self._judge(history, times, claim)

        return for_each_fault(history, experiment, self.region, checker="users-suffered", claim=claim, judge=judge)

    def _judge(self, history: History, times: FailoverTimes, claim: str) -> Finding:
        window = times.window
        harm = harm_done(tracks_of(history), self.region, window.injected_s, window.rolling_back_s)
        if harm.requests < self.at_least_requests:
            why = f"{harm.requests} requests went to {self.region}; at least {self.at_least_requests} are needed"
            return Finding.unknown("users-suffered", claim, why, subject=self.region, samples=harm.requests)
        limit = self.at_most_s
        return Finding(
            checker="users-suffered",
            claim=claim,
            verdict=Verdict.PASS if limit is None or harm.longest_s <= limit else Verdict.FAIL,
            explanation=f"{_users_told(harm)}{'' if limit is None else f'; limit {limit:g} s'}",
            measured=harm.longest_s,
            limit=limit,
            unit="s",
            samples=harm.requests,
            subject=self.region,
            evidence=harm.evidence[:EVIDENCE_AT_MOST],
        )


def _sight(harm: Harm, seen: Watchfulness) -> Sight:
    red = seen.red_after_s is not None
    if harm.is_felt(FELT_SHARE):
        return Sight.SEEN if red else Sight.BLIND
    return Sight.FALSE_ALARM if red else Sight.HARMLESS


def _users_told(harm: Harm) -> str:
    """ "5 of 5 users suffered for up to 118.2 s, 590 s together, ...": a user is a vantage."""
    counted = f"{harm.failed} of {harm.requests} requests to {harm.region} failed"
    if not harm.hurt:
        return f"none of {len(harm.users)} users suffered: {counted}"
    together_s = sum(user.failing_s for user in harm.hurt)
    to_the_end = sum(user.to_the_end for user in harm.hurt)
    ended = f", {to_the_end} of them until the fault was undone" if to_the_end else ""
    errors = f" ({', '.join(harm.errors)})" if harm.errors else ""
    return (
        f"{len(harm.hurt)} of {len(harm.users)} users suffered for up to {harm.longest_s:.0f} s, {together_s:.0f} s "
        f"together{ended}: {counted}{errors}"
    )


def _checks_told(harm: Harm, seen: Watchfulness, region: RegionName) -> str:
    if seen.red_after_s is not None:
        return f"the health check of {region} was seen red after {seen.red_after_s:.0f} s"
    there = f"{harm.answers_there} of {harm.answers} DNS answers for them led to {region} meanwhile"
    return f"every health check was green in each of {seen.polls} polls{f', and {there}' if harm.answers else ''}"
