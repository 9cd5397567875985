"""harness gameday at the command line: bad input is one clear line, and what people see of plans and days."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.cli.gameday.options import LOCK_FILE
from harness.findings import Verdict
from harness.gameday.log import (
    PLAN_FILE,
    Began,
    DayLog,
    Ended,
    RunningDay,
    load_day,
    new_day_folder,
    only_day,
)

SCENARIOS = str(Path(__file__).parents[2] / "scenarios")
NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)

PLAN = """\
title = "A day"
owner = "me"
goal = "Nothing breaks"
target = "lab"

[window]
cron = "0 10 * * 2"
time_zone = "Europe/Dublin"
{window}

[[experiments]]
scenario = "{scenario}"
{more}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., str]:
    def written(*, scenario: str = "deployment", window: str = "", more: str = "") -> str:
        (tmp_path / "day.toml").write_text(PLAN.format(scenario=scenario, window=window, more=more))
        return "day.toml"

    return written


def a_day(*, ended: bool = True, title: str = "A day") -> Path:
    folder = new_day_folder(Path("reports"), title, NOW)
    (folder / PLAN_FILE).write_text(PLAN.format(scenario="deployment", window="", more=""))
    log = DayLog(folder)
    log.add(Began(at=NOW, title=title, target="lab", by="me", plan_sha256="0" * 64, harness_version="0"))
    if ended:
        log.add(Ended(at=NOW, verdict=Verdict.UNKNOWN))
    return folder


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run",), "name a plan to run, or say --resume"),
        (("run", "day.toml", "--resume"), "name a plan to run, or say --resume"),
        (("run", "none.toml"), "game-day plan none.toml cannot be read: No such file or directory"),
        (("run", "--resume"), "no game day in reports is unfinished"),
        (("note", "hm"), "no game day is running here: name one with --day"),
        (("note", " "), "the note is empty"),
        (("note", "hm", "--day", "nothing"), "reports/nothing is not a game day's folder"),
        (("show",), "no game day in reports: `harness gameday run PLAN` makes one"),
        (("show", "nothing"), "reports/nothing is not a game day's folder"),
        (("schedule", "none.toml"), "game-day plan none.toml cannot be read"),
        (("export", "none.toml"), "say for what: --cron, --systemd, --github-actions or --eventbridge"),
    ],
)
def test_it_is_refused_in_one_line(arguments: tuple[str, ...], told: str, refusal: Callable[..., str]) -> None:
    assert told in refusal("gameday", *arguments)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scenario": "failovr"}, "day.toml:12:1: no scenario 'failovr' in "),
        ({"more": "parameters = { region = 'eu-west-1' }"}, "day.toml:13:16: scenario deployment has no parameter"),
        ({"window": "after = '10'"}, "allowed hours need both"),
        ({}, "no lab 'default' is running: start one with `harness lab up --detach`"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_before_anything_is_made(
    fields: dict[str, str], told: str, plan: Callable[..., str], refusal: Callable[..., str]
) -> None:
    assert told in refusal("gameday", "run", plan(**fields), "--scenarios", SCENARIOS)
    assert not Path("reports").exists()


def test_outside_of_its_window_it_does_not_begin(plan: Callable[..., str], harness: Callable[..., Any]) -> None:
    path = plan(window="freeze = [{ first = 2000-01-01, last = 2999-01-01, why = 'holidays' }]")

    ended = harness("gameday", "run", path, "--scenarios", SCENARIOS)

    assert ended.exit_code == 4
    assert ended.err.startswith("error: day.toml: the day may not run now: holidays")


def test_what_is_not_due_is_no_failure(plan: Callable[..., str], harness: Callable[..., Any]) -> None:
    """Due in a month that is half a year away."""
    month = (datetime.now(UTC).month + 5) % 12 + 1
    path = plan()
    Path(path).write_text(Path(path).read_text().replace("0 10 * * 2", f"0 10 1 {month} *"))

    ended = harness("gameday", "run", path, "--if-due", "--scenarios", SCENARIOS)

    assert (ended.exit_code, ended.err) == (0, "day.toml: not due now\n")


def test_a_day_that_was_not_finished_is_not_forgotten(plan: Callable[..., str], refusal: Callable[..., str]) -> None:
    folder = a_day(ended=False)

    told = refusal("gameday", "run", plan(), "--scenarios", SCENARIOS)

    assert f"{folder} of this plan was not finished (0 of 1 experiments done)" in told
    assert "no lab" in refusal("gameday", "run", plan(), "--anew", "--scenarios", SCENARIOS)


def test_a_plan_that_never_runs_is_not_scheduled(plan: Callable[..., str], refusal: Callable[..., str]) -> None:
    path = plan(window="days = ['sun']")

    assert "none of the next 1000 times" in refusal("gameday", "schedule", path, "--scenarios", SCENARIOS)


def test_a_new_plan_is_good_and_is_not_written_over(harness: Callable[..., Any], refusal: Callable[..., str]) -> None:
    harness("gameday", "new", "plans/day.toml")

    checked = harness("gameday", "validate", "plans/day.toml", "--scenarios", SCENARIOS)

    assert checked.exit_code == 0
    assert checked.out == "plans/day.toml: good: 2 experiments, At 10:00 on Tuesday (Europe/Dublin)\n"
    assert "is there already" in refusal("gameday", "new", "plans/day.toml")


def test_every_problem_of_every_plan_is_told(plan: Callable[..., str], harness: Callable[..., Any]) -> None:
    path = plan(scenario="failover", more="parameters = { hold = 1, region = 2 }")

    ended = harness("gameday", "validate", path, "none.toml", "--scenarios", SCENARIOS)
    as_json = harness("gameday", "validate", path, "none.toml", "--scenarios", SCENARIOS, "--json")

    assert (ended.exit_code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 2
    assert json.loads(as_json.out)["problems"] == ended.err.splitlines()


def test_a_plan_is_shown_with_when_and_what(plan: Callable[..., str], harness: Callable[..., Any]) -> None:
    path = plan(scenario="failover", more="parameters = { region = 'eu-west-1' }\napproval = 'ready?'")

    shown = harness("gameday", "plan", path, "--scenarios", SCENARIOS)
    told = json.loads(harness("gameday", "plan", path, "--scenarios", SCENARIOS, "--json").out)

    assert "At 10:00 on Tuesday (Europe/Dublin)" in shown.out
    assert "region=eu-west-1" in shown.out
    assert (told["due"], len(told["next_runs"]), told["may_run_now"]) == (
        "At 10:00 on Tuesday (Europe/Dublin)",
        3,
        True,
    )
    assert not Path("reports").exists()


def test_notes_go_to_the_day_that_runs(harness: Callable[..., Any]) -> None:
    a_day(title="Yesterday")
    folder = a_day(ended=False, title="Today")
    with only_day(LOCK_FILE, RunningDay(folder=str(folder.absolute()), title="Today", pid=1)):
        ended = harness("gameday", "note", "errors in Dublin", "--noticed", "--by", "anna")

    assert ended.exit_code == 0
    assert [(note.text, note.by, note.noticed) for note in load_day(folder).notes] == [
        ("errors in Dublin", "anna", True)
    ]


def test_notes_can_be_added_to_a_day_that_is_over(harness: Callable[..., Any]) -> None:
    folder = a_day()

    harness("gameday", "note", "write a runbook", "--action", "--day", folder.name)
    shown = harness("gameday", "show", folder.name)

    assert "- write a runbook" in shown.out
    assert "UNKNOWN  finished, 0 of 1 experiments done" in shown.out
    assert (folder / "index.html").exists()


def test_days_are_listed_and_shown_as_json(harness: Callable[..., Any]) -> None:
    assert "no game day in reports" in harness("gameday", "list").out
    folder = a_day(ended=False)

    rows = json.loads(harness("gameday", "list", "--json").out)
    shown = json.loads(harness("gameday", "show", "--json").out)

    assert [(row["folder"], row["verdict"], row["state"]) for row in rows] == [
        (str(folder), "unknown", "not finished, 0 of 1 experiments done")
    ]
    assert shown["verdict"] == "unknown"
    assert "A day" in harness("gameday", "list").out


@pytest.mark.parametrize("option", ["--cron", "--systemd", "--github-actions", "--eventbridge"])
def test_a_schedule_is_exported(option: str, plan: Callable[..., str], harness: Callable[..., Any]) -> None:
    ended = harness("gameday", "export", plan(), option, "--scenarios", SCENARIOS)

    assert ended.exit_code == 0
    assert "harness gameday run day.toml" in ended.out


def test_an_index_without_a_folder_says_how_to_begin(refusal: Callable[..., str]) -> None:
    assert "no folder reports: `harness run` makes one" in refusal("report", "index")
    assert "is not a run's folder" in refusal("report", "compare", ".", ".")
