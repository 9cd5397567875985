"""What the checkers know of an experiment's items, with the findings that judge it."""

from __future__ import annotations

import msgspec

from harness.checkers.replication import PairLatency
from harness.checkers.session import Session
from harness.report.items.recovery import JudgedCut


class ItemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Empty where nothing was measured."""

    pairs: tuple[PairLatency, ...] = ()
    cuts: tuple[JudgedCut, ...] = ()
    moves: tuple[Session, ...] = ()
