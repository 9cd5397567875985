"""What the checkers know of an experiment's items, with the findings that judge it."""

from __future__ import annotations

import msgspec

from harness.checkers.conflicts import Ledger, LostUpdates
from harness.checkers.replication import PairLatency
from harness.checkers.session import Session
from harness.report.items.recovery import JudgedCut

NO_CONFLICTS = Ledger(conflicts=(), acknowledged=0, within_s=0.0)
NO_UPDATES = LostUpdates(found=(), conditional_writes=0)


class ItemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Empty where nothing was measured."""

    pairs: tuple[PairLatency, ...] = ()
    cuts: tuple[JudgedCut, ...] = ()
    moves: tuple[Session, ...] = ()
    ledger: Ledger = NO_CONFLICTS
    lost: LostUpdates = NO_UPDATES
