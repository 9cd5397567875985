"""What is true of every fault of one kind: who may do it, what AWS is known to do, and what is not known."""

from __future__ import annotations

from enum import Enum

import msgspec


class Confidence(Enum):
    """How well it is known what AWS does when the fault is made."""

    DOCUMENTED = "documented"
    """AWS's own documents say so."""
    DERIVED = "derived"
    """It follows from AWS's documents, or practitioners observed it; AWS does not say it in so many words."""
    UNKNOWN = "unknown"
    """It was not tried on AWS, and nothing that we know of says what happens."""
    LAB = "lab"
    """Done by a lever of the lab; on AWS it can happen, and nobody can order it."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Of one kind of fault, before its parameters are known."""

    summary: str
    """One line: what its users would notice."""
    iam_actions: tuple[str, ...] = ()
    """Everything it calls: reading, changing, proving, undoing."""
    aws: str
    """What AWS does when it is made, as far as that is known."""
    confidence: Confidence
    unknown: str = ""
    """What nobody outside AWS knows about it; empty: nothing that matters here."""
    bites_within_s: float = 60.0
    """How long it may take until it is seen to bite, and after the rollback until it is seen no more."""
    ends_itself: str = ""
    """When AWS ends it though nobody does, where none of its parameters tells."""
    needs_levers: bool = False
    """It works by the levers of a lab, so it is refused on any other target."""
