"""Everything that the page tells of one experiment's items."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from harness.checkers.conflicts import conflict_ledger, lost_updates
from harness.checkers.consistency.rules import Stretch
from harness.checkers.replication import PairLatency, replication_latencies
from harness.checkers.rpo import rpos
from harness.checkers.session import Session, sessions
from harness.errors import HistoryError
from harness.events import ExperimentEvent, Way
from harness.findings import Finding
from harness.history import History
from harness.report.failover_table import Stage
from harness.report.items.calls import calls_of
from harness.report.items.curves import Plot, latency_plots
from harness.report.items.facts import ItemFacts
from harness.report.items.ledger import CONFLICTS, ConflictsView, conflicts_view
from harness.report.items.matrix import LatencyMatrix, latency_matrix
from harness.report.items.moves import Moves, moves_of
from harness.report.items.promises import BrokenPromise, broken_promises
from harness.report.items.recovery import JudgedCut, judged_cuts, recovery_stages, told_cuts
from harness.report.palette import Palette

TITLES = {
    Way.DYNAMODB: "Replication latency",
    Way.HTTPS: "Replication latency, written and read through the application",
}


class LatencyView(msgspec.Struct, frozen=True, kw_only=True):
    """Of the writes that were made in one way."""

    title: str
    matrix: LatencyMatrix
    plots: list[Plot]


class ItemsView(msgspec.Struct, frozen=True, kw_only=True):
    """As the page shows it; each part is None or empty when there is nothing to show."""

    facts: ItemFacts
    latencies: list[LatencyView] = []
    cuts: list[JudgedCut] = []
    cuts_left_out: int = 0
    stages: list[Stage] = []
    """Of the cuts."""
    moves: Moves | None = None
    conflicts: ConflictsView | None = None
    broken: list[BrokenPromise] = []
    trouble: str = ""
    """Why nothing of this can be told."""


class ItemsViews:
    """Makes the views of a history's experiments; what all of them need is made once."""

    def __init__(self, history: History, palette: Palette) -> None:
        self._history = history
        self._palette = palette

    def view(self, experiment: ExperimentEvent, findings: Sequence[Finding]) -> ItemsView | None:
        """None when no client read or wrote an item."""
        if not calls_of(self._history).during(experiment):
            return None
        try:
            facts = self._facts(experiment, findings)
        except HistoryError as error:
            return ItemsView(facts=ItemFacts(), broken=broken_promises(self._history, findings), trouble=str(error))
        told = told_cuts(facts.cuts)
        claimed = any(finding.checker == CONFLICTS for finding in findings)
        return ItemsView(
            facts=facts,
            latencies=self._latencies(facts.pairs, findings),
            cuts=told,
            cuts_left_out=len(facts.cuts) - len(told),
            stages=recovery_stages(told),
            moves=moves_of(facts.moves),
            conflicts=conflicts_view(self._history, facts.ledger, facts.lost, claimed=claimed),
            broken=broken_promises(self._history, findings),
        )

    def _latencies(self, pairs: Sequence[PairLatency], findings: Sequence[Finding]) -> list[LatencyView]:
        views = []
        for way, title in TITLES.items():
            mine = [pair for pair in pairs if pair.way is way]
            matrix = latency_matrix(self._palette.regions, mine, findings)
            if matrix:
                views.append(LatencyView(title=title, matrix=matrix, plots=latency_plots(mine, self._palette)))
        return views

    def _facts(self, experiment: ExperimentEvent, findings: Sequence[Finding]) -> ItemFacts:
        during = Stretch(from_s=experiment.start_s, until_s=experiment.end_s)
        return ItemFacts(
            pairs=tuple(
                pair
                for way in self._ways(experiment)
                for pair in replication_latencies(self._history, experiment, way=way)
            ),
            cuts=tuple(judged_cuts(rpos(self._history, experiment), findings)),
            moves=tuple(one for one in self._moves if during.from_s <= one.moved_s <= during.until_s),
            ledger=conflict_ledger(self._history, stretch=during),
            lost=lost_updates(self._history, stretch=during),
        )

    def _ways(self, experiment: ExperimentEvent) -> set[Way]:
        return {write.way for write in calls_of(self._history).during(experiment).writes}

    @cached_property
    def _moves(self) -> tuple[Session, ...]:
        return sessions(self._history)
