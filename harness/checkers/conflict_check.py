"""The check that an experiment names to have its conflicts counted: two findings, both facts."""

from __future__ import annotations

import msgspec

from harness.checkers.conflicts import WITHIN_S, Ledger, LostUpdates, conflict_ledger, lost_updates
from harness.checkers.consistency.rules import Stretch
from harness.checkers.requests import EVIDENCE_AT_MOST
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History


class ConflictsCounted(msgspec.Struct, frozen=True, kw_only=True, tag="conflicts-counted"):
    """What concurrent writes cost is known. It never fails: to lose some of them is how the table works."""

    within_s: float = WITHIN_S
    at_least_writes: int = 100
    at_least_conditional_writes: int = 20

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        stretch = Stretch(from_s=experiment.start_s, until_s=experiment.end_s)
        ledger = conflict_ledger(history, within_s=self.within_s, stretch=stretch)
        updates = lost_updates(history, within_s=self.within_s, stretch=stretch)
        return [self._conflicts(ledger), self._lost_updates(updates)]

    def _conflicts(self, ledger: Ledger) -> Finding:
        undecided = sum(conflict.winner is None for conflict in ledger.conflicts)
        told = (
            f"{len(ledger.conflicts)} pairs of concurrent writes in different regions, at most {ledger.within_s:g} s"
            f" apart; {ledger.acknowledged_losers} of {ledger.acknowledged} acknowledged writes lost one; of"
            f" {undecided} pairs the outcome was not seen"
        )
        claim, first = "Writes that lost a conflict were counted", ledger.conflicts[:EVIDENCE_AT_MOST]
        evidence = tuple(dict.fromkeys(index for conflict in first for index in conflict.operations))
        missing = self.at_least_writes - ledger.acknowledged
        counted = _fact("conflicts", claim, told, ledger.lost_share, samples=ledger.acknowledged, missing=missing)
        return msgspec.structs.replace(counted, evidence=evidence[:EVIDENCE_AT_MOST])

    def _lost_updates(self, updates: LostUpdates) -> Finding:
        told = (
            f"{updates.lost} of {updates.conditional_writes} acknowledged conditional writes relied on a replaced state"
        )
        claim, first = "Lost updates were counted", updates.found[:EVIDENCE_AT_MOST]
        evidence = tuple(dict.fromkeys(index for update in first for index in update.operations))
        missing = self.at_least_conditional_writes - updates.conditional_writes
        samples = updates.conditional_writes
        counted = _fact("lost-updates", claim, told, updates.lost_share, samples=samples, missing=missing)
        return msgspec.structs.replace(counted, evidence=evidence[:EVIDENCE_AT_MOST])


def _fact(checker: str, claim: str, told: str, share: float, *, samples: int, missing: int) -> Finding:
    if missing > 0:
        few = f"{told}; {samples} writes are too few to tell a rate, {missing} more are needed"
        return Finding.unknown(checker, claim, few, samples=samples)
    return Finding(
        checker=checker,
        claim=claim,
        verdict=Verdict.PASS,
        explanation=f"{told}: {share:.2%}",
        measured=share,
        unit="share",
        samples=samples,
    )
