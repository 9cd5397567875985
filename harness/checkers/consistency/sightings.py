"""The stretch in which a region was seen to show an item, and pairs of items whose stretches contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.checkers.consistency.story import Look, Written


class Sighting(NamedTuple):
    """One write's item in one region."""

    written: Written
    first: Look
    """The look that was over first: by its end the region had shown the item."""
    last: Look
    """The look that asked last."""

    @property
    def was_shown_by_s(self) -> float:
        return self.first.read.end_s

    @property
    def still_shown_at_s(self) -> float:
        return self.last.asked_s

    @property
    def from_s(self) -> float:
        return min(self.was_shown_by_s, self.still_shown_at_s)

    @property
    def spans(self) -> bool:
        """It was certainly shown throughout a stretch, not just at some moment."""
        return self.was_shown_by_s <= self.still_shown_at_s


def sightings(looks: Iterable[Look]) -> dict[int, Sighting]:
    """By the write's index, of looks in one region."""
    seen: dict[int, Sighting] = {}
    for look in looks:
        if look.shows:
            known = seen.get(look.shows.index)
            first = look if known is None or look.read.end_s < known.first.read.end_s else known.first
            last = look if known is None or look.asked_s > known.last.asked_s else known.last
            seen[look.shows.index] = Sighting(look.shows, first, last)
    return seen


def that_contradict(seen: Iterable[Sighting]) -> Iterator[tuple[Sighting, Sighting]]:
    """Pairs of which each was shown before the other; for each that is in such a pair with an earlier one, one pair.

    A and B contradict each other when a look at A was over before one at B was asked, and the other way round. In a
    replica that only gets newer A's looks are all asked before the change to B, and B's are all over after it. Ordered
    by `from_s`, of those before it only the one shown longest can contradict a sighting, if any does.
    """
    longest: Sighting | None = None
    for sighting in sorted(seen, key=lambda one: (one.from_s, not one.spans, one.first.index)):
        if longest and longest.still_shown_at_s >= sighting.was_shown_by_s:
            yield longest, sighting
        if sighting.spans and (longest is None or sighting.still_shown_at_s > longest.still_shown_at_s):
            longest = sighting
