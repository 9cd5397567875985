"""Whether neighbours are served alike: places near each other, with the same regions in the same order, that disagree.

In a failover they disagree for a moment: name servers learn one after the other, caches expire one after the other.
Longer than those allow is a split brain, and one half of a city writes where the other half does not read yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from harness.checkers.limits import Allowances, Limit, agreement_limit
from harness.checkers.neighbours import Disagreement, Pair, disagreements, neighbours
from harness.checkers.seen import Seen, answers_seen, replies_seen
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding, Verdict
from harness.history import History

NEAR_KM = 500.0
"""London and Paris are 340 km apart, Dublin and London 460."""


class SplitBrain(msgspec.Struct, frozen=True, kw_only=True, tag="split-brain"):
    """No two neighbours disagree for longer than it takes name servers, and then caches, to follow."""

    near_km: float = NEAR_KM
    margin_share: float = 0.10
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks, stack = tracks_of(history), history.header.stack
        pairs = neighbours(history.header.vantages, near_km=self.near_km, margin_share=self.margin_share)
        names = sorted({name for pair in pairs for name in pair})
        answers = {name: answers_seen(tracks, name, experiment) for name in names}
        replies = {name: replies_seen(tracks, name, experiment) for name in names}
        of_dns, of_service = (
            agreement_limit(stack, self.allowances),
            agreement_limit(stack, self.allowances, cached=True),
        )
        return [
            *_judge(_Question("split-brain-dns", "DNS led neighbours to the same region"), pairs, answers, of_dns),
            *_judge(_Question("split-brain", "Neighbours were served by the same region"), pairs, replies, of_service),
        ]


class _Question(NamedTuple):
    checker: str
    claim: str


def _judge(
    question: _Question, pairs: Sequence[Pair], looks: Mapping[VantageName, Sequence[Seen]], limit: Limit
) -> Iterator[Finding]:
    seen = [pair for pair in pairs if all(looks[name] for name in pair)]
    if not seen:
        why = f"none of {len(pairs)} pairs of neighbours was seen; look from places near each other, such as --from eu"
        yield Finding.unknown(question.checker, question.claim, why)
        return
    found = [stretch for one, other in seen for stretch in disagreements((one, other), looks[one], looks[other])]
    found.sort(key=lambda stretch: (_verdict(stretch, limit).severity, stretch.at_most_s), reverse=True)
    yield _overall(question, found, limit, pairs=len(seen))
    for stretch in found:
        if _verdict(stretch, limit) is not Verdict.PASS:
            yield _of_one(question, stretch, limit)


def _overall(question: _Question, found: Sequence[Disagreement], limit: Limit, *, pairs: int) -> Finding:
    if not found:
        told = f"{pairs} pairs of neighbours never disagreed; {limit.sentence}"
        return _finding(question, told, limit, verdict=Verdict.PASS, measured=0.0, samples=pairs)
    worst = found[0]
    told = f"{pairs} pairs of neighbours disagreed {len(found)} times; longest: {_told(worst)}; {limit.sentence}"
    overall = _of_one(question, worst, limit)
    return msgspec.structs.replace(overall, explanation=told, subject="", samples=pairs)


def _of_one(question: _Question, stretch: Disagreement, limit: Limit) -> Finding:
    finding = _finding(
        question,
        f"{_told(stretch)}; {limit.sentence}",
        limit,
        verdict=_verdict(stretch, limit),
        measured=stretch.at_most_s,
        samples=1,
    )
    return msgspec.structs.replace(
        finding,
        subject=" and ".join(stretch.vantages),
        uncertainty=stretch.at_most_s - stretch.at_least_s,
        evidence=stretch.evidence,
    )


def _finding(
    question: _Question, told: str, limit: Limit, *, verdict: Verdict, measured: float, samples: int
) -> Finding:
    return Finding(
        checker=question.checker,
        claim=question.claim,
        verdict=verdict,
        explanation=told,
        measured=measured,
        limit=limit.at_most_s,
        unit="s",
        samples=samples,
    )


def _told(stretch: Disagreement) -> str:
    (one, other), (one_in, other_in) = stretch.vantages, stretch.regions
    return (
        f"{one} in {one_in} and {other} in {other_in} from {stretch.by_s:.1f} s on,"
        f" for {stretch.at_least_s:.1f} to {stretch.at_most_s:.1f} s"
    )


def _verdict(stretch: Disagreement, limit: Limit) -> Verdict:
    """FAIL when it surely was too long, PASS when it surely was not."""
    if stretch.at_most_s <= limit.at_most_s:
        return Verdict.PASS
    return Verdict.FAIL if stretch.at_least_s > limit.at_most_s else Verdict.UNKNOWN
