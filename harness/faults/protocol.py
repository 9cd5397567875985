"""What inject() needs of a fault. `catalogue.AnyFault` lists those there are; each is a small file of its own.

    snapshot(target) reads what is there -> changes(stack, snapshot) says which calls break it, and inject() makes
    exactly those -> prove(target) looks from outside -> rollback(target, snapshot) mends it

The snapshot holds all that the calls depend on, also the time at which the fault ends by itself, so the calls of a
snapshot are always the same. Reading, proving and rolling back are idempotent.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from harness.faults.about import About
from harness.faults.calls import Call
from harness.stack import RegionName, Stack
from harness.target import Target


class Fault(Protocol):
    name: ClassVar[str]
    about: ClassVar[About]

    @property
    def regions(self) -> tuple[RegionName, ...]:
        """Those that it breaks: its blast radius."""
        ...

    @property
    def parameters(self) -> dict[str, str]: ...

    @property
    def ends_itself_after_s(self) -> float | None:
        """When AWS ends it though nobody does; None: never."""
        ...

    def describe(self) -> str:
        """ "health-broken in eu-west-1"."""
        ...

    def resources(self, stack: Stack) -> tuple[str, ...]:
        """What it changes: two faults on one resource would undo each other."""
        ...

    def snapshot(self, target: Target) -> dict[str, str]:
        """What is there now, for changes(), for undoing and for a person. Changes nothing.

        Raises:
            NotDeployed: what it would change does not exist.
            NeedsLevers: the target has no levers, and it needs one.
        """
        ...

    def changes(self, stack: Stack, snapshot: dict[str, str]) -> tuple[Call, ...]:
        """What applying it calls, in order."""
        ...

    def undoing(self, stack: Stack, snapshot: dict[str, str]) -> tuple[Call, ...]:
        """What puts the snapshot back when nobody else changed anything meanwhile; what a person runs by hand."""
        ...

    def prove(self, target: Target) -> str | None:
        """How it is seen to bite, from outside; None while it is not."""
        ...

    def prove_removed(self, target: Target) -> bool:
        """True when it is seen to bite no more, from outside."""
        ...

    def rollback(self, target: Target, snapshot: dict[str, str]) -> None:
        """Undoes it, also when only some of its calls were made; twice is harmless.

        Raises:
            RollbackFailed: somebody else changed the resource meanwhile; it was left as it is.
        """
        ...

    def is_rolled_back(self, target: Target, snapshot: dict[str, str]) -> bool:
        """Reads back: nothing of it is left, and what it changed is as in the snapshot."""
        ...

    def is_gone(self, target: Target) -> bool:
        """True when what it changed no longer exists, so there is nothing left to undo."""
        ...

    def by_hand(self, stack: Stack, snapshot: dict[str, str]) -> str:
        """The commands by which a person undoes it."""
        ...
