"""The scheduler in virtual time: one day at a time, and nothing left out without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from plans import due

from harness.gameday.load import LoadedPlan
from harness.gameday.scheduler import Missed, Ran, Scheduler, Told, Waiting


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Wall:
    """Stands still until it is slept on."""

    def __init__(self, now: datetime) -> None:
        self.time = now
        self.slept = 0

    def now(self) -> datetime:
        return self.time

    def sleep(self, for_s: float) -> None:
        self.time += timedelta(seconds=for_s)
        self.slept += 1


class Bench:
    """A scheduler whose days take `day_s` of the wall's time."""

    def __init__(self, folder: Path, now: str, *plans: LoadedPlan, day_s: float = 600.0) -> None:
        self.wall = Wall(at(now))
        self.told: list[Told] = []
        self.ran: list[tuple[str, datetime]] = []
        self.day_s = day_s
        self.scheduler = Scheduler(
            plans, wall=self.wall, run_day=self._run, tell=self.told.append, memory=folder / "schedule.json"
        )

    def _run(self, loaded: LoadedPlan) -> int:
        self.ran.append((str(loaded.path), self.wall.time))
        self.wall.time += timedelta(seconds=self.day_s)
        return 1

    @property
    def missed(self) -> list[Missed]:
        return [one for one in self.told if isinstance(one, Missed)]


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    return lambda now, *plans, **more: Bench(tmp_path, now, *plans, **more)


MORNING, NOON = due("0 9 * * *", path=Path("morning.toml")), due("5 9 * * *", path=Path("noon.toml"))


def test_each_day_is_run_when_it_is_due(bench: Callable[..., Bench]) -> None:
    found = bench("2026-01-05T08:00", MORNING)

    found.scheduler.run(at_most_days=2)

    assert [when for _, when in found.ran] == [at("2026-01-05T09:00"), at("2026-01-06T09:00")]
    assert found.told[0] == Waiting(title="A day", at=at("2026-01-05T09:00"))
    assert found.told[1] == Ran(title="A day", at=at("2026-01-05T09:00"), exit_code=1)
    assert not found.missed


def test_what_is_due_while_another_day_runs_is_missed_and_told(bench: Callable[..., Bench]) -> None:
    """09:00 takes ten minutes: 09:05 is missed, not queued."""
    found = bench("2026-01-05T08:00", MORNING, NOON)

    found.scheduler.run(at_most_days=2)

    assert [path for path, _ in found.ran] == ["morning.toml", "morning.toml"]
    assert [(one.at, one.why) for one in found.missed] == [
        (at("2026-01-05T09:05"), "another game day was running: A day"),
        (at("2026-01-06T09:05"), "another game day was running: A day"),
    ]


def test_what_was_due_while_nobody_scheduled_is_told_at_the_start(bench: Callable[..., Bench]) -> None:
    bench("2026-01-05T08:00", MORNING).scheduler.run(at_most_days=1)
    found = bench("2026-01-08T12:00", MORNING)

    found.scheduler.run(at_most_days=1)

    assert [one.at for one in found.missed] == [at(f"2026-01-0{day}T09:00") for day in (6, 7, 8)]
    assert {one.why for one in found.missed} == {"the scheduler was not running"}
    assert [when for _, when in found.ran] == [at("2026-01-09T09:00")]


def test_a_new_plan_has_missed_nothing(bench: Callable[..., Bench]) -> None:
    found = bench("2026-01-05T12:00", MORNING)

    found.scheduler.run(at_most_days=1)

    assert not found.missed


def test_a_machine_that_slept_does_not_catch_up(bench: Callable[..., Bench]) -> None:
    found = bench("2026-01-05T08:00", MORNING)
    slept = found.wall.sleep

    def sleep(for_s: float) -> None:
        slept(for_s)
        if found.wall.slept == 3:
            found.wall.time = at("2026-01-05T11:00")

    found.wall.sleep = sleep  # type: ignore[method-assign]
    found.scheduler.run(at_most_days=1)

    assert [(one.at, one.why) for one in found.missed] == [
        (at("2026-01-05T09:00"), "the machine slept, or its clock was set")
    ]
    assert [when for _, when in found.ran] == [at("2026-01-06T09:00")]


def test_outside_of_its_window_it_is_missed_with_the_reason(bench: Callable[..., Bench]) -> None:
    """Monday 5 January is frozen."""
    plan = due("0 9 * * *", more='freeze = [{ first = 2026-01-05, last = 2026-01-05, why = "moving house" }]')
    found = bench("2026-01-05T08:00", plan)

    found.scheduler.run(at_most_days=1)

    assert [(one.at, one.why.partition(":")[0]) for one in found.missed] == [(at("2026-01-05T09:00"), "moving house")]
    assert [when for _, when in found.ran] == [at("2026-01-06T09:00")]


def test_ctrl_c_ends_it_and_what_ran_is_remembered(bench: Callable[..., Bench]) -> None:
    found = bench("2026-01-05T08:00", MORNING)
    found.scheduler.run(at_most_days=1)

    def sleep(_for_s: float) -> None:
        raise KeyboardInterrupt

    found.wall.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        found.scheduler.run()

    again = bench("2026-01-05T09:30", MORNING)
    again.scheduler.run(at_most_days=1)
    assert not again.missed


def test_memory_that_is_damaged_loses_only_what_was_missed(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "schedule.json").write_text("{")
    found = bench("2026-01-05T08:00", MORNING)

    found.scheduler.run(at_most_days=1)

    assert len(found.ran) == 1
