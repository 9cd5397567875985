"""A plan's schedule for people who have a scheduler: crontab, systemd, GitHub Actions, EventBridge Scheduler.

Where the other cannot say what the expression says (a first Tuesday, a time zone), it is asked to come too often, and
`harness gameday run --if-due` does nothing unless the plan's own expression has just fired.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from harness.errors import UsageError
from harness.gameday.load import LoadedPlan
from harness.gameday.plan import Window

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_EVERY = {"minute": range(60), "hour": range(24), "day": range(1, 32), "month": range(1, 13)}

Nth = tuple[int, int]


class Fields:
    """A cron expression's fields as numbers, and whether days of month and week must both fit (as Debian's cron)."""

    def __init__(self, loaded: LoadedPlan) -> None:
        if loaded.plan.window.cron is None:
            raise UsageError(f"{loaded.path}: the plan has no cron expression in [window]: there is nothing to export")
        parsed = CronSim(loaded.plan.window.cron, datetime.now(UTC))
        self.minutes, self.hours, self.months = sorted(parsed.minutes), sorted(parsed.hours), sorted(parsed.months)
        self.days = [] if set(parsed.days) == set(_EVERY["day"]) else sorted(parsed.days)
        whole_week = {0, 1, 2, 3, 4, 5, 6} <= parsed.weekdays
        plain = {day % 7 for day in parsed.weekdays if isinstance(day, int)}
        self.weekdays: list[int] = [] if whole_week else sorted(plain)
        self.nth: list[Nth] = sorted(day for day in parsed.weekdays if not isinstance(day, int))
        self.both = parsed.day_and

    @property
    def plain(self) -> bool:
        """A crontab of POSIX says the same."""
        return not self.nth and all(day > 0 for day in self.days)

    @property
    def week_days(self) -> list[int]:
        """Every day of the week that may be meant."""
        return sorted({*self.weekdays, *(day % 7 for day, _nth in self.nth)})


def to_cron(loaded: LoadedPlan) -> str:
    fields, window = Fields(loaded), loaded.plan.window
    exact = window.cron if fields.plain else _joined(fields, fields.hours)
    return "\n".join(
        [
            f"# {_one_line(loaded.plan.title)}",
            "# cronie reads CRON_TZ; Debian's cron does not, and takes the machine's own time zone.",
            f"CRON_TZ={window.time_zone}",
            f"{exact} cd {_place()} && {_command(loaded, if_due=not fields.plain)}".replace("%", r"\%"),
            "",
        ]
    )


def to_systemd(loaded: LoadedPlan) -> str:
    """A service and a timer, for two files; systemd can say all that an expression can, but for a last weekday."""
    name = _unit_name(loaded)
    when = "\n".join(f"OnCalendar={one}" for one in calendar_events(loaded))
    if_due = not _says_all(Fields(loaded))
    return f"""\
# {name}.service
[Unit]
Description=Game day: {_one_line(loaded.plan.title)}

[Service]
Type=oneshot
WorkingDirectory={_place(quoted=False)}
ExecStart=/usr/bin/env {_command(loaded, if_due=if_due)}
# Ctrl-C's signal, to the day alone: what is broken is mended before it ends, which may take minutes.
KillSignal=SIGINT
KillMode=mixed
TimeoutStopSec=10min

# {name}.timer
[Unit]
Description=Game day: {_one_line(loaded.plan.title)}

[Timer]
{when}
# A day that was missed is not caught up on: nobody is there for it.
Persistent=false
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def calendar_events(loaded: LoadedPlan) -> list[str]:
    """What OnCalendar= takes; several when any of them will do."""
    fields = Fields(loaded)
    at = f"{_list(fields.hours, 24)}:{_list(fields.minutes, 60)}:00 {loaded.plan.window.time_zone}"
    months = _list(fields.months, 12)
    week = ",".join(_DAYS[day] for day in fields.weekdays)
    dates = [f"*-{months}-{_list(days, 31)}" if days else f"*-{months}~01" for days in _month_days(fields)]
    nth = [f"{_DAYS[day % 7]} {_nth_dates(months, number)}" for day, number in fields.nth]
    if fields.both or not (fields.days and (week or nth)):
        found = [*nth, *([f"{week} {date}".strip() for date in dates] if week or not nth else [])]
    else:
        found = [*dates, *nth, *([f"{week} *-{months}-*"] if week else [])]
    return [f"{date} {at}" for date in found]


