"""When a plan is due, in its own time zone, and when it may not be run."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from plans import due

from harness.gameday.when import firings, in_words, is_due, last_firing, next_run, refusal


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_local_hour_is_another_utc_hour_in_summer() -> None:
    """10:00 in Dublin is 10:00 UTC in January and 09:00 in July."""
    window = due("0 10 * 1,7 2#1", zone="Europe/Dublin").plan.window

    assert list(islice(firings(window, at("2026-01-01")), 2)) == [at("2026-01-06T10:00"), at("2026-07-07T09:00")]


def test_an_hour_that_does_not_exist_still_comes_once() -> None:
    """Clocks in New York went from 02:00 to 03:00 on 2026-03-08: what was due at 02:30 came at 03:00."""
    window = due("30 2 * * *", zone="America/New_York").plan.window

    found = list(islice(firings(window, at("2026-03-07T08:00")), 2))

    assert found == [at("2026-03-08T07:00"), at("2026-03-09T06:30")]


def test_the_last_firing_counts_when_it_is_now() -> None:
    window = due("0 10 * * *").plan.window

    assert last_firing(window, at("2026-01-06T10:00")) == at("2026-01-06T10:00")
    assert last_firing(window, at("2026-01-06T09:59:59")) == at("2026-01-05T10:00")


def test_it_is_due_for_less_than_an_hour() -> None:
    """A scheduler in UTC comes at 09:00 and at 10:00: only one of them is 10:00 in Dublin."""
    window = due("0 10 * * *", zone="Europe/Dublin").plan.window

    assert [hour for hour in range(24) if is_due(window, at(f"2026-01-06T{hour:02}:05"))] == [10]
    assert [hour for hour in range(24) if is_due(window, at(f"2026-07-06T{hour:02}:05"))] == [9]


def test_days_hours_and_freezes_are_refused_by_name() -> None:
    window = due(
        "0 10 * * *",
        zone="Europe/Dublin",
        more='days = ["mon"]\nafter = "09:00"\nbefore = "16:00"\n'
        'freeze = [{ first = 2026-12-14, last = 2026-12-28, why = "end of the year" }]',
    ).plan.window

    assert refusal(window, at("2026-11-30T10:00")) is None
    assert "it is tue 10:00 in Europe/Dublin" in (refusal(window, at("2026-12-01T10:00")) or "")
    assert "it is mon 16:00" in (refusal(window, at("2026-11-30T16:00")) or "")
    assert (refusal(window, at("2026-12-28T12:00")) or "").startswith("end of the year")


def test_days_alone_allow_the_whole_day() -> None:
    window = due("0 10 * * *", more='days = ["mon"]').plan.window

    assert refusal(window, at("2026-11-30T00:00")) is None
    assert refusal(window, at("2026-11-30T23:58")) is None
    assert refusal(window, at("2026-12-01T00:00"))


def test_the_next_run_skips_what_is_frozen() -> None:
    window = due("0 10 * * 1", more="freeze = [{ first = 2026-12-01, last = 2026-12-20 }]").plan.window

    assert next_run(window, at("2026-11-30T11:00")) == at("2026-12-21T10:00")


def test_what_is_never_allowed_never_runs() -> None:
    window = due("0 10 * * 1", more='days = ["tue"]').plan.window

    assert next_run(window, at("2026-11-30T11:00")) is None


def test_a_plan_by_hand_is_never_due() -> None:
    from plans import a_plan

    window = a_plan().plan.window

    assert (next_run(window, at("2026-01-01")), last_firing(window, at("2026-01-01"))) == (None, None)
    assert in_words(window) == "by hand"
    assert not is_due(window, at("2026-01-01"))
