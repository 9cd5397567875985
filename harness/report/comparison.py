"""Two runs compared, as a table for the terminal and as a page."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from harness.checkers.measures import Measure
from harness.errors import UsageError
from harness.report.compare import Change, Compared, compare, scatter_of
from harness.report.folders import runs_in
from harness.report.html import render
from harness.report.summary import RunSummary, load_summary

_MARKS = {Change.WORSE: "▲", Change.BETTER: "▼"}
_COLOURS = {Change.WORSE: "red", Change.BETTER: "green", Change.UNTOLD: "yellow"}


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    before_path: str
    after_path: str
    before: RunSummary
    after: RunSummary
    compared: tuple[Compared, ...]
    doubts: tuple[str, ...]
    """Why the two may not be comparable at all."""


def comparison_of(before: Path, after: Path, reports: Path) -> Comparison:
    """`reports`: where the earlier runs are that tell how numbers scatter.

    Raises:
        UsageError, InvalidHistory: a folder is not a run's, or its history cannot be read.
    """
    old, new = load_summary(before), load_summary(after)
    known, _unread = runs_in(reports)
    earlier = [
        run.summary
        for run in known
        if run.summary.setting == old.setting == new.setting and run.summary.started_at < new.started_at
    ]
    scatter = scatter_of([run.measures for run in earlier])
    return Comparison(
        before_path=str(before),
        after_path=str(after),
        before=old,
        after=new,
        compared=tuple(compare(old.measures, new.measures, scatter)),
        doubts=tuple(_doubts(old, new)),
    )


def _doubts(before: RunSummary, after: RunSummary) -> list[str]:
    found = []
    if before.target != after.target:
        found.append(f"the targets differ: {before.target} and {after.target}")
    if before.clock_rate != after.clock_rate:
        found.append(f"the clocks ran at {before.clock_rate:g} and {after.clock_rate:g} times real time")
    if set(before.regions) != set(after.regions):
        found.append(f"the regions differ: {', '.join(before.regions)} and {', '.join(after.regions)}")
    return found


def comparison_table(found: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("change", no_wrap=True)
    table.add_column("number", max_width=34)
    for name in ("before", "after", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", style="dim")
    for one in found.compared:
        measure = one.measure
        change = f"{_MARKS.get(one.change, '·')} {one.change.value}"
        table.add_row(
            Text(change, style=_COLOURS.get(one.change, "")),
            _number(measure),
            amount(one.before.estimate if one.before else None, measure.unit),
            amount(one.after.estimate if one.after else None, measure.unit),
            _difference(one, measure.unit),
            one.told,
        )
    if not found.compared:
        table.add_row("", "neither run has a number to compare", "", "", "", "")
    return table


def _number(measure: Measure) -> Text:
    about = measure.experiment if measure.subject in measure.experiment else f"{measure.experiment}, {measure.subject}"
    return Text.assemble(measure.what.value, (f"\n{about}", "dim"))


def amount(value: float | None, unit: str) -> str:
    """ "0.84 s", "12.3 s", "1.20 %"; "–" for none."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.2f} %"
    return f"{value:.2f} {unit}" if abs(value) < 10 else f"{value:.1f} {unit}"


def _difference(one: Compared, unit: str) -> str:
    if one.difference is None:
        return "–"
    told = f"{'+' if one.difference > 0 else ''}{amount(one.difference, unit)}"
    return told if one.low is None else f"{told}\n{amount(one.low, unit)} to {amount(one.high, unit)}"


def write_comparison(path: Path, found: Comparison) -> None:
    """Raises UsageError when the page cannot be written."""
    page = render("compare.html", styles=("index.css",), found=found, Change=Change, amount=amount)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
