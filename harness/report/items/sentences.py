"""What was found of items and passed, as sentences that go on after "Yes:"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers.replication import PairLatency, subject
from harness.findings import Finding, Verdict
from harness.report.items.facts import ItemFacts
from harness.report.items.ledger import CONFLICTS, LOST_UPDATES, conflicts_sentence, lost_sentence
from harness.report.items.matrix import REPLICATED, spoken
from harness.report.items.moves import moves_sentence
from harness.report.items.recovery import LOST, cut_sentence
from harness.report.words import count, listed, number, seconds

MOVED, AGREED = "session-continuity", "consistency-converged"


def item_sentences(findings: Sequence[Finding], facts: ItemFacts) -> Iterator[str]:
    """Of findings that pass. With `facts` they tell more than the number that was judged."""
    passed = [finding for finding in findings if finding.verdict is Verdict.PASS]
    yield from _replicated([finding for finding in passed if finding.checker == REPLICATED], facts.pairs)
    yield from _recovered([finding for finding in passed if finding.checker == LOST], facts)
    yield from _agreed(passed, facts)
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
    there = f"in {receiving}{f', the slowest of {ways} ways,' if ways > 1 else ''}"
    pair = next((one for one in pairs if subject(one) == slowest.subject), None)
    if pair is None:
        share = slowest.claim.partition(" of ")[0]
        judged = f"{seconds(slowest.measured or 0)} s (limit {number(slowest.limit, 's')})"
        yield f"{share} of the writes in {source} were {there} within {judged}"
    else:
        times = listed(list(_quantiles(pair, passed)))
        yield f"a write in {source} was {there} after {times}"


def _quantiles(pair: PairLatency, passed: Sequence[Finding]) -> Iterator[str]:
    for found, name in ((pair.p50, "at the median"), (pair.p95, "at p95"), (pair.p99, "at p99")):
        if found:
            mine = [
                one for one in passed if one.subject == subject(pair) and one.claim.startswith(f"{found.share:.0%} of ")
            ]
            yield f"{spoken(found)} {name}" + (f" (limit {number(mine[0].limit, 's')})" if mine else "")


def _recovered(passed: Sequence[Finding], facts: ItemFacts) -> Iterator[str]:
    if facts.cuts:
        yield from (cut_sentence(one.cut) for one in facts.cuts if one.findings.get(LOST) in passed)
        return
    for finding in passed:
        yield f"of {count(finding.samples, 'write')} at risk when {finding.subject} was cut off, none was lost"


def _agreed(passed: Sequence[Finding], facts: ItemFacts) -> Iterator[str]:
    """That regions agreed in the end, and in the same breath what it cost."""
    by_checker = {finding.checker: finding for finding in passed}
    agreed, counted = by_checker.get(AGREED), by_checker.get(CONFLICTS)
    told = [f"all regions agreed in the end on {count(agreed.samples, 'key')}"] if agreed else []
    if (agreed and facts.ledger.conflicts) or (counted and facts.ledger.acknowledged):
        told.append(conflicts_sentence(facts.ledger))
    elif counted:
        lost = round((counted.measured or 0.0) * counted.samples)
        of = count(counted.samples, "acknowledged write")
        told.append(f"{lost:,} of {of} lost to a concurrent one: by design")
    if told:
        yield "; ".join(told)
    if facts.lost.found and (agreed or LOST_UPDATES in by_checker):
        yield lost_sentence(facts.lost)


def _judged_moves(finding: Finding) -> str:
    moves = count(finding.samples, "move")
    if not finding.measured:
        return f"after none of {moves} was old data seen"
    return f"after {moves} old data was seen for at most {seconds(finding.measured)} s"
