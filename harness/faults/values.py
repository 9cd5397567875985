"""What most faults share: named values that they change and put back, and parameters that are their fields."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.errors import InvalidPlan, NotDeployed, RollbackFailed
from harness.faults.about import About
from harness.faults.calls import Call, carry_out
from harness.stack import RegionName, Stack
from harness.target import Target

Values = dict[str, str]
"""What a fault changes, name by name, as it was read back from the target."""


class ValuesFault(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault"):
    """A fault that changes named values. A value that is absent is the empty string.

    A kind of fault says how to `read` the values, what they become when it is in force (`broken`), and which calls
    that takes (`changes`, `undoing`); undoing with respect for others' changes is the same for all.
    """

    name: ClassVar[str]
    about: ClassVar[About]

    @property
    def regions(self) -> tuple[RegionName, ...]:
        raise NotImplementedError

    @property
    def parameters(self) -> dict[str, str]:
        return parameters_of(self)

    @property
    def ends_itself_after_s(self) -> float | None:
        return None

    def describe(self) -> str:
        return f"{self.name} in {' and '.join(self.regions)}"

    def read(self, target: Target) -> Values:
        """The values that it changes, as they are now.

        Raises:
            NotDeployed: what has them does not exist.
        """
        raise NotImplementedError

    def broken(self, snapshot: Values) -> Values:
        """What they become; names that are missing here stay as they are."""
        raise NotImplementedError

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        raise NotImplementedError

    def snapshot(self, target: Target) -> Values:
        """The values as they are.

        Raises:
            InvalidPlan: they are already what the fault would make them.
        """
        found = self.read(target)
        broken = self.broken(found)
        if broken and all(found.get(name) == value for name, value in broken.items()):
            told = ", ".join(f"{name} is {value!r}" for name, value in broken.items())
            raise InvalidPlan(
                f"{self.describe()}: {told} already, so there is nothing to break and nothing could be proven; put it "
                "right first"
            )
        return found

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Undoes it unless that is done; a value that is neither ours nor the one from before stays as it is.

        Raises:
            RollbackFailed: naming the first such value, and the commands that would put it back all the same.
        """
        if self.is_to_be_undone(target, snapshot):
            carry_out(self.undoing(target.stack, snapshot), target)

    def is_to_be_undone(self, target: Target, snapshot: Values) -> bool:
        """False when everything is as before. Raises RollbackFailed as `rollback` does."""
        now, broken = self.read(target), self.broken(snapshot)
        for name, value in now.items():
            before = snapshot.get(name, "")
            ours = broken.get(name, before)
            if value not in (before, ours):
                raise RollbackFailed(
                    f"{name} in {' and '.join(self.regions)} is {value!r}: neither {ours!r}, which {self.name} set, "
                    f"nor {before!r} from before. Somebody changed it meanwhile; it was left as it is. To put it "
                    f"back: {self.by_hand(target.stack, snapshot)}"
                )
        return any(value != snapshot.get(name, "") for name, value in now.items())

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        return all(value == snapshot.get(name, "") for name, value in self.read(target).items())

    def is_gone(self, target: Target) -> bool:
        try:
            self.read(target)
        except NotDeployed:
            return True
        return False

    def by_hand(self, stack: Stack, snapshot: Values) -> str:
        return commands(self.undoing(stack, snapshot))


class RegionalFault(ValuesFault, frozen=True, kw_only=True):
    """One that is in a single region."""

    region: RegionName

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region,)


def commands(calls: tuple[Call, ...]) -> str:
    """As a person types them."""
    return "; ".join(call.shell() for call in calls)


def parameters_of(fault: msgspec.Struct) -> dict[str, str]:
    """Its fields as text; those that were left out are missing."""
    values = msgspec.to_builtins(fault)
    return {name: _text(values[name]) for name in fault.__struct_fields__ if values[name] is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return ",".join(_text(each) for each in value) if isinstance(value, list | tuple) else str(value)
