"""reports/index.html: every game day and run so far, and how their numbers go over time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.findings import Verdict
from harness.report.compare import Change
from harness.report.comparison import amount
from harness.report.folders import KnownRun, runs_in
from harness.report.html import render
from harness.report.palette import Palette
from harness.report.trends import HEIGHT, Setting, settings_of
from harness.report.words import count
from harness.run import save_json

INDEX_FILE = "index.html"
CHOICE_FILE = "index.json"


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A game day as the index shows it."""

    path: str
    """Its folder, below the folder of reports."""
    title: str
    target: str
    began_at: datetime
    verdict: Verdict
    state: str
    objectives: tuple[tuple[str, float, Verdict, str], ...]
    """(name, limit_s, verdict, told)"""
    noticed: str


class _Choice(msgspec.Struct, kw_only=True):
    """What was chosen once and holds for every index that is written after."""

    baseline: str | None = None


def write_index(reports: Path, days: Sequence[DayRow], *, baseline: str | None = None) -> Path:
    """`baseline`: the run, by its path below `reports`, that all later ones are held against; it is remembered.

    Raises:
        UsageError: there is no such run, or the page cannot be written.
    """
    runs, unread = runs_in(reports)
    chosen = _choose(reports, baseline, runs)
    regions = dict.fromkeys(region for run in reversed(runs) for region in run.summary.regions)
    settings = settings_of(runs, Palette(tuple(regions)), chosen)
    page = render(
        "index.html",
        styles=("index.css",),
        days=sorted(days, key=lambda day: day.began_at, reverse=True),
        runs=list(reversed(runs)),
        unread=unread,
        settings=settings,
        headline=_headline(runs, days, settings),
        banner=_banner(runs, settings),
        verdict=runs[-1].summary.verdict if runs else Verdict.UNKNOWN,
        chosen=chosen,
        HEIGHT=HEIGHT,
        amount=amount,
        Change=Change,
        palette=Palette(tuple(regions)),
    )
    path = reports / INDEX_FILE
    partial = path.with_name(f".{INDEX_FILE}.{uuid.uuid4().hex[:8]}")
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(path)  # several runs may end at once; a reader sees a whole page
    except OSError as error:
        raise UsageError(f"index {path} cannot be written: {error.strerror or error}") from error
    return path


def _choose(reports: Path, baseline: str | None, runs: Sequence[KnownRun]) -> str | None:
    path = reports / CHOICE_FILE
    known = {run.path for run in runs}
    if baseline is not None:
        name = baseline.removeprefix(f"{reports}/").rstrip("/")
        if name not in known:
            raise UsageError(f"baseline {baseline!r}: no run of that name in {reports}, which holds {len(runs)}")
        save_json(path, _Choice(baseline=name))
        return name
    try:
        remembered = msgspec.json.decode(path.read_bytes(), type=_Choice).baseline
    except (OSError, msgspec.MsgspecError):
        return None
    return remembered if remembered in known else None  # it was cleaned away


def _banner(runs: Sequence[KnownRun], settings: Sequence[Setting]) -> Verdict:
    """FAIL when a number got worse, whatever the limits say; else as the newest run."""
    worse = any(one.change is Change.WORSE for setting in settings for one in setting.compared)
    return Verdict.FAIL if worse else runs[-1].summary.verdict if runs else Verdict.UNKNOWN


def _headline(runs: Sequence[KnownRun], days: Sequence[DayRow], settings: Sequence[Setting]) -> str:
    worse = [one for setting in settings for one in setting.compared if one.change is Change.WORSE]
    told = f"{count(len(days), 'game day')}, {count(len(runs), 'run')}"
    if not worse:
        return f"{told}; no number of the newest runs is shown to be worse than its baseline."
    return f"{told}; {count(len(worse), 'number')} worse than the baseline."
