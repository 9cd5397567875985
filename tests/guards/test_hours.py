"""Allowed hours and freezes, in the time zone of the people who would have to be there."""

from __future__ import annotations

from datetime import UTC, date, datetime

from harness.guards import AllowedHours, Freeze
from harness.guards.hours import outside_hours, within_freeze

OFFICE = AllowedHours(days=("mon", "tue"), after="09:00", before="16:00", time_zone="Europe/Dublin")
NIGHT = AllowedHours(days=("fri",), after="22:00", before="04:00", time_zone="UTC")
FREEZE = Freeze(first=date(2026, 11, 20), last=date(2026, 12, 1), time_zone="Australia/Sydney", why="black Friday")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_hours_are_local_also_in_summer() -> None:
    """Dublin is at UTC in January and an hour ahead in July: 08:30 UTC is 09:30 there, 15:30 UTC is 16:30."""
    assert outside_hours(OFFICE, at("2026-01-05 09:00")) is None
    assert outside_hours(OFFICE, at("2026-01-05 08:30"))
    assert outside_hours(OFFICE, at("2026-07-06 08:30")) is None
    assert outside_hours(OFFICE, at("2026-07-06 15:30"))


def test_the_end_is_excluded_and_other_days_are_told() -> None:
    assert outside_hours(OFFICE, at("2026-01-05 15:59")) is None
    assert outside_hours(OFFICE, at("2026-01-05 16:00"))
    assert outside_hours(OFFICE, at("2026-01-07 10:00")) == (
        "it is wed 10:00 in Europe/Dublin; faults are allowed on mon, tue from 09:00 to 16:00"
    )


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    """Friday 2026-01-09, 22:00 until Saturday 04:00; Friday's own early hours are Thursday's night."""
    assert outside_hours(NIGHT, at("2026-01-09 23:00")) is None
    assert outside_hours(NIGHT, at("2026-01-10 03:59")) is None
    assert outside_hours(NIGHT, at("2026-01-10 04:00"))
    assert outside_hours(NIGHT, at("2026-01-09 03:00"))
    assert outside_hours(NIGHT, at("2026-01-10 23:00"))


def test_a_freeze_includes_both_its_days_by_its_own_calendar() -> None:
    """Sydney is 11 hours ahead in November: its 20th begins at 13:00 UTC on the 19th, its 1st ends at 13:00 UTC."""
    assert within_freeze(FREEZE, at("2026-11-19 12:59")) is None
    assert within_freeze(FREEZE, at("2026-11-19 13:00"))
    assert within_freeze(FREEZE, at("2026-12-01 12:59"))
    assert within_freeze(FREEZE, at("2026-12-01 13:00")) is None
