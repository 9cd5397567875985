"""The check that an experiment names: eight findings, one for each property."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.checkers.consistency.columnar import judge_columns
from harness.checkers.consistency.engines import judge_history
from harness.checkers.consistency.judged import Judged, Samples
from harness.checkers.consistency.rules import Rules, Stretch
from harness.checkers.consistency.violations import Property, Violation
from harness.checkers.requests import EVIDENCE_AT_MOST
from harness.columns import columns_of_file
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History, one_named

TOLD_AT_MOST = 3
"""Violations that the explanation spells out."""


class Claim(msgspec.Struct, frozen=True):
    property: Property
    sentence: str
    counted: Callable[[Samples], int]
    what: str
    """What is counted."""
    about_the_end: bool = False
    """It can only be judged when all has settled."""
    of_keys: bool = False


CLAIMS = (
    Claim(
        Property.CONVERGED,
        "When all had settled the regions agreed",
        lambda samples: samples.keys_settled,
        "keys read in every region when all had settled",
        about_the_end=True,
        of_keys=True,
    ),
    Claim(
        Property.WRITTEN,
        "No read showed a value that nobody wrote",
        lambda samples: samples.reads,
        "reads",
    ),
    Claim(
        Property.WHOLE,
        "No read showed an item mixed from several writes",
        lambda samples: samples.reads,
        "reads",
    ),
    Claim(
        Property.LATER_WINS,
        "Of two writes the later one won",
        lambda samples: samples.keys_rewritten,
        "keys written at least twice",
        about_the_end=True,
        of_keys=True,
    ),
    Claim(
        Property.DELETED_STAYS_AWAY,
        "No deleted item came back",
        lambda samples: samples.keys_deleted,
        "keys with a delete",
        about_the_end=True,
        of_keys=True,
    ),
    Claim(
        Property.NEVER_BACK,
        "Within a region reads never went back in time",
        lambda samples: samples.consistent_reads,
        "consistent reads",
    ),
    Claim(
        Property.OWN_WRITES_SEEN,
        "Within a region clients saw their own writes",
        lambda samples: samples.own_reads,
        "consistent reads of what the same client wrote before",
    ),
    Claim(
        Property.NOTHING_LOST,
        "No acknowledged write was lost",
        lambda samples: samples.keys_settled,
        "keys read in every region when all had settled",
        about_the_end=True,
        of_keys=True,
    ),
)


class Consistent(msgspec.Struct, frozen=True, kw_only=True, tag="consistent"):
    """The global table kept its promises. See `definitions` for what each of them forbids.

    Strongly consistent reads are judged strictly. Eventually consistent ones may be stale, so they are judged by what
    was there `settle_s` before.
    """

    clock_uncertainty_s: float = 0.5
    settle_s: float = 10.0
    at_least_reads: int = 100
    at_least_keys: int = 5

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        return self._findings(judge_history(history, self._rules, _stretch(experiment)))

    def judge_file(self, path: Path, experiment: str) -> list[Finding]:
        """The same findings, straight from history.jsonl: for histories too large to be loaded.

        Raises:
            InvalidHistory: a bad line, or not one experiment of that name.
        """
        with columns_of_file(path) as columns:
            found = one_named(columns.experiments, experiment)
            return self._findings(judge_columns(columns, self._rules, _stretch(found)))

    @property
    def _rules(self) -> Rules:
        return Rules(clock_uncertainty_s=self.clock_uncertainty_s, settle_s=self.settle_s)

    def _findings(self, judged: Judged) -> list[Finding]:
        return [self._finding(claim, judged) for claim in CLAIMS]

    def _finding(self, claim: Claim, judged: Judged) -> Finding:
        verdict, explanation, shown = self._verdict(claim, judged)
        evidence = dict.fromkeys(index for violation in shown for index in violation.operations)
        return Finding(
            checker=f"consistency-{claim.property.value}",
            claim=claim.sentence,
            verdict=verdict,
            explanation=explanation,
            measured=None if verdict is Verdict.UNKNOWN else float(len(shown)),
            limit=None if verdict is Verdict.UNKNOWN else 0.0,
            unit="violations",
            samples=claim.counted(judged.samples),
            evidence=tuple(evidence)[:EVIDENCE_AT_MOST],
        )

    def _verdict(self, claim: Claim, judged: Judged) -> tuple[Verdict, str, tuple[Violation, ...]]:
        untellable = judged.of(Property.TELLABLE)
        if untellable:
            return Verdict.UNKNOWN, f"the history cannot be judged: {_told(untellable)}", untellable
        violations = judged.of(claim.property)
        if violations:
            return Verdict.FAIL, _told(violations), violations
        doubt = self._doubt(claim, judged)
        if doubt:
            return Verdict.UNKNOWN, doubt, ()
        samples = f"{claim.counted(judged.samples):,} {claim.what}"
        settled = f"; settled from {judged.quiescence.from_s:.1f} s" if claim.about_the_end else ""
        clocks = f"clocks taken to agree within {self.clock_uncertainty_s:g} s"
        return Verdict.PASS, f"no violation in {samples}; {clocks}{settled}", ()

    def _doubt(self, claim: Claim, judged: Judged) -> str | None:
        samples, quiet = judged.samples, judged.quiescence
        if claim.about_the_end and quiet.why_not:
            return f"no violation seen, but the end could not be judged: {quiet.why_not}"
        missing = samples.keys_written - samples.keys_settled
        if claim.about_the_end and missing:
            return (
                f"no violation seen, but {missing} of {samples.keys_written} keys ({samples.unsettled_key!r} first)"
                f" were not read in every region from {quiet.from_s:.1f} s on, when all had settled: read them there"
            )
        more = (self.at_least_keys if claim.of_keys else self.at_least_reads) - claim.counted(samples)
        if more > 0:
            return f"{claim.counted(samples)} {claim.what} are too few to tell; {more} more are needed"
        return None


def _stretch(experiment: ExperimentEvent) -> Stretch:
    return Stretch(from_s=experiment.start_s, until_s=experiment.end_s)


def _told(violations: tuple[Violation, ...]) -> str:
    """How many, and the first in words, of different keys as far as there are."""
    first = {violation.key: violation for violation in reversed(violations)}
    keys = len(first)
    told = sorted(first.values(), key=lambda violation: violation.end_s)[:TOLD_AT_MOST]
    some = f"{len(violations)} violation{'s' * (len(violations) > 1)} on {keys} key{'s' * (keys > 1)}"
    rest = "" if keys <= TOLD_AT_MOST else "; ..."
    return f"{some}: {'; '.join(violation.text for violation in told)}{rest}"
