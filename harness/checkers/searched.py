"""What a search for blind spots found, judged from what was seen: the smallest fault that hurts users unnoticed."""

from __future__ import annotations

import msgspec

from harness.checkers.blind_spots import name_blind_spot
from harness.checkers.requests import EVIDENCE_AT_MOST
from harness.checkers.suffering import Harm, Watchfulness, harm_done, watchfulness
from harness.checkers.timeline import FaultWindow, fault_windows
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

CHECKER = "blind-spot-search"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a search, and what came of it."""

    window: FaultWindow
    harm: Harm
    seen: Watchfulness

    def hurts_unseen(self, for_longer_than_s: float) -> bool:
        """A user was served badly for longer than that, and not one checker of any health check said so.

        Single checkers, not the aggregate: one that fails is the first sign of a check that will go red.
        """
        unseen = self.seen.polls > 0 and self.seen.doubted_after_s is None and self.seen.red_after_s is None
        return self.window.proven and unseen and self.harm.longest_s > for_longer_than_s

    @property
    def in_words(self) -> str:
        harm, seen = self.harm, self.seen
        felt = f"{len(harm.hurt)} of {len(harm.users)} users suffered for up to {harm.longest_s:.0f} s"
        if not self.window.proven:
            return "was not seen to bite"
        if not harm.hurt:
            felt = "nobody suffered"
        if seen.doubted_after_s is None:
            return f"{felt}, no checker noticed"
        return f"{felt}, a checker noticed after {seen.doubted_after_s:.0f} s"


def trials(history: History, experiment: ExperimentEvent | None, region: RegionName) -> list[Trial]:
    """Every fault on the region, in order of time."""
    tracks, regions = tracks_of(history), history.header.stack.region_names
    return [
        Trial(
            window=window,
            harm=harm_done(tracks, region, window.injected_s, window.rolling_back_s),
            seen=watchfulness(tracks, window, region, regions),
        )
        for window in fault_windows(history, experiment)
        if region in window.regions
    ]


class BlindSpotsSearched(msgspec.Struct, frozen=True, kw_only=True, tag="blind-spots-searched"):
    """The smallest fault that hurts users of the region for longer than `limit_s` while no health check notices.

    Where none is allowed, finding one is a FAIL. Where the design is known to have some, finding one passes, and
    finding none proves nothing: UNKNOWN.
    """

    region: RegionName
    limit_s: float
    none_allowed: bool = False
    smallest: str = ""
    """Fault id of the smallest that the search found; empty: it found none."""
    in_words: str = ""
    """What that one is."""
    reproduce: str = ""
    """The commands that show it again."""
    at_least_trials: int = 3

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        found = trials(history, experiment, self.region)
        proven = [trial for trial in found if trial.window.proven]
        if self.smallest:
            return [self._found(history, proven)]
        claim = f"No small fault hurts users of {self.region} for longer than {self.limit_s:g} s unseen"
        worst_s = max((trial.harm.longest_s for trial in proven if trial.seen.doubted_after_s is None), default=0.0)
        told = f"{len(proven)} small faults were tried, and the longest unseen suffering was {worst_s:.0f} s"
        if len(proven) < self.at_least_trials:
            told = f"{len(proven)} small faults were proven to bite; at least {self.at_least_trials} are needed"
            return [Finding.unknown(CHECKER, claim, told, subject=self.region, samples=len(proven))]
        if not self.none_allowed:
            why = f"{told}: this design is known to have blind spots, so the search was too short or too narrow"
            return [Finding.unknown(CHECKER, claim, why, subject=self.region, samples=len(proven))]
        return [
            Finding.at_most(
                CHECKER,
                claim,
                measured=worst_s,
                limit=self.limit_s,
                unit="s",
                explanation=told,
                samples=len(proven),
                subject=self.region,
            )
        ]

    def _found(self, history: History, proven: list[Trial]) -> Finding:
        claim = f"The smallest fault that hurts users of {self.region} for longer than {self.limit_s:g} s unseen"
        if self.none_allowed:
            claim = f"No small fault hurts users of {self.region} for longer than {self.limit_s:g} s unseen"
        trial = next((trial for trial in proven if trial.window.fault_id == self.smallest), None)
        if trial is None or not trial.hurts_unseen(self.limit_s):
            why = f"the search named {self.in_words or self.smallest}, which the history does not bear out"
            return Finding.unknown(CHECKER, claim, why, subject=self.region, samples=len(proven))
        spot = name_blind_spot(history, trial.window, self.region)
        return Finding(
            checker=CHECKER,
            claim=claim,
            verdict=Verdict.FAIL if self.none_allowed else Verdict.PASS,
            explanation=f"{self.in_words}: {trial.in_words}; {len(proven)} small faults were tried; {spot}. "
            f"To see it again: {self.reproduce}",
            measured=trial.harm.longest_s,
            limit=self.limit_s if self.none_allowed else None,
            unit="s",
            samples=len(proven),
            subject=self.region,
            evidence=(*trial.window.evidence, *trial.harm.evidence[:EVIDENCE_AT_MOST]),
        )
