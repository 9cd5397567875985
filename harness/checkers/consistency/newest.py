"""What was the greatest by a given moment: of writes, the newest that was visible."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from harness.checkers.consistency.rules import Rules
from harness.checkers.consistency.story import Written
from harness.stack import RegionName

T = TypeVar("T")


class Step(NamedTuple, Generic[T]):
    since_s: float
    rank: tuple[float, int]
    what: T


class Ladder(Generic[T]):
    """The greatest rank so far, at each moment at which something came into view."""

    def __init__(self, steps: Iterable[Step[T]]) -> None:
        ordered = sorted(steps, key=lambda step: step.since_s)
        self._since_s = [step.since_s for step in ordered]
        self._greatest = ordered
        for position in range(1, len(ordered)):
            if ordered[position - 1].rank > ordered[position].rank:
                ordered[position] = ordered[position - 1]

    def greatest(self, by_s: float) -> T | None:
        position = bisect_right(self._since_s, by_s)
        return self._greatest[position - 1].what if position else None


class Newest:
    """Writes, each with the moment since which it was visible: which one supersedes another?"""

    def __init__(self, rules: Rules, visible: Iterable[tuple[float, Written]]) -> None:
        self._rules = rules
        by_region: dict[RegionName, list[Step[Written]]] = defaultdict(list)
        for since_s, written in visible:
            by_region[written.write.region].append(Step(since_s, began(written), written))
        # The regions apart, because `is_later` asks for less within one: in each, the one that began last decides.
        self._ladders = [Ladder(steps) for steps in by_region.values()]

    def superseding(self, written: Written, by_s: float) -> Written | None:
        """The newest write visible by `by_s` that is surely later than `written`; None when there is none."""
        later = [new for new in self._of_each_region(by_s) if self._rules.is_later(new.write, than=written.write)]
        return max(later, key=began, default=None)

    def newest(self, by_s: float) -> Written | None:
        return max(self._of_each_region(by_s), key=began, default=None)

    def _of_each_region(self, by_s: float) -> list[Written]:
        return [new for ladder in self._ladders if (new := ladder.greatest(by_s))]


def began(written: Written) -> tuple[float, int]:
    return written.write.start_s, written.index
