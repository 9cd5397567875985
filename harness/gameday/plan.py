"""A game day's plan: what is to be shown, when, on which target, by which experiments, and who is told.

    title = "Quarterly evacuation of a region"
    owner = "platform team"
    goal = "Users of a region that falls sick are served elsewhere within three minutes, and come home"
    target = "lab"
    rto_s = 180

    [window]
    cron = "0 10 * 1,4,7,10 2#1"
    time_zone = "Europe/Dublin"

    [[experiments]]
    scenario = "failover"
    parameters = { region = "eu-west-1" }

Plans are data: what is decided on the way is decided by scenarios, guards and people.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime

import msgspec
from cronsim import CronSim, CronSimError

from harness.guards import AllowedHours, AnyGuard, Freeze
from harness.guards.kinds import DAYS, Day

Setting = str | int | float | bool


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class FreezeDates(_Part, frozen=True):
    """Nothing is broken from `first` to `last`, both included."""

    first: date
    last: date
    why: str = "change freeze"

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the freeze ({self.why}) ends on {self.last}, before it begins on {self.first}")


class Window(_Part, frozen=True):
    """When the day is due, and when it may be. Wall time in `time_zone`."""

    cron: str | None = None
    """Five fields, as cron(5) reads them, with "2#1" for the first Tuesday and "L" for the last day. None: by hand."""
    time_zone: str = "UTC"
    days: tuple[Day, ...] = DAYS
    after: str | None = None
    """Allowed hours: from here, "09:00"..."""
    before: str | None = None
    """...until before here. Both or neither."""
    freeze: tuple[FreezeDates, ...] = ()

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is none of IANA's, such as 'Europe/Dublin'") from error
        if self.cron is not None:
            check_cron(self.cron)
        if (self.after is None) != (self.before is None):
            raise ValueError("allowed hours need both `after` and `before`, for example 09:00 and 16:00")
        if not self.days:
            raise ValueError("`days` allows no day: leave it out, or name some")
        _ = self.guards  # hours that cannot be are refused here, where the plan is read

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def guards(self) -> tuple[AnyGuard, ...]:
        """The same as guards: what is begun in the window also ends in it."""
        freezes = [
            Freeze(first=dates.first, last=dates.last, why=dates.why, time_zone=self.time_zone) for dates in self.freeze
        ]
        return (*self._hours(), *freezes)

    def _hours(self) -> tuple[AllowedHours, ...]:
        if self.after is None and self.days == DAYS:
            return ()
        # Days alone: from midnight to the last minute, which is as much as a time of day can say.
        after, before = self.after or "00:00", self.before or "23:59"
        return (AllowedHours(after=after, before=before, time_zone=self.time_zone, days=self.days),)


class PlannedExperiment(_Part, frozen=True):
    """One scenario, run as `harness run` would."""

    scenario: str
    """ "failover" is scenarios/test_failover.py."""
    name: str = ""
    """What people call it; absent: the scenario's name."""
    parameters: dict[str, Setting] = {}
    approval: str = ""
    """A question that a person says yes to before it begins; absent: nobody is asked."""
    pause_s: float = 0.0
    """Wall seconds of quiet before it begins."""
    all_regions_of: str = ""
    """The stack of which it may break every region at once, by name; a person has to say yes to it, too."""

    def __post_init__(self) -> None:
        if not 0 <= self.pause_s <= 86_400:
            raise ValueError(f"pause_s {self.pause_s:g}: a pause lasts 0 to 86400 s")
        if self.all_regions_of and not self.approval:
            raise ValueError("all_regions_of needs an `approval`: every region is broken only when a person says yes")

    @property
    def title(self) -> str:
        return self.name or self.scenario

    @property
    def settings(self) -> dict[str, str]:
        """As `--set` takes them."""
        return {name: _text(value) for name, value in self.parameters.items()}


class Notify(_Part, frozen=True):
    """Who is told how the day goes."""

    webhook: str
    """A URL that takes {"text": ...}, as Slack's do; "$NAME" takes it from the environment, where secrets belong."""

    def __post_init__(self) -> None:
        if not self.webhook.startswith(("https://", "http://", "$")) or len(self.webhook) < 2:
            raise ValueError('webhook is neither a URL nor "$NAME" of an environment variable')


class GameDayPlan(_Part, frozen=True):
    title: str
    owner: str
    goal: str
    """What the day is to show, in a sentence."""
    target: str
    """ "lab", "aws" or a target file."""
    experiments: tuple[PlannedExperiment, ...]
    window: Window = Window()
    guards: tuple[AnyGuard, ...] = ()
    rto_s: float | None = None
    """Recovery time to prove: the slowest user of a broken region is well again within it. Stack seconds."""
    rpo_s: float | None = None
    """Recovery point to prove: no write older than it was in one region alone. Stack seconds."""
    notify: Notify | None = None
    vantages: str = ""
    """Where to look from, as `harness run --from` takes it; absent: its default."""
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("title", "owner", "goal", "target"):
            if not getattr(self, name).strip():
                raise ValueError(f"`{name}` is empty")
        if not self.experiments:
            raise ValueError("the plan has no [[experiments]]: nothing would be done")
        for name in ("rto_s", "rpo_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` {value:g}: it must be above 0")

    @property
    def all_guards(self) -> tuple[AnyGuard, ...]:
        return (*self.window.guards, *self.guards)


def check_cron(expression: str) -> None:
    """Raises ValueError for what is no cron expression of five fields, or never comes."""
    if len(expression.split()) != 5:
        raise ValueError(f"cron {expression!r} has {len(expression.split())} fields; it takes five: {_FIELDS}")
    try:
        next(CronSim(expression, datetime.now(UTC)))
    except CronSimError as error:
        raise ValueError(f"cron {expression!r} cannot be read: {str(error).lower()}; it is {_FIELDS}") from error
    except StopIteration as error:
        raise ValueError(f"cron {expression!r} names a date that never comes") from error


_FIELDS = "minute, hour, day of month, month, day of week"


def _text(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
