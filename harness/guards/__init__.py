"""Guards: what must stay true while something is broken on purpose. A tripped guard heals first and reports second."""

from harness.guards.kinds import (
    Alarm,
    AllowedHours,
    AnyGuard,
    CostCeiling,
    EveryVantageServed,
    Freeze,
    GuardFile,
    StopFile,
    UntouchedRegionsWell,
    load_guards,
)
from harness.guards.watch import GuardWatch

__all__ = [
    "Alarm",
    "AllowedHours",
    "AnyGuard",
    "CostCeiling",
    "EveryVantageServed",
    "Freeze",
    "GuardFile",
    "GuardWatch",
    "StopFile",
    "UntouchedRegionsWell",
    "load_guards",
]
