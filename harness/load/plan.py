"""A load test with faults as data: who asks how much, what breaks when, and what must hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.errors import InvalidPlan
from harness.faults.schedule import Step, stretches
from harness.load.connections import Connections


class Phase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many users from then on; a step or a spike when the next phase changes it."""

    at_s: float
    """Stack seconds since the load began."""
    users: int
    spawn_rate: float
    """Users a wall second, as locust counts it."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    failed_share_at_most: float = 0.01
    p95_at_most_s: float = 2.0
    """Of the good replies of each region, in stack seconds: before, during and after the faults."""


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `harness load run` reads. Times are stack seconds unless they say otherwise."""

    name: str
    question: str = "Are users served well through the faults, under this load?"
    users: int = 20
    spawn_rate: float = 20.0
    """Users a wall second."""
    every_wall_s: float = 0.5
    """From one request of a user to its next; 0: as fast as it can."""
    classes: tuple[str, ...] = ("MixedUser",)
    vantages: tuple[str, ...] = ("*",)
    connections: Connections = Connections.DROP
    processes: int = 1
    """Of locust: above 1, a master and so many workers."""
    shape: tuple[Phase, ...] = ()
    """Instead of `users` and `spawn_rate`."""
    steady_s: float = 60.0
    """Before the first fault."""
    after_s: float = 200.0
    """After the last one: until its users are home again, and some more."""
    steps: tuple[Step, ...] = ()
    hold_s: float = 0.0
    """How long faults that have no end of their own stay in force."""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        _require(bool(self.name) and "/" not in self.name, f"name {self.name!r}: not empty, and without a slash")
        _require(self.users >= 1, f"users {self.users}: at least 1")
        _require(self.spawn_rate > 0, f"spawn_rate {self.spawn_rate:g}: above 0")
        _require(self.every_wall_s >= 0, f"every_wall_s {self.every_wall_s:g}: 0 or more")
        _require(self.steady_s > 0, f"steady_s {self.steady_s:g}: above 0")
        _require(self.after_s >= 0, f"after_s {self.after_s:g}: 0 or more")
        _require(self.processes >= 1, f"processes {self.processes}: at least 1")
        _require(bool(self.classes), 'classes: at least one, such as "MixedUser"')
        times = [phase.at_s for phase in self.shape]
        _require(times == sorted(times), f"shape: its phases begin at {times}: in order of time")
        endless = any(stretch.until_s is None for stretch in stretches(self.steps))
        _require(not endless or self.hold_s > 0, "steps: one has no `for_s`; say with `hold_s` how long it is held")


def load_plan(path: Path) -> LoadPlan:
    """Raises InvalidPlan: names the file, the field and the rule."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=LoadPlan)
    except OSError as error:
        raise InvalidPlan(f"load plan {path}: {error.strerror or error}; docs/load.md shows one") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidPlan) as error:
        raise InvalidPlan(f"load plan {path}: {error}") from error


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
