"""Other schedulers come when the plan is due: what is exported is read by what reads it, and compared with the plan."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import islice, takewhile
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from cronsim import CronSim
from plans import a_plan, due

from harness.errors import UsageError
from harness.gameday.export import calendar_events, to_cron, to_eventbridge, to_github_actions, to_systemd
from harness.gameday.when import firings, is_due

START = datetime(2026, 1, 1, tzinfo=UTC)
EXPRESSIONS = [
    "0 10 * * 2",
    "30 9 1,15 * *",
    "0 10 * 1,4,7,10 2#1",
    "15 8 L * *",
    "0 10 * * 5L",
    "0 9 1 * 1",
    "*/30 9-10 * * 1-5",
    "0 3 * * 1",  # in Kolkata, which is Sunday evening in UTC
]
ZONES = ["UTC", "Europe/Dublin", "America/New_York", "Asia/Kolkata"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_systemd_comes_at_the_same_times(expression: str) -> None:
    """systemd itself says when: the same five times as the plan's expression, from any of the lines."""
    loaded = due(expression, zone="Europe/Dublin")
    wanted = list(islice(firings(loaded.plan.window, START), 5))

    found = sorted({when for event in calendar_events(loaded) for when in systemd_times(event)})[:5]

    assert found == wanted


def systemd_times(event: str) -> list[datetime]:
    command = ["systemd-analyze", "calendar", "--iterations=6", "--base-time=2026-01-01 00:00:00 UTC", event]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={"TZ": "UTC"}).stdout
    # "Next elapse: Tue ...", then "Iter. #2: ..." or, by another version, "Iteration #2: ...".
    lines = [line.strip() for line in told.splitlines() if line.strip().startswith(("Next elapse:", "Iter"))]
    times = {line.split(": ", 1)[1] for line in lines}
    return [datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for text in times]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    service, timer = to_systemd(due("0 10 * * 2")).split("# gameday-day.timer\n")
    for name, text in (("gameday-day.service", service), ("gameday-day.timer", timer)):
        (tmp_path / name).write_text(text)

    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "gameday-day.timer")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    complaints = [line for line in ended.stderr.splitlines() if "gameday-day" in line]
    assert complaints == []


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_github_never_misses_a_firing_and_if_due_drops_the_rest(expression: str, zone: str) -> None:
    """Its clock is UTC, so it comes too often; of all times that it comes, --if-due lets through the plan's own.

    In these weeks the clocks change in the USA and in Europe.
    """
    loaded = due(expression, zone=zone)
    workflow = yaml.safe_load(to_github_actions(loaded))
    crons = [entry["cron"] for entry in workflow[True]["schedule"]]  # YAML 1.1 takes "on" for true
    steps = [step.get("run", "") for step in workflow["jobs"]["game-day"]["steps"]]
    since, until = datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC)
    wanted = [at for at in islice(firings(loaded.plan.window, since), 400) if at <= until]

    comes = {at for cron in crons for at in times_of(cron, until, since)}

    assert "harness gameday run day.toml --if-due" in steps
    let_through = [at for at in sorted(comes) if is_due(loaded.plan.window, at)]
    assert set(wanted) <= set(let_through)
    # Of a plan that is due twice within the hour, nobody can tell a late start from a second one.
    assert let_through == wanted or expression.startswith("*/30")


def times_of(cron: str, until: datetime, since: datetime = START) -> list[datetime]:
    return list(takewhile(lambda at: at <= until, CronSim(cron, since)))


@pytest.mark.parametrize("expression", [one for one in EXPRESSIONS if one != "0 9 1 * 1"])
def test_eventbridge_takes_the_input(expression: str) -> None:
    """By botocore's own model of CreateSchedule. In place of <...> stands what only the owner knows."""
    told = json.loads(to_eventbridge(due(expression, zone="Europe/Dublin")))
    shape = botocore.session.get_session().get_service_model("scheduler").operation_model("CreateSchedule").input_shape

    report = ParamValidator().validate(told, shape)

    assert not report.has_errors(), report.generate_report()
    assert json.loads(told["Target"]["Input"])["ProjectName"] == "<project>"
    assert told["ScheduleExpressionTimezone"] == "Europe/Dublin"


@pytest.mark.parametrize(
    ("cron", "expression"),
    [
        ("0 10 * * 2", "cron(0 10 ? * 3 *)"),
        ("0 10 * * 0,7", "cron(0 10 ? * 1 *)"),
        ("30 9 1,15 * *", "cron(30 9 1,15 * ? *)"),
        ("0 10 * 1,4,7,10 2#1", "cron(0 10 ? 1,4,7,10 3#1 *)"),
        ("0 10 * * 5L", "cron(0 10 ? * 6L *)"),
        ("15 8 L * *", "cron(15 8 L * ? *)"),
        ("0 0 * * *", "cron(0 0 * * ? *)"),
    ],
)
def test_eventbridge_counts_days_of_the_week_from_one(cron: str, expression: str) -> None:
    assert json.loads(to_eventbridge(due(cron)))["ScheduleExpression"] == expression


def test_eventbridge_cannot_say_either_day() -> None:
    with pytest.raises(UsageError, match="EventBridge cannot say a day of the month or of the week in one schedule"):
        to_eventbridge(due("0 9 1 * 1"))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_crontab_comes_at_least_when_the_plan_is_due(expression: str) -> None:
    loaded = due(expression)
    line = to_cron(loaded).splitlines()[-1]
    cron = " ".join(line.split()[:5])
    wanted = list(islice(firings(loaded.plan.window, START), 20))

    comes = set(times_of(cron, wanted[-1]))

    assert set(wanted) <= comes
    assert ("--if-due" in line) == (comes != set(wanted))


def test_percent_signs_are_escaped_for_cron() -> None:
    loaded = due("0 10 * * 2", path=Path("100%.toml"))

    assert r"100\%.toml" in to_cron(loaded)


def test_a_plan_without_an_expression_has_nothing_to_export() -> None:
    with pytest.raises(UsageError, match=r"day.toml: the plan has no cron expression in \[window\]"):
        to_cron(a_plan())
