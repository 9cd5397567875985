"""Allowed hours and change freezes: decided from a moment in time, nothing else.

Wall time, not the target's clock: they are about the people who would have to be there.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from harness.guards.kinds import DAYS, AllowedHours, Freeze


def outside_hours(guard: AllowedHours, now: datetime) -> str | None:
    """Why `now` (aware) is not allowed; None when it is."""
    local = now.astimezone(ZoneInfo(guard.time_zone))
    opens, closes, at = guard.opens, guard.closes, local.time().replace(tzinfo=None)
    if opens < closes:
        began: date | None = local.date() if opens <= at < closes else None
    elif at >= opens:
        began = local.date()
    else:
        # After midnight: still the night that began the day before.
        began = local.date() - timedelta(days=1) if at < closes else None
    if began and DAYS[began.weekday()] in guard.days:
        return None
    return (
        f"it is {DAYS[local.weekday()]} {local:%H:%M} in {guard.time_zone}; faults are allowed on "
        f"{', '.join(guard.days)} from {guard.after} to {guard.before}"
    )


def within_freeze(guard: Freeze, now: datetime) -> str | None:
    """Why nothing may be changed at `now` (aware); None when it may."""
    today = now.astimezone(ZoneInfo(guard.time_zone)).date()
    if guard.first <= today <= guard.last:
        return f"{guard.why}: from {guard.first} to {guard.last} by the calendar of {guard.time_zone}"
    return None
