"""How much may be broken at once, and for how long. Decided before anything is touched."""

from __future__ import annotations

import msgspec

from harness.errors import BlastRadiusExceeded
from harness.faults.catalogue import AnyFault
from harness.stack import RegionName, Stack

LONGEST_S = 3600.0
"""How long a fault may be held unless a plan says more."""
LIMIT_S = 4 * 3600.0
"""No plan may say more. DynamoDB drops a replica for good that was cut off for 20 hours."""


class BlastRadius(msgspec.Struct, frozen=True, kw_only=True):
    """By default one region always stays whole, and nothing is held for more than an hour of the target's time."""

    regions_at_most: int | None = None
    """Fewer than all but one. To break all of them takes `every_region_of`, whatever the number."""
    every_region_of: str = ""
    """The stack's name, as consoles ask for it before they delete something: every region of it may be broken."""
    held_at_most_s: float = LONGEST_S

    def __post_init__(self) -> None:
        if not 0 < self.held_at_most_s <= LIMIT_S:
            raise ValueError(f"held_at_most_s {self.held_at_most_s:g}: above 0 and at most {LIMIT_S:g} s")

    def check(self, fault: AnyFault, stack: Stack, already_broken: tuple[RegionName, ...]) -> None:
        """Raises BlastRadiusExceeded, naming the fault, the count and the limit."""
        unknown = [region for region in fault.regions if region not in stack.region_names]
        if unknown:
            raise BlastRadiusExceeded(
                f"fault {fault.describe()!r} covers {', '.join(unknown)}, where stack {stack.name!r} has no part; "
                f"it is in {', '.join(stack.region_names)}"
            )
        broken = set(already_broken) | set(fault.regions)
        limit = self._limit(stack)
        if len(broken) > limit:
            raise BlastRadiusExceeded(
                f"fault {fault.describe()!r} would have {len(broken)} of {len(stack.regions)} regions of stack "
                f"{stack.name!r} broken at once; at most {limit} may be, narrow the fault's regions"
            )

    def _limit(self, stack: Stack) -> int:
        at_most = len(stack.regions) if self.every_region_of == stack.name else len(stack.regions) - 1
        return at_most if self.regions_at_most is None else min(at_most, self.regions_at_most)

    def check_time(self, held_s: float, what: str) -> None:
        """Raises BlastRadiusExceeded when `what` would be held for longer than may be."""
        if held_s > self.held_at_most_s:
            raise BlastRadiusExceeded(
                f"{what} would be held for up to {held_s:g} s; at most {self.held_at_most_s:g} s, and never above "
                f"{LIMIT_S:g} s"
            )


def require_confirmation(blast_radius: BlastRadius, stack: Stack, confirmed: str) -> None:
    """A plan that breaks every region needs a person who says so with the stack's name.

    Raises:
        BlastRadiusExceeded: nobody did, or the plan or the person named another stack.
    """
    asked = blast_radius.every_region_of
    if asked and asked != stack.name:
        raise BlastRadiusExceeded(f"the plan may break every region of stack {asked!r}; this is stack {stack.name!r}")
    if asked and confirmed != stack.name:
        raise BlastRadiusExceeded(
            f"every region of stack {stack.name!r} would be broken at once, so that nobody may be served: confirm it "
            f"with the stack's name, --all-regions {stack.name}"
        )
