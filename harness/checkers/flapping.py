"""A fault that comes and goes: does DNS follow it, with which period, and what do users see of it?"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Sequence

import msgspec

from harness.checkers.moves import Presence, dns_presence, moves_of
from harness.checkers.seen import replies_seen
from harness.checkers.statistics import quantile
from harness.checkers.timeline import FaultWindow, fault_windows
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

EVIDENCE_AT_MOST = 20


class Follows(enum.Enum):
    """What DNS does with a fault that comes and goes."""

    EACH_CYCLE = "each-cycle"
    """It lasts long enough to be noticed: the region goes out of DNS and comes back once a cycle."""
    NOT_AT_ALL = "not-at-all"
    """It is over before enough checkers have failed often enough: the threshold swallows it."""


class FlapsInDns(msgspec.Struct, frozen=True, kw_only=True, tag="flaps-in-dns"):
    """DNS follows the flapping fault on the region as documented, and nobody moves oftener than DNS does."""

    region: RegionName
    follows: Follows
    at_least_cycles: int = 2
    period_within_s: float = 25.0
    """How far the median period in DNS may be off the fault's: checkers, name servers and looks vary by this much."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = f"DNS followed the flapping of {self.region}: {self.follows.value.replace('-', ' ')}"
        cycles = [window for window in fault_windows(history, experiment) if self.region in window.regions]
        proven = [window for window in cycles if window.proven]
        if len(proven) < self.at_least_cycles or len(proven) < len(cycles):
            why = f"{len(proven)} of {len(cycles)} cycles were proven to bite; {self.at_least_cycles} are needed"
            return [Finding.unknown("flaps-in-dns", claim, why, subject=self.region, samples=len(cycles))]
        changes = dns_presence(tracks_of(history), self.region, experiment)
        if not changes:
            return [Finding.unknown("flaps-in-dns", claim, "no vantage had an answer", subject=self.region)]
        outs = [change for change in changes[1:] if not change.present]
        return [
            self._followed(claim, cycles, changes, outs),
            *self._period(cycles, outs),
            self._users(history, experiment, cycles),
        ]

    def _followed(
        self, claim: str, cycles: Sequence[FaultWindow], changes: Sequence[Presence], outs: Sequence[Presence]
    ) -> Finding:
        expected = len(cycles) if self.follows is Follows.EACH_CYCLE else 0
        told = ", ".join(f"{'in' if change.present else 'out'} at {change.by_s:.1f} s" for change in changes[1:21])
        on_s = quantile([window.rolling_back_s - window.injected_s for window in cycles], 0.5)
        return Finding(
            checker="flaps-in-dns",
            claim=claim,
            verdict=Verdict.PASS if len(outs) == expected else Verdict.FAIL,
            explanation=f"went out {len(outs)} times in {len(cycles)} cycles of {on_s:.0f} s sick each, "
            f"{expected} expected: {told or 'always in'}; out for {_out_s(changes)}",
            measured=len(outs),
            limit=expected,
            unit="times",
            samples=len(cycles),
            subject=self.region,
            evidence=tuple(change.index for change in changes[1 : EVIDENCE_AT_MOST + 1]),
        )

    def _period(self, cycles: Sequence[FaultWindow], outs: Sequence[Presence]) -> list[Finding]:
        """Nothing when DNS is not to follow."""
        if self.follows is Follows.NOT_AT_ALL:
            return []
        claim = f"{self.region} went out of DNS with the period of the fault"
        of_fault = _gaps([window.injected_s for window in cycles])
        gaps = _gaps([change.by_s for change in outs])
        if not gaps or not of_fault:
            why = "it went out less than twice, so there is no period"
            return [Finding.unknown("flap-period", claim, why, subject=self.region, samples=len(outs))]
        in_dns_s, of_fault_s = quantile(gaps, 0.5), quantile(of_fault, 0.5)
        found = Finding.at_most(
            "flap-period",
            claim,
            measured=abs(in_dns_s - of_fault_s),
            limit=self.period_within_s,
            unit="s",
            explanation=f"the fault came every {of_fault_s:.1f} s, DNS left every {in_dns_s:.1f} s (median)",
            samples=len(gaps),
            subject=self.region,
            evidence=tuple(change.index for change in outs[:EVIDENCE_AT_MOST]),
        )
        return [found]

    def _users(self, history: History, experiment: ExperimentEvent, cycles: Sequence[FaultWindow]) -> Finding:
        """As each client sees it: there and back once a cycle at most."""
        claim = "Nobody was moved oftener than the region went out and came back"
        tracks = tracks_of(history)
        moves = {name: moves_of(replies_seen(tracks, name, experiment)) for name in tracks.vantages}
        if not any(tracks.https[name].events for name in tracks.vantages):
            return Finding.unknown("flaps-of-users", claim, "no user was watched", subject=self.region)
        allowed = 2 * len(cycles) if self.follows is Follows.EACH_CYCLE else 0
        worst = max(moves, key=lambda name: len(moves[name]))
        moved = [name for name in moves if moves[name]]
        return Finding.at_most(
            "flaps-of-users",
            claim,
            measured=len(moves[worst]),
            limit=allowed,
            unit="moves",
            explanation=f"{len(moved)} of {len(moves)} users were moved, {worst} the oftenest: {len(moves[worst])} "
            f"times in {len(cycles)} cycles",
            samples=len(moves),
            subject=self.region,
            evidence=tuple(event for move in moves[worst] for event in move.evidence)[:EVIDENCE_AT_MOST],
        )


def _gaps(times_s: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(sorted(times_s))]


def _out_s(changes: Sequence[Presence]) -> str:
    """How long it was out each time, in words."""
    spells = [
        after.by_s - before.by_s
        for before, after in itertools.pairwise(changes)
        if not before.present and after.present
    ]
    return " and ".join(f"{spell:.0f} s" for spell in spells) or "no time"
