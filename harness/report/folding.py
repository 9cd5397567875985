"""Findings of one experiment as lines: what deviates stands alone, and what is many of a kind is one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import msgspec

from harness.findings import Finding, Verdict
from harness.report.words import count, family

FOLD_ABOVE = 3
FOLD_MEASURED_ABOVE = 8
ABORTED = "aborted"
"""Checker of the finding that says that an experiment did not run to its end: it explains all that is not known."""


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Several findings of one verdict on one line; never a FAIL."""

    verdict: Verdict
    claim: str
    explanation: str
    findings: tuple[Finding, ...]


Line = Finding | Fold


def lines_of(findings: Sequence[Finding]) -> list[Line]:
    """Each finding stands once, alone or in a fold, where the first of its fold stood."""
    folds: list[Fold] = []
    rest = list(findings)
    for fold_next in (_passes, _after_an_abort, _for_one_reason, _of_one_claim):
        found = fold_next(rest)
        folds += found
        gone = {id(finding) for fold in found for finding in fold.findings}
        rest = [finding for finding in rest if id(finding) not in gone]
    fold_of = {id(finding): fold for fold in folds for finding in fold.findings}
    # A dict keeps the order in which its keys first came.
    return list({id(line): line for line in (fold_of.get(id(finding), finding) for finding in findings)}.values())


def _passes(findings: Sequence[Finding]) -> list[Fold]:
    """ "all 104 rules of 'deployment' hold"."""
    folds = []
    for name, mine in _grouped((finding, family(finding)) for finding in findings):
        passes = [finding for finding in mine if finding.verdict is Verdict.PASS]
        # What was measured is worth a line each, as long as the lines are few.
        if len(passes) > (FOLD_ABOVE if all(one.measured is None for one in passes) else FOLD_MEASURED_ABOVE):
            which = "all" if len(passes) == len(mine) else "the other"
            same = {(finding.checker, finding.claim) for finding in passes}
            rules = f"{which} {len(passes)} rules of {name!r} hold"
            claim = rules if len(same) > 1 else f"{passes[0].claim}: {which} {len(passes)} times"
            folds.append(Fold(verdict=Verdict.PASS, claim=claim, explanation="", findings=tuple(passes)))
    return folds


def _after_an_abort(findings: Sequence[Finding]) -> list[Fold]:
    unknown = [finding for finding in _unknown(findings) if finding.checker != ABORTED]
    if len(unknown) <= FOLD_ABOVE or not any(finding.checker == ABORTED for finding in findings):
        return []
    claim = f"{count(len(unknown), 'claim')} could not be judged"
    return [_unknown_fold(claim, "it did not run to its end", unknown)]


def _for_one_reason(findings: Sequence[Finding]) -> list[Fold]:
    alike = _grouped((finding, finding.explanation) for finding in _unknown(findings))
    return [
        _unknown_fold(f"{count(len(mine), 'claim')} could not be judged", str(why), mine)
        for why, mine in alike
        if len(mine) > FOLD_ABOVE
    ]


def _of_one_claim(findings: Sequence[Finding]) -> list[Fold]:
    alike = _grouped((finding, (finding.checker, finding.claim)) for finding in _unknown(findings))
    return [
        _unknown_fold(f"{mine[0].claim}: not judged {count(len(mine), 'time')}", f"first: {mine[0].explanation}", mine)
        for _, mine in alike
        if len(mine) > FOLD_ABOVE
    ]


def _unknown_fold(claim: str, explanation: str, findings: Sequence[Finding]) -> Fold:
    return Fold(verdict=Verdict.UNKNOWN, claim=claim, explanation=explanation, findings=tuple(findings))


def _unknown(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict is Verdict.UNKNOWN]


def _grouped(keyed: Iterable[tuple[Finding, Hashable]]) -> list[tuple[Hashable, list[Finding]]]:
    groups: defaultdict[Hashable, list[Finding]] = defaultdict(list)
    for finding, key in keyed:
        groups[key].append(finding)
    return list(groups.items())
