"""All is well: every region called healthy, every DNS answer good, requests served."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.checkers.requests import EVIDENCE_AT_MOST, few_failed, replies_between
from harness.checkers.timeline import FailoverTimes, failover_times
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import DnsAnswer, ExperimentEvent, Outcome
from harness.findings import Finding, Verdict
from harness.history import History


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which all should be well, and what to call it."""

    checker: str
    when: str
    from_s: float
    until_s: float


class SteadyState(msgspec.Struct, frozen=True, kw_only=True, tag="steady-state"):
    """All was well before anything was broken."""

    at_most_failed_share: float = 0.01
    at_least_requests: int = 30

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stretch = Stretch(
            checker="steady-state",
            when="before anything was broken",
            from_s=experiment.start_s,
            until_s=experiment.steady_until_s,
        )
        return list(_judge(history, stretch, self.at_most_failed_share, self.at_least_requests))


class SteadyAfter(msgspec.Struct, frozen=True, kw_only=True, tag="steady-after"):
    """All was well again at the end, from when the last vantage was home."""

    at_most_failed_share: float = 0.01
    at_least_requests: int = 30

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        faults = failover_times(history, experiment)
        claim = "All was well again in the end"
        if not faults:
            return [Finding.unknown("steady-after", claim, "no fault was injected, so there is no after")]
        if any(times.window.rolled_back_s is None for times in faults):
            return [Finding.unknown("steady-after", claim, "a fault was not rolled back in this run")]
        stretch = Stretch(
            checker="steady-after",
            when="in the end",
            from_s=max(_over_s(tracks_of(history), times) for times in faults),
            until_s=experiment.end_s,
        )
        return list(_judge(history, stretch, self.at_most_failed_share, self.at_least_requests))


def _over_s(tracks: Tracks, times: FailoverTimes) -> float:
    """When the last trace of a fault was gone, as far as it was seen to go."""
    moments = [times.healthy_again, *(m for seen in times.vantages for m in (seen.dns_back, seen.home))]
    known = [moment.by_s for moment in moments if moment is not None and moment.by_s is not None]
    return max([times.window.rolled_back_s or 0.0, *known, *_well_again_s(tracks, times)])


def _well_again_s(tracks: Tracks, times: FailoverTimes) -> Iterator[float]:
    """When those whose last request had failed as the fault was undone were first served: an undone change takes
    effect a little after AWS has accepted it."""
    undone_s = times.window.rolled_back_s or 0.0
    for track in tracks.https.values():
        last = track.last_before(undone_s, lambda _: True)
        if last and last[1].outcome is not Outcome.OK:
            after = (reply for _, reply in track.between(undone_s, times.window.until_s))
            served = next((reply.start_s for reply in after if reply.outcome is Outcome.OK), None)
            if served is not None:
                yield served


def _judge(history: History, stretch: Stretch, at_most_share: float, at_least_requests: int) -> Iterator[Finding]:
    yield _all_healthy(history, stretch)
    yield _all_answered(history, stretch)
    yield _served(history, stretch, at_most_share, at_least_requests)


def _all_healthy(history: History, stretch: Stretch) -> Finding:
    tracks, regions = tracks_of(history), history.header.stack.region_names
    polls = [
        (index, seen)
        for region in regions
        for index, seen in tracks.health[region].between(stretch.from_s, stretch.until_s)
        if seen.healthy is not None
    ]
    sick = [(index, seen) for index, seen in polls if not seen.healthy]
    polled = {seen.region for _, seen in polls}
    missing = [f"no poll of {region}" for region in regions if region not in polled]
    bad = [f"{region} was called sick" for region in regions if region in {seen.region for _, seen in sick}]
    claim = f"Route 53 called every region well {stretch.when}"
    return _finding(stretch, claim, bad=bad, missing=missing, samples=len(polls), evidence=[index for index, _ in sick])


def _all_answered(history: History, stretch: Stretch) -> Finding:
    tracks = tracks_of(history)
    answers = {name: tracks.dns[name].between(stretch.from_s, stretch.until_s) for name in tracks.vantages}
    wrong = [(i, seen) for rows in answers.values() for i, seen in rows if seen.rcode is not None and not seen.region]
    good = {name for name, rows in answers.items() if any(seen.region for _, seen in rows)}
    missing = [f"no answer for {name}" for name in tracks.vantages if name not in good]
    if not tracks.vantages:
        missing = ["no vantage looked"]
    bad = sorted({f"{seen.vantage} was led {_astray(seen)}" for _, seen in wrong})
    claim = f"DNS led every vantage to a region {stretch.when}"
    samples = sum(len(rows) for rows in answers.values())
    return _finding(stretch, claim, bad=bad, missing=missing, samples=samples, evidence=[index for index, _ in wrong])


def _astray(answer: DnsAnswer) -> str:
    if answer.addresses:
        return f"to {', '.join(answer.addresses)}, in no region of the stack"
    return f"nowhere ({'no address' if answer.rcode == 'NOERROR' else answer.rcode})"


def _served(history: History, stretch: Stretch, at_most_share: float, at_least_requests: int) -> Finding:
    return few_failed(
        stretch.checker,
        f"Requests were served {stretch.when}",
        replies_between(tracks_of(history), stretch.from_s, stretch.until_s),
        at_most_share=at_most_share,
        at_least_requests=at_least_requests,
    )


def _finding(
    stretch: Stretch, claim: str, *, bad: list[str], missing: list[str], samples: int, evidence: list[int]
) -> Finding:
    """FAIL for what was bad, else UNKNOWN for what was not looked at."""
    verdict = Verdict.FAIL if bad else Verdict.UNKNOWN if missing else Verdict.PASS
    told = [*bad, *missing] or ["in every look"]
    return Finding(
        checker=stretch.checker,
        claim=claim,
        verdict=verdict,
        explanation=f"{'; '.join(told)}, from {stretch.from_s:.1f} s to {stretch.until_s:.1f} s",
        samples=samples,
        evidence=tuple(evidence[:EVIDENCE_AT_MOST]),
    )
