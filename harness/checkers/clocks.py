"""How far apart the regions' clocks are, as far as the writes that met tell.

The last writer wins by the stamps of the regions' own clocks, and a write takes its stamp between its call and its
reply. So when a write `a` of region A was seen to beat a concurrent write `b` of region B, A's clock is ahead of B's by
more than `b.start_s - a.end_s`; and when `b` beat `a`, by less than `b.end_s - a.start_s`. Many pairs narrow it down
from both sides. AWS publishes neither the clocks nor their skew.

The upper bound takes for granted that B did not know `a` when it made `b`: a region never stamps a write below what it
has seen. Only pairs that nobody had read in the other region are used; that replication was not quicker than the
pair's own span is an assumption, and the finding says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import msgspec

from harness.checkers.conflicts import WITHIN_S, Conflict, conflict_ledger
from harness.checkers.consistency.rules import Stretch
from harness.checkers.requests import EVIDENCE_AT_MOST
from harness.errors import InvalidPlan
from harness.events import ExperimentEvent, ItemWrite
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

CHECKER = "clock-skew"


class Bound(msgspec.Struct, frozen=True):
    seconds: float
    evidence: tuple[int, int]
    """The two writes, the winner first."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """By how much `region`'s clock is ahead of `other`'s; below 0 it is behind."""

    region: RegionName
    other: RegionName
    at_least: Bound | None
    """None when none of its writes was seen to win."""
    at_most: tuple[Bound, ...]
    """From every write of its own that was seen to lose, the tightest first."""


def clocks_ahead(history: History, *, within_s: float, stretch: Stretch) -> list[Ahead]:
    """One for each ordered pair of the stack's regions."""
    at_least: dict[tuple[RegionName, RegionName], Bound] = {}
    at_most: dict[tuple[RegionName, RegionName], list[Bound]] = {}
    for winner, loser, evidence in _decided(history, within_s, stretch):
        ahead = Bound(loser.start_s - winner.end_s, evidence)
        pair = winner.region, loser.region
        at_least[pair] = max(at_least.get(pair, ahead), ahead, key=lambda bound: bound.seconds)
        behind = Bound(winner.end_s - loser.start_s, evidence)
        at_most.setdefault((loser.region, winner.region), []).append(behind)
    return [
        Ahead(
            region=pair[0],
            other=pair[1],
            at_least=at_least.get(pair),
            at_most=tuple(sorted(at_most.get(pair, []), key=lambda bound: bound.seconds)),
        )
        for pair in permutations(history.header.stack.region_names, 2)
    ]


def _decided(
    history: History, within_s: float, stretch: Stretch
) -> Iterator[tuple[ItemWrite, ItemWrite, tuple[int, int]]]:
    """(winner, loser, their indexes) of pairs whose outcome was seen."""
    for conflict in conflict_ledger(history, within_s=within_s, stretch=stretch).conflicts:
        if conflict.winner is not None and conflict.seen:
            loser = _loser(conflict)
            won, lost = history[conflict.winner], history[loser]
            # A write that may have happened at any later time has no moment to compare.
            if conflict.loser_acknowledged and won.outcome is lost.outcome:
                yield won, lost, (conflict.winner, loser)


def _loser(conflict: Conflict) -> int:
    first, second = conflict.operations
    return second if conflict.winner == first else first


class ClocksAgree(msgspec.Struct, frozen=True, kw_only=True, tag="clocks-agree"):
    """No region stamps writes ahead of another by more than `at_most_s`.

    A region that does wins conflicts that it should lose, and its users' writes replace later ones. FAIL names the two
    writes that show it; PASS takes `at_least_pairs` for each ordered pair of regions that bound it from above.
    """

    at_most_s: float = 0.5
    within_s: float = WITHIN_S
    at_least_pairs: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.at_most_s < math.inf:
            raise InvalidPlan(f"clocks-agree: at_most_s = {self.at_most_s}: it must be above 0 and finite")

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stretch = Stretch(from_s=experiment.start_s, until_s=experiment.end_s)
        pairs = clocks_ahead(history, within_s=self.within_s, stretch=stretch)
        claim = f"No region's clock is ahead of another's by more than {self.at_most_s:g} s"
        if not pairs:
            return [Finding.unknown(CHECKER, claim, "the stack has one region: there is no other clock")]
        return [self._judge(claim, pairs)]

    def _judge(self, claim: str, pairs: list[Ahead]) -> Finding:
        worst = max(pairs, key=_proven_s)
        doubt = self._doubt(pairs)
        if worst.at_least is not None and worst.at_least.seconds > self.at_most_s:
            verdict, told = Verdict.FAIL, self._told(worst, worst.at_least)
        elif doubt:
            verdict, told = Verdict.UNKNOWN, doubt
        else:
            # The other way round the bounds are the same with their signs changed.
            bounds = [_bounds(pair) for pair in pairs if pair.region < pair.other]
            granted = "taken for granted: what nobody had read in the other region had not arrived there"
            verdict, told = Verdict.PASS, f"{'; '.join(bounds)}; {granted}"
        shown = worst.at_least if verdict is Verdict.FAIL else None
        return Finding(
            checker=CHECKER,
            claim=claim,
            verdict=verdict,
            explanation=told,
            measured=None if verdict is Verdict.UNKNOWN else max(0.0, _proven_s(worst)),
            limit=None if verdict is Verdict.UNKNOWN else self.at_most_s,
            unit="s",
            samples=sum(len(pair.at_most) for pair in pairs),
            evidence=shown.evidence[:EVIDENCE_AT_MOST] if shown else (),
        )

    def _told(self, worst: Ahead, bound: Bound) -> str:
        return (
            f"{worst.region} stamps its writes at least {bound.seconds:.2f} s ahead of {worst.other}: a write there was"
            f" over so long before one in {worst.other} began, and replaced it all the same; no check can tell an"
            f" order of writes in different regions that is finer than this"
        )

    def _doubt(self, pairs: list[Ahead]) -> str | None:
        """Pairs of regions of which too little was seen."""
        lacking = {
            f"{pair.region} against {pair.other}": self.at_least_pairs - self._tight(pair)
            for pair in pairs
            if self._tight(pair) < self.at_least_pairs
        }
        if not lacking:
            return None
        named = ", ".join(f"{name} {more}" for name, more in lacking.items())
        return (
            f"too few writes within {self.at_most_s:g} s of each other whose outcome was seen; more are needed: {named}"
        )

    def _tight(self, pair: Ahead) -> int:
        return sum(bound.seconds <= self.at_most_s for bound in pair.at_most)


def _bounds(pair: Ahead) -> str:
    least = f"{pair.at_least.seconds:.2f}" if pair.at_least else "−∞"
    return f"{pair.region} is ahead of {pair.other} by {least} to {pair.at_most[0].seconds:.2f} s"


def _proven_s(pair: Ahead) -> float:
    return pair.at_least.seconds if pair.at_least else -math.inf
