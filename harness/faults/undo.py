"""undo(): rolls one journal entry back, with bounded retries, and reads it back. For inject() and `harness recover`."""

from __future__ import annotations

import time

from harness.clock import Clock
from harness.errors import LabNotRunning, NotDeployed, RollbackFailed
from harness.faults.catalogue import as_fault
from harness.faults.journal import Opened
from harness.target import Target

ROLLBACK_ATTEMPTS = 5

ON_ITS_WAY_WALL_S = 2.0
"""A call whose caller was killed, or stopped waiting, may take effect after a first look has found nothing to undo.

So the look is made again after this long. AWS gives no bound; a request that is sent is mostly done in far less."""


def undo(entry: Opened, target: Target, clock: Clock) -> str:
    """Returns how it ended: "rolled back", or "gone" when what it had changed no longer exists.

    Raises:
        RollbackFailed: after the last retry, or when somebody else changed the resource meanwhile. The message has the
            commands by which a person undoes it.
    """
    fault = as_fault(entry.fault)
    last: Exception | None = None
    for attempt in range(ROLLBACK_ATTEMPTS):
        if attempt:
            clock.sleep_until_s(clock.now_s() + 2.0**attempt)
        try:
            fault.rollback(target, entry.snapshot)
            if fault.is_rolled_back(target, entry.snapshot):
                return "rolled back"
            last = RollbackFailed(f"{fault.describe()}: the read-back does not show the rollback yet")
        except RollbackFailed:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, a person must be told how to mend the stack
            if isinstance(error, NotDeployed) and _is_gone(entry, target):
                return "gone"
            last = error
    if isinstance(last, LabNotRunning) and entry.endpoints.levers_url:
        return "gone"  # The stack lived in the memory of a lab on this machine, which has ended.
    raise RollbackFailed(
        f"{fault.describe()} could not be rolled back in {ROLLBACK_ATTEMPTS} attempts: {last or 'no reason'}. "
        f"Run `harness recover`, or by hand: {fault.by_hand(entry.stack, entry.snapshot)}"
    ) from last


def undo_what_may_be_on_its_way(entry: Opened, target: Target, clock: Clock) -> str:
    """As undo(), for a fault whose calls were cut short: looks twice."""
    how = undo(entry, target, clock)
    if how == "gone":
        return how
    time.sleep(ON_ITS_WAY_WALL_S)
    return undo(entry, target, clock)


def _is_gone(entry: Opened, target: Target) -> bool:
    try:
        return as_fault(entry.fault).is_gone(target)
    except Exception:  # noqa: BLE001  # not known to be gone
        return False
