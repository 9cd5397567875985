"""Writes a game day's page and its outcome beside its log."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError
from harness.gameday.log import Day
from harness.gameday.outcome import Outcome
from harness.gameday.plan import GameDayPlan
from harness.gameday.runs import outcome_of_folder
from harness.gameday.story import lines_of, strip_of
from harness.gameday.terminal import standing, state_of
from harness.gameday.when import in_words
from harness.report.html import render
from harness.report.page import PAGE_FILE
from harness.report.words import listed
from harness.run import save_json

OUTCOME_FILE = "outcome.json"


def write_day(folder: Path) -> Outcome:
    """outcome.json and index.html, from what the folder holds now; a day that goes on can be looked at, too.

    Raises:
        UsageError: the folder is no game day's, or cannot be written.
    """
    plan, day, outcome = outcome_of_folder(folder)
    try:
        save_json(folder / OUTCOME_FILE, outcome)
        (folder / PAGE_FILE).write_text(render_day(plan, day, outcome), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the game day's report in {folder} cannot be written: {error.strerror or error}") from error
    return outcome


def render_day(plan: GameDayPlan, day: Day, outcome: Outcome) -> str:
    return render(
        "gameday.html",
        styles=("gameday.css",),
        plan=plan,
        day=day,
        outcome=outcome,
        verdict=standing(day, outcome),
        headline=_headline(plan, day, outcome),
        due=in_words(plan.window),
        strip=strip_of(plan, day),
        lines=lines_of(plan, day),
        listed=listed,
        clock=clock,
    )


def clock(seconds: float) -> str:
    """ "+1:02:03", "+2:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02d}:{rest:02d}" if hours else f"+{minutes}:{rest:02d}"


def _headline(plan: GameDayPlan, day: Day, outcome: Outcome) -> str:
    met = [f"{one.name} {one.limit_s:g} s {_WORDS[one.verdict.value]}" for one in outcome.objectives]
    return f"{state_of(plan, day).capitalize()}. {'; '.join(met) or 'No RTO or RPO was to be proved'}."


_WORDS = {"pass": "proved", "fail": "not met", "unknown": "not proved"}