def to_github_actions(loaded: LoadedPlan) -> str:
    """GitHub's clock is UTC, and late when it is busy: hence every time that may be meant, and --if-due."""
    fields = Fields(loaded)
    times, moved = _utc_times(fields, loaded.plan.window)
    crons = [_joined(fields, hours, minutes=minutes, days=not moved) for minutes, hours in times]
    schedule = "\n".join(f'    - cron: "{cron}"' for cron in crons)
    target = (
        "" if loaded.plan.target != "lab" else "      - run: harness lab up --detach && harness deploy --target lab\n"
    )
    return f"""\
name: {json.dumps(f"Game day: {_one_line(loaded.plan.title)}")}
on:
  schedule:
{schedule}
  workflow_dispatch: {{}}
concurrency:
  group: game-day
  cancel-in-progress: false
permissions:
  contents: read
  id-token: write
jobs:
  game-day:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install -c constraints.txt -e .
{target}      - run: {_command(loaded, if_due=True)}
      - if: always()
        run: harness recover || true
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: reports
          path: reports/
          if-no-files-found: ignore
"""


def to_eventbridge(loaded: LoadedPlan) -> str:
    """For `aws scheduler create-schedule --cli-input-json`: starts a CodeBuild project; what stands in <> is yours."""
    fields, window = Fields(loaded), loaded.plan.window
    told = {
        "Name": _unit_name(loaded),
        "Description": _one_line(loaded.plan.title)[:512],
        "ScheduleExpression": f"cron({_eventbridge(fields, loaded)})",
        "ScheduleExpressionTimezone": window.time_zone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:codebuild:startBuild",
            "RoleArn": "arn:aws:iam::<account>:role/<role that may start the project>",
            "Input": json.dumps(
                {
                    "ProjectName": "<project>",
                    "BuildspecOverride": _buildspec(loaded, if_due=not _eventbridge_says_all(fields)),
                }
            ),
            # A day that could not be started is missed, not started late.
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        },
    }
    return json.dumps(told, indent=2) + "\n"


def _eventbridge(fields: Fields, loaded: LoadedPlan) -> str:
    """Minutes hours day-of-month month day-of-week year; one of the two days is "?", and Sunday is 1."""
    if fields.days and fields.week_days and not fields.both:
        raise UsageError(
            f"{loaded.path}: EventBridge cannot say a day of the month or of the week in one schedule; split the plan's"
            f" cron {loaded.plan.window.cron!r} in two"
        )
    months, times = _list(fields.months, 12), f"{_list(fields.minutes, 60)} {_list(fields.hours, 24)}"
    if not fields.week_days:
        return f"{times} {_eventbridge_days(fields)} {months} ? *"
    if len(fields.nth) == 1 and not fields.weekdays and not fields.days:
        ((day, number),) = fields.nth
        return f"{times} ? {months} {day % 7 + 1}{'L' if number < 0 else f'#{number}'} *"
    return f"{times} ? {months} {','.join(str(day + 1) for day in fields.week_days)} *"


def _eventbridge_days(fields: Fields) -> str:
    if not fields.days:
        return "*"
    special = {CronSim.LAST: "L", CronSim.LAST_WEEKDAY: "LW"}
    return ",".join(special.get(day, str(day)) for day in fields.days)


def _eventbridge_says_all(fields: Fields) -> bool:
    alone = len(fields.nth) == 1 and not fields.weekdays and not fields.days
    return alone or not (fields.nth or (fields.days and fields.weekdays))


