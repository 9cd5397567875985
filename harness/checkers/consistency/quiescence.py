"""From when on a region shows what it will show for ever."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from harness.checkers.consistency.rules import Stretch
from harness.events import FaultEvent


class Quiescence(msgspec.Struct, frozen=True, kw_only=True):
    from_s: float
    """Infinite when it was not reached."""
    why_not: str | None = None


def quiescence(last_write_end_s: float, faults: Iterable[FaultEvent], stretch: Stretch, settle_s: float) -> Quiescence:
    """`settle_s` after the last write was over and the last fault undone: an open fault may hold back data."""
    last: dict[str, FaultEvent] = {}
    for fault in faults:
        if fault.start_s <= stretch.until_s:
            last[fault.fault_id] = fault
    still_open = [fault for fault in last.values() if not fault.phase.is_undone]
    if still_open:
        what = f"{still_open[0].fault!r} in {', '.join(still_open[0].regions)}"
        return Quiescence(from_s=math.inf, why_not=f"the fault {what} was not rolled back")
    if last_write_end_s == -math.inf:
        return Quiescence(from_s=math.inf, why_not="nothing was written")
    return Quiescence(from_s=max(last_write_end_s, *(fault.end_s for fault in last.values()), -math.inf) + settle_s)
