"""The defects that can be planted in the lab's global tables, each with its numbers. All are off until put on.

They exist to test the checkers: a checker that finds none of them proves nothing when it finds nothing.
"""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec

from harness.stack import RegionName


class Defect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The class's docstring says what goes wrong."""

    name: ClassVar[str]


class FirstWriterWins(Defect, frozen=True, kw_only=True):
    """Of two writes made in different regions, neither knowing the other, the earlier wins."""

    name = "first-writer-wins"


class ClockSkewedWinner(Defect, frozen=True, kw_only=True):
    """A region stamps its writes with a clock that is far ahead: they win over later writes of other regions."""

    name = "clock-skewed-winner"
    region: RegionName | None = None
    """None: the table's last by name."""
    ahead_s: float = 60.0

    def __post_init__(self) -> None:
        _require_positive(self, "ahead_s")


class DropReplications(Defect, frozen=True, kw_only=True):
    """Some writes never reach some region."""

    name = "drop-replications"
    share: float = 0.01
    """Of the writes, for each receiving region."""

    def __post_init__(self) -> None:
        _require_share(self)


class DuplicateAndReorder(Defect, frozen=True, kw_only=True):
    """Writes of one item arrive twice and in any order; a replica takes the last from a region for its newest."""

    name = "duplicate-and-reorder"
    late_s: float = 3.0
    """Each copy is late by up to so much."""

    def __post_init__(self) -> None:
        _require_positive(self, "late_s")


class AttributeMerge(Defect, frozen=True, kw_only=True):
    """The last writer wins attribute by attribute, so that items show that nobody has written."""

    name = "attribute-merge"


class ResurrectDeleted(Defect, frozen=True, kw_only=True):
    """Deletes leave no tombstone: older writes that arrive later bring the item back, and replicas send theirs back."""

    name = "resurrect-deleted"
    share: float = 0.25
    """Of the arriving deletes, to which the replica answers with the item that it had."""

    def __post_init__(self) -> None:
        _require_share(self)


class ReplicaStopped(Defect, frozen=True, kw_only=True):
    """A replica throws away what arrives, for good; its own writes still leave."""

    name = "replica-stopped"
    region: RegionName | None = None
    """None: the table's last by name."""


class ForgetAcknowledged(Defect, frozen=True, kw_only=True):
    """Some acknowledged writes vanish from their region after a while and reach no other."""

    name = "forget-acknowledged"
    share: float = 0.01
    after_s: float = 5.0

    def __post_init__(self) -> None:
        _require_share(self)
        _require_positive(self, "after_s")


class ReadsGoBack(Defect, frozen=True, kw_only=True):
    """Some reads of an item, consistent ones too, give what it was before its last change."""

    name = "reads-go-back"
    share: float = 0.05

    def __post_init__(self) -> None:
        _require_share(self)


class TieBrokenDifferently(Defect, frozen=True, kw_only=True):
    """Stamps are coarse, so that ties happen, and in a tie each region keeps what it has: they differ for good."""

    name = "tie-broken-differently"
    resolution_s: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "resolution_s")


DEFECTS: dict[str, type[Defect]] = {
    kind.name: kind
    for kind in (
        FirstWriterWins,
        ClockSkewedWinner,
        DropReplications,
        DuplicateAndReorder,
        AttributeMerge,
        ResurrectDeleted,
        ReplicaStopped,
        ForgetAcknowledged,
        ReadsGoBack,
        TieBrokenDifferently,
    )
}


def _require_share(defect: DropReplications | ResurrectDeleted | ForgetAcknowledged | ReadsGoBack) -> None:
    if not 0 < defect.share <= 1:
        raise ValueError(f"share = {defect.share}: must be above 0 and at most 1")


def _require_positive(defect: Defect, field: str) -> None:
    value = getattr(defect, field)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{field} = {value}: must be above 0")
