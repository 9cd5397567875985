"""What was found of items and passed, as sentences that go on after "Yes:"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers.replication import PairLatency
from harness.findings import Finding, Verdict
from harness.report.items.facts import ItemFacts
from harness.report.items.matrix import REPLICATED, spoken
from harness.report.items.moves import moves_sentence
from harness.report.items.recovery import LOST, cut_sentence
from harness.report.words import count, listed, number, seconds

MOVED = "session-continuity"


def item_sentences(findings: Sequence[Finding], facts: ItemFacts) -> Iterator[str]:
    """Of findings that pass. With `facts` they tell more than the number that was judged."""
    passed = [finding for finding in findings if finding.verdict is Verdict.PASS]
    yield from _replicated([finding for finding in passed if finding.checker == REPLICATED], facts.pairs)
    yield from _recovered([finding for finding in passed if finding.checker == LOST], facts)
    if moved := next((finding for finding in passed if finding.checker == MOVED), None):
        told = moves_sentence(facts.moves) if facts.moves else _judged_moves(moved)
        yield f"{told} (limit {number(moved.limit, 's')})"


def _replicated(passed: Sequence[Finding], pairs: Sequence[PairLatency]) -> Iterator[str]:
    """The slowest pair stands for all."""
    if not passed:
        return
    slowest = max(passed, key=lambda finding: finding.measured or 0.0)
    source, _, receiving = slowest.subject.partition(" → ")
    ways = len({finding.subject for finding in passed})
    where = f"a write in {source} was in {receiving}{f', the slowest of {ways} ways,' if ways > 1 else ''}"
    pair = next((one for one in pairs if (one.source, one.receiving) == (source, receiving)), None)
    if pair is None:
        yield f"{slowest.claim.partition(' of ')[0]} of the time {where} within {seconds(slowest.measured or 0)} s"
        return
    yield f"{where} after {listed(list(_quantiles(pair, passed, slowest.subject)))}"


def _quantiles(pair: PairLatency, passed: Sequence[Finding], subject: str) -> Iterator[str]:
    for found, name in ((pair.p50, "at the median"), (pair.p95, "at p95"), (pair.p99, "at p99")):
        if found:
            mine = [one for one in passed if one.subject == subject and one.claim.startswith(f"{found.share:.0%} of ")]
            yield f"{spoken(found)} {name}" + (f" (limit {number(mine[0].limit, 's')})" if mine else "")


def _recovered(passed: Sequence[Finding], facts: ItemFacts) -> Iterator[str]:
    if facts.cuts:
        yield from (cut_sentence(one.cut) for one in facts.cuts if one.findings.get(LOST) in passed)
        return
    for finding in passed:
        yield f"of {count(finding.samples, 'write')} at risk when {finding.subject} was cut off, none was lost"


def _judged_moves(finding: Finding) -> str:
    longest = f"the longest for at most {seconds(finding.measured)} s" if finding.measured else "none saw old data"
    return f"{count(finding.samples, 'client')} moved and looked at what was theirs, {longest}"