def _buildspec(loaded: LoadedPlan, *, if_due: bool) -> str:
    commands = ["pip install -c constraints.txt -e .", _command(loaded, if_due=if_due)]
    return json.dumps(
        {"version": 0.2, "phases": {"build": {"commands": commands, "finally": ["harness recover || true"]}}}
    )


# Pieces that several of them share.


def _says_all(fields: Fields) -> bool:
    return CronSim.LAST_WEEKDAY not in fields.days


def _month_days(fields: Fields) -> list[list[int]]:
    """Days of the month, those counted from its end as an empty list; all of them as one list."""
    if not fields.days:
        return [list(_EVERY["day"])]
    plain = [day for day in fields.days if day > 0]
    if CronSim.LAST_WEEKDAY in fields.days:
        return [[*plain, *range(26, 32)]]
    return [*([plain] if plain else []), *([[]] if CronSim.LAST in fields.days else [])]


def _nth_dates(months: str, number: int) -> str:
    """The seven dates among which the n-th of a weekday lies; the last of it among the last seven."""
    if number < 0:
        return f"*-{months}~07/1"
    first = 7 * (number - 1) + 1
    return f"*-{months}-{first:02d}..{min(first + 6, 31):02d}"


def _joined(fields: Fields, hours: Sequence[int], *, minutes: Sequence[int] | None = None, days: bool = True) -> str:
    """A crontab's five fields, at least as often as meant; without `days` on every day of every month."""
    of_month = [day for day in fields.days if day > 0] if fields.plain else []
    week = fields.week_days
    if not days or (fields.days and week and not fields.plain):
        of_month, week = [], []
    return " ".join(
        [
            _list(fields.minutes if minutes is None else minutes, 60),
            _list(hours, 24),
            _list(of_month, 31) if of_month else "*",
            _list(fields.months, 12) if days else "*",
            _list(week, 7) if week else "*",
        ]
    )


def _utc_times(fields: Fields, window: Window) -> tuple[list[tuple[list[int], list[int]]], bool]:
    """(minutes, hours) of every UTC time that is one of the local ones at some time of the year.

    Also whether some fall on another day in UTC.
    """
    year = datetime.now(UTC).year
    months = [datetime(year, month, 15, tzinfo=UTC) for month in range(1, 13)]
    offsets = {round((at.astimezone(window.zone).utcoffset() or timedelta()).total_seconds() / 60) for at in months}
    local = [60 * hour + minute for hour in fields.hours for minute in fields.minutes]
    utc = [at - offset for at in local for offset in offsets]
    hours_of: dict[int, set[int]] = {}
    for at in utc:
        hours_of.setdefault(at % 60, set()).add(at // 60 % 24)
    # Minutes that come in the same hours share a line; a product of all minutes and hours would come too often.
    minutes_of: dict[tuple[int, ...], list[int]] = {}
    for minute in sorted(hours_of):
        minutes_of.setdefault(tuple(sorted(hours_of[minute])), []).append(minute)
    times = [(minutes, list(hours)) for hours, minutes in minutes_of.items()]
    return times, any(not 0 <= at < 24 * 60 for at in utc)


def _list(values: Sequence[int], whole: int) -> str:
    """ "*", or the values: "1,4,7"."""
    return "*" if len(values) >= whole else ",".join(str(value) for value in values)


def _command(loaded: LoadedPlan, *, if_due: bool) -> str:
    parts = ["harness", "gameday", "run", str(loaded.path), *(["--if-due"] if if_due else [])]
    if loaded.plan.target != "lab":
        parts.append("--allow-faults")
    return shlex.join(parts)


def _place(*, quoted: bool = True) -> str:
    """Where the plan's path, the target files and the reports are."""
    from pathlib import Path

    return shlex.quote(str(Path.cwd())) if quoted else str(Path.cwd())


def _unit_name(loaded: LoadedPlan) -> str:
    return f"gameday-{loaded.path.stem}"[:64]


def _one_line(text: str) -> str:
    return " ".join(text.split())
