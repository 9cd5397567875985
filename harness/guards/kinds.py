"""The guards there are, as data: in a plan, in a file for `--guards`, or in Python.

    [[guards]]
    guard = "allowed-hours"
    days = ["mon", "tue", "wed", "thu"]
    after = "09:00"
    before = "16:00"
    time_zone = "Europe/Dublin"

What cannot be is a ValueError, which msgspec tells with its place in the file. What each decides stands in the modules
beside this one, without I/O; `watch` feeds them.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import date, time
from pathlib import Path
from typing import Literal

import msgspec

from harness.errors import InvalidPlan
from harness.guards.prices import Prices
from harness.stack import RegionName, is_region_name

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class _Guard(msgspec.Struct, frozen=True, kw_only=True, tag_field="guard", forbid_unknown_fields=True): ...


class EveryVantageServed(_Guard, frozen=True, kw_only=True, tag="every-vantage-served"):
    """At least one region serves every vantage: none goes without a good reply for longer than `longest_s`.

    Silence counts as not served: a guard that sees nothing must not say that all is well. A clean failover takes its
    detection time and a TTL, so `longest_s` belongs above their sum.
    """

    longest_s: float

    def __post_init__(self) -> None:
        _above_0(self, "longest_s")


class UntouchedRegionsWell(_Guard, frozen=True, kw_only=True, tag="untouched-regions-well"):
    """Of the looks that regions without a fault answered in the last `window_s`, at most this share failed."""

    at_most: float = 0.05
    window_s: float = 60.0
    samples_at_least: int = 20
    """With fewer it does not decide: one lost packet of two is no outage."""

    def __post_init__(self) -> None:
        _above_0(self, "window_s", "samples_at_least")
        if not 0 <= self.at_most < 1:
            raise ValueError(f"guard 'untouched-regions-well': at_most {self.at_most:g} is a share, from 0 to below 1")


class Alarm(_Guard, frozen=True, kw_only=True, tag="alarm"):
    """A CloudWatch alarm that must not be in state ALARM; one that is missing or cannot be read trips too."""

    name: str
    region: RegionName

    def __post_init__(self) -> None:
        if not is_region_name(self.region):
            raise ValueError(f"guard 'alarm' {self.name!r}: {self.region!r} is not a region name")


class StopFile(_Guard, frozen=True, kw_only=True, tag="stop-file"):
    """A file that must not exist: `touch` it, from anywhere that shares the folder, to stop what is going on."""

    path: str


class AllowedHours(_Guard, frozen=True, kw_only=True, tag="allowed-hours"):
    """Faults only on these days, from `after` until before `before`, wall time in `time_zone`.

    `before` may lie on the next day ("22:00" to "04:00"); the day is then the one on which the night began.
    """

    after: str
    before: str
    time_zone: str
    days: tuple[Day, ...] = DAYS

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            if not _TIME_OF_DAY.fullmatch(getattr(self, name)):
                raise ValueError(
                    f"guard 'allowed-hours': {name} {getattr(self, name)!r} is no time of day; write \"09:30\""
                )
        if self.after == self.before or not self.days:
            raise ValueError("guard 'allowed-hours' allows no hour: give days, and two different times of day")
        _known_zone("allowed-hours", self.time_zone)

    @property
    def opens(self) -> time:
        return time.fromisoformat(self.after)

    @property
    def closes(self) -> time:
        return time.fromisoformat(self.before)


class Freeze(_Guard, frozen=True, kw_only=True, tag="freeze"):
    """Nothing is changed from `first` to `last`, both included, by the calendar of `time_zone`."""

    first: date
    last: date
    time_zone: str
    why: str = "change freeze"

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"guard 'freeze' ({self.why}): it ends on {self.last}, before it begins on {self.first}")
        _known_zone("freeze", self.time_zone)


class CostCeiling(_Guard, frozen=True, kw_only=True, tag="cost-ceiling"):
    """What the run's own traffic is estimated to cost stays at or below `at_most` of the prices' currency."""

    at_most: float
    prices: Prices

    def __post_init__(self) -> None:
        _above_0(self, "at_most")
        if not self.prices.any:
            raise ValueError("guard 'cost-ceiling' has no price above 0: with none it would never trip")


AnyGuard = EveryVantageServed | UntouchedRegionsWell | Alarm | StopFile | AllowedHours | Freeze | CostCeiling


class GuardFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file for `--guards` holds."""

    guards: tuple[AnyGuard, ...]


def kind_of(guard: AnyGuard) -> str:
    """Its name in files and reports: "stop-file"."""
    return str(guard.__struct_config__.tag)


def load_guards(path: Path) -> tuple[AnyGuard, ...]:
    """Reads a TOML file of guards.

    Raises:
        InvalidPlan: it cannot be read, or breaks a rule; names file, field and rule.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=GuardFile).guards
    except OSError as error:
        raise InvalidPlan(f"guards file {path}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidPlan(f"guards file {path}: {error}") from error


def _above_0(guard: AnyGuard, *names: str) -> None:
    for name in names:
        if not getattr(guard, name) > 0:
            raise ValueError(f"guard {kind_of(guard)!r}: {name} {getattr(guard, name)} must be above 0")


def _known_zone(guard: str, name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"guard {guard!r}: time zone {name!r} is not known; write one of IANA's, such as 'Europe/Dublin'"
        ) from error
