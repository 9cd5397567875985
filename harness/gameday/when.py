"""When a plan is due, and why it may not be run at some time. Pure: the moment is an argument, aware of its zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from cronsim import CronSim

from harness.gameday.plan import Window
from harness.guards import AllowedHours, Freeze
from harness.guards.hours import outside_hours, within_freeze

LOOKED_AHEAD = 1000
"""Firings: a plan for weekdays whose freezes last all year is told from one that is only late."""

JUST_FIRED = timedelta(minutes=50)
"""Below an hour: of the two hours that a UTC schedule must try for one local hour, only one counts."""


def firings(window: Window, after: datetime) -> Iterator[datetime]:
    """Each time the cron expression comes due after `after`, in UTC; none without an expression."""
    if window.cron is None:
        return
    for local in CronSim(window.cron, after.astimezone(window.zone)):
        yield local.astimezone(UTC)


def last_firing(window: Window, before: datetime) -> datetime | None:
    """The latest time at or before `before` at which it was due."""
    if window.cron is None:
        return None
    just_after = before.astimezone(window.zone) + timedelta(seconds=1)
    found = next(CronSim(window.cron, just_after, reverse=True), None)
    return found.astimezone(UTC) if found else None


def is_due(window: Window, now: datetime) -> bool:
    """It fired within the last `JUST_FIRED`."""
    fired = last_firing(window, now)
    return fired is not None and now - fired < JUST_FIRED


def refusal(window: Window, at: datetime) -> str | None:
    """Why nothing may be broken then; None when it may."""
    for guard in window.guards:
        match guard:
            case AllowedHours():
                why = outside_hours(guard, at)
            case Freeze():
                why = within_freeze(guard, at)
            case _:
                continue
        if why:
            return why
    return None


def next_run(window: Window, after: datetime) -> datetime | None:
    """The first firing at which it may be run; None when none of the next thousand is."""
    return next((at for at in islice(firings(window, after), LOOKED_AHEAD) if refusal(window, at) is None), None)


def in_words(window: Window) -> str:
    """ "At 10:00 on the first Tuesday of the month in January (Europe/Dublin)"."""
    if window.cron is None:
        return "by hand"
    return f"{CronSim(window.cron, datetime.now(UTC)).explain()} ({window.time_zone})"
