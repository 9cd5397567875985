"""The page: verdicts first, in plain words with their numbers, then how each came about.

One file that needs no other: style and script are in it, and its own policy forbids every request.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.checkers.timeline import failover_times
from harness.events import ExperimentEvent
from harness.findings import Finding, Verdict, overall
from harness.history import History
from harness.report import origins, world
from harness.report.answers import answer
from harness.report.carried import CarriedPhase, carried
from harness.report.drawing import Timeline
from harness.report.evidence import evidence_lines
from harness.report.failover_table import failover_stages
from harness.report.failovers import JudgedFailover, judged_failovers, telling
from harness.report.folding import Line, lines_of
from harness.report.html import as_json, render
from harness.report.items.curves import HEIGHT, SHARES, WIDTH, y
from harness.report.items.facts import ItemFacts
from harness.report.items.matrix import legend
from harness.report.items.view import ItemsView, ItemsViews
from harness.report.lanes import VantageLooks, vantage_looks
from harness.report.measured import how_measured
from harness.report.origins import build_origins
from harness.report.palette import Palette
from harness.report.timeline import build_timeline
from harness.report.waterfall import STEPS, Falls, waterfalls
from harness.report.words import by_experiment, count, tally
from harness.report.world import land_path
from harness.report.worldmap import build_map
from harness.run import RunRecord

PAGE_FILE = "index.html"


class ExperimentView(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment as the page shows it."""

    ident: str
    name: str
    question: str
    answer: str
    verdict: Verdict
    tally: dict[Verdict, int]
    lines: list[Line]
    failovers: list[JudgedFailover]
    timeline: Timeline | None
    """None when nobody looked: of a deployment, or of an experiment that left no trace."""
    waterfalls: list[Falls]
    items: ItemsView | None
    """None when no client read or wrote an item."""
    carried: list[CarriedPhase]
    """Empty when no load generator ran."""


def write_page(path: Path, history: History, record: RunRecord, findings: Sequence[Finding]) -> None:
    folder = path.absolute().parent
    page = render_page(history, record, findings, folder=f"{folder.parent.name}/{folder.name}")
    path.write_text(page, encoding="utf-8")


def render_page(history: History, record: RunRecord, findings: Sequence[Finding], *, folder: str) -> str:
    """`folder` is how the reader finds the run again."""
    experiments = _Experiments(history, record).views(findings)
    every = [failover for experiment in experiments for failover in experiment.failovers]
    failovers = telling(every)
    # Those in which somebody moved come first: the others have little to tell.
    failovers.sort(key=lambda failover: not failover.times.clients_s)
    palette = Palette(history.header.stack.region_names)
    drawn = build_map(history, palette)
    return render(
        "page.html",
        styles=("map.css",),
        scripts=("tip.js", "page.js", "map.js", "origins.js"),
        record=record,
        stack=history.header.stack,
        palette=palette,
        steps=STEPS,
        experiments=experiments,
        failovers=failovers,
        not_shown=len(every) - len(failovers),
        stages=failover_stages(failovers),
        tally=tally(findings),
        total=len(findings),
        headline=_headline(record, experiments),
        how=how_measured(history, record, folder),
        hovers=as_json({view.ident: view.timeline.hovers for view in experiments if view.timeline}),
        origins=build_origins(history),
        latencies=origins.legend(),
        map=drawn,
        changes=as_json(drawn.changes) if drawn else "",
        land=land_path(),
        MAP_WIDTH=world.WIDTH,
        MAP_HEIGHT=world.HEIGHT,
        evidence=functools.partial(evidence_lines, history),
        WIDTH=WIDTH,
        HEIGHT=HEIGHT,
        SHARES=SHARES,
        y=y,
        late=legend(),
    )


class _Experiments:
    """Makes the views of a history's experiments; what all of them need is made once."""

    def __init__(self, history: History, record: RunRecord) -> None:
        self._history = history
        self._questions = {experiment.name: experiment.question for experiment in record.experiments}
        self._events = {event.experiment: event for event in history.of(ExperimentEvent)}
        self._palette = Palette(history.header.stack.region_names)
        self._looks: list[VantageLooks] = vantage_looks(history)
        self._items = ItemsViews(history, self._palette)

    def views(self, findings: Sequence[Finding]) -> list[ExperimentView]:
        grouped = by_experiment(tuple(self._questions), findings)
        return [self._view(f"e{position}", name, mine) for position, (name, mine) in enumerate(grouped.items())]

    def _view(self, ident: str, name: str, findings: Sequence[Finding]) -> ExperimentView:
        history, event = self._history, self._events.get(name)
        failovers = judged_failovers(name, failover_times(history, event), findings) if event else []
        items = self._items.view(event, findings) if event else None
        timeline = build_timeline(history, event, self._palette, self._looks) if event else None
        return ExperimentView(
            ident=ident,
            name=name or "no experiment",
            question=self._questions.get(name, ""),
            answer=answer(
                findings,
                failovers,
                items=items.facts if items else ItemFacts(),
                health_path=history.header.stack.health_check_path,
            ),
            verdict=overall(findings),
            tally=tally(findings),
            lines=lines_of(findings),
            failovers=failovers,
            timeline=timeline if timeline and timeline.bars else None,
            waterfalls=[waterfall for failover in failovers for waterfall in waterfalls(history, failover)],
            items=items,
            carried=carried(history, event) if event else [],
        )


def _headline(record: RunRecord, experiments: Sequence[ExperimentView]) -> str:
    """The run in one sentence."""
    passed = sum(experiment.verdict is Verdict.PASS for experiment in experiments)
    asked = count(len(experiments), "question")
    if record.interrupted:
        return f"The run was interrupted: what follows is what was seen until then, on {asked}."
    if not experiments:
        return "Nothing was asked, so nothing is known."
    if passed == len(experiments):
        return f"{'The one question was' if passed == 1 else f'All {passed} questions were'} answered with yes."
    told = [
        f"{'no' if experiment.verdict is Verdict.FAIL else 'cannot tell'} for {experiment.name}"
        for experiment in experiments
        if experiment.verdict is not Verdict.PASS
    ]
    return f"{passed} of {asked} answered with yes; {', '.join(told)}."
