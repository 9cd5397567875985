"""Whether anybody went back and forth, and how often DNS took a region in and out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.checkers.moves import Flap, dns_flaps, dns_presence, flaps_of
from harness.checkers.routing import nearest
from harness.checkers.seen import replies_seen
from harness.checkers.timeline import fault_windows
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

EVIDENCE_AT_MOST = 20


class NoFlaps(msgspec.Struct, frozen=True, kw_only=True, tag="no-flaps"):
    """Nobody came back to a region that they had left, unless a fault was why they left it.

    Where two regions are about equally near, Route 53 may change its mind: such vantages are told of, not judged.
    """

    margin_share: float = 0.10

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks, windows = tracks_of(history), fault_windows(history, experiment)
        close = {vantage.name for vantage in history.header.vantages if nearest(vantage, self.margin_share).close}
        answers = {name: dns_flaps(tracks, name, experiment, windows) for name in tracks.vantages}
        replies = {name: flaps_of(name, replies_seen(tracks, name, experiment), windows) for name in tracks.vantages}
        looked = [name for name in tracks.vantages if tracks.dns[name].between(experiment.start_s, experiment.end_s)]
        served = [name for name in tracks.vantages if replies_seen(tracks, name, experiment)]
        return [
            *_judge("flaps-dns", "DNS led nobody back and forth", answers, looked, close),
            *_judge("flaps", "Nobody was served back and forth", replies, served, close),
        ]


class InAndOutOfDns(msgspec.Struct, frozen=True, kw_only=True, tag="in-and-out-of-dns"):
    """DNS took the region out and in at most so often: twice for each fault on it, where nothing else is said."""

    region: RegionName
    at_most: int | None = None

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"DNS took {self.region} out and in again no oftener than it had to"
        changes = dns_presence(tracks_of(history), self.region, experiment)
        if not changes:
            return [Finding.unknown("in-and-out-of-dns", claim, "no vantage had an answer", subject=self.region)]
        faults = sum(self.region in window.regions for window in fault_windows(history, experiment))
        limit = 2 * faults if self.at_most is None else self.at_most
        told = ", ".join(f"{'in' if change.present else 'out'} at {change.by_s:.1f} s" for change in changes[1:21])
        minutes, count = (experiment.end_s - experiment.start_s) / 60, len(changes) - 1
        found = Finding.at_most(
            "in-and-out-of-dns",
            claim,
            measured=count,
            limit=limit,
            unit="changes",
            explanation=f"{count} changes in {minutes:.1f} minutes with {faults} faults on it: {told or 'none'}",
            samples=len(changes),
            subject=self.region,
            evidence=tuple(change.index for change in changes[1 : EVIDENCE_AT_MOST + 1]),
        )
        return [found]


def _judge(
    checker: str,
    claim: str,
    flaps: dict[VantageName, list[Flap]],
    looked: Sequence[VantageName],
    close: set[VantageName],
) -> list[Finding]:
    judged = [name for name in looked if name not in close]
    if not judged:
        return [Finding.unknown(checker, claim, f"no vantage could be judged; {_close_calls(flaps, close)}")]
    flapped = [name for name in judged if flaps[name]]
    total = sum(len(flaps[name]) for name in flapped)
    overall = Finding.at_most(
        checker,
        claim,
        measured=total,
        limit=0,
        unit="flaps",
        explanation=f"{len(flapped)} of {len(judged)} vantages did, {total} times; {_close_calls(flaps, close)}",
        samples=len(judged),
        evidence=tuple(event for name in flapped for flap in flaps[name] for event in flap.evidence)[:EVIDENCE_AT_MOST],
    )
    return [overall, *(_of_one(checker, claim, name, flaps[name]) for name in flapped)]


def _of_one(checker: str, claim: str, vantage: VantageName, flaps: Sequence[Flap]) -> Finding:
    first = flaps[0]
    return Finding(
        checker=checker,
        claim=claim,
        verdict=Verdict.FAIL,
        explanation=f"{len(flaps)} times; first it left {first.region} at {first.left_s:.1f} s"
        f" for {', '.join(first.away)} and was back at {first.back_s:.1f} s",
        measured=len(flaps),
        limit=0,
        unit="flaps",
        samples=1,
        subject=vantage,
        evidence=first.evidence,
    )


def _close_calls(flaps: dict[VantageName, list[Flap]], close: set[VantageName]) -> str:
    went = sorted(name for name in close if flaps.get(name))
    return f"close calls, not judged: {len(close)}" + (f" (back and forth: {', '.join(went)})" if went else "")
