"""What concurrent writes cost: the conflict ledger and lost updates. Facts of the design, not violations.

Two writes on a key in different regions are concurrent when neither could have known of the other: they overlap in
time, or one ended less than `within_s` before the other began and nobody had yet read it in the other's region. Last
writer wins then keeps one of them and drops the other in silence, acknowledged or not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from harness.checkers.consistency.plain import stories
from harness.checkers.consistency.rules import DEFAULT_RULES, WHOLE, Rules, Stretch
from harness.checkers.consistency.sightings import Sighting, sightings
from harness.checkers.consistency.story import Circumstances, Look, Story, Written
from harness.events import ItemRead, ItemWrite, Operation, Outcome
from harness.history import History
from harness.stack import RegionName

WITHIN_S = 1.0
"""How long a write may be on its way to the other regions. AWS: "usually within a second"; there is no promise."""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Two concurrent writes. `winner` is the index of the one that was seen to replace the other, or that must have by
    the clocks; None when neither tells."""

    key: str
    operations: tuple[int, int]
    """In order of start."""
    regions: tuple[RegionName, RegionName]
    start_s: float
    overlap_s: float
    """How long both were under way; below 0, how long after the first the second began."""
    winner: int | None
    seen: bool
    """The winner was seen to replace the other; False when only the clocks tell, or nothing does."""
    loser_acknowledged: bool | None
    """The loser's client was told that its write is safe. None when the winner is not known."""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    conflicts: tuple[Conflict, ...]
    acknowledged: int
    """Acknowledged writes, of all keys."""
    within_s: float

    @property
    def writes_in_conflict(self) -> int:
        return len({index for conflict in self.conflicts for index in conflict.operations})

    @property
    def acknowledged_losers(self) -> int:
        """Acknowledged writes that lost some conflict."""
        return len({loser for conflict in self.conflicts if conflict.loser_acknowledged for loser in _losers(conflict)})

    @property
    def lost_share(self) -> float:
        """Of acknowledged writes, those that lost a conflict. NaN when there was none."""
        return self.acknowledged_losers / self.acknowledged if self.acknowledged else math.nan


class LostUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Acknowledged conditional writes of which at most one can have had its effect: each relied on the same state."""

    key: str
    operation: Operation
    """SWAP: all replaced the same value. CREATE: all found that there was no item."""
    operations: tuple[int, ...]
    """In order of start."""
    regions: tuple[RegionName, ...]
    based_on: str | None = None

    @property
    def lost(self) -> int:
        return len(self.operations) - 1


class LostUpdates(msgspec.Struct, frozen=True, kw_only=True):
    found: tuple[LostUpdate, ...]
    conditional_writes: int
    """Acknowledged SWAPs and CREATEs, of all keys."""

    @property
    def lost(self) -> int:
        return sum(update.lost for update in self.found)

    @property
    def lost_share(self) -> float:
        """NaN when there was no conditional write."""
        return self.lost / self.conditional_writes if self.conditional_writes else math.nan


def conflict_ledger(
    history: History, *, within_s: float = WITHIN_S, rules: Rules = DEFAULT_RULES, stretch: Stretch = WHOLE
) -> Ledger:
    """Every pair of concurrent writes on a key in different regions, of writes that began in the stretch."""
    told = [_Told(story) for story in _stories(history, rules, stretch)]
    conflicts = [
        conflict for of_key in told for conflict in _conflicts(of_key, within_s) if conflict.start_s >= stretch.from_s
    ]
    return Ledger(
        conflicts=tuple(sorted(conflicts, key=lambda conflict: (conflict.start_s, conflict.operations))),
        acknowledged=len(_acknowledged(history, stretch)),
        within_s=within_s,
    )


def lost_updates(
    history: History, *, within_s: float = WITHIN_S, rules: Rules = DEFAULT_RULES, stretch: Stretch = WHOLE
) -> LostUpdates:
    """SWAPs that replaced the same value, and concurrent CREATEs in several regions, all of them acknowledged."""
    told = [_Told(story) for story in _stories(history, rules, stretch)]
    found = [update for of_key in told for update in (*_swapped_twice(of_key.story), *_created_twice(of_key, within_s))]
    conditional = [
        (index, write)
        for index, write in _acknowledged(history, stretch)
        if write.operation in (Operation.SWAP, Operation.CREATE)
    ]
    indexes = {index for index, _ in conditional}
    shown = [update for update in found if indexes.issuperset(update.operations)]
    return LostUpdates(found=tuple(shown), conditional_writes=len(conditional))


class _Told:
    """One key: its writes, and what the reads of each region tell of their order."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self._seen: dict[RegionName, dict[int, Sighting]] = {
            region: sightings(looks) for region, looks in story.looks.items()
        }

    def known_in(self, region: RegionName, written: Written, by_s: float) -> bool:
        """Somebody had read it there by then."""
        sighting = self._seen.get(region, {}).get(written.index)
        return sighting is not None and sighting.was_shown_by_s <= by_s

    def replaced(self, winner: Written, loser: Written) -> bool:
        """Some region that had the loser, by acknowledging or showing it, showed the winner after that."""
        if winner.deletes:
            return not loser.deletes and self._deleted_by(winner, loser)
        return any(
            winner.index in seen and seen[winner.index].still_shown_at_s >= self._there_s(region, loser)
            for region, seen in self._seen.items()
        )

    def _there_s(self, region: RegionName, written: Written) -> float:
        """From when on the region surely had it; infinite when that is not known."""
        sighting = self._seen.get(region, {}).get(written.index)
        shown_s = sighting.was_shown_by_s if sighting else math.inf
        made_here = written.acknowledged and written.write.region == region
        return min(shown_s, written.write.end_s) if made_here else shown_s

    def _deleted_by(self, delete: Written, written: Written) -> bool:
        """The write's region showed no item after it, and that delete alone can be why."""
        since_s = self._there_s(written.write.region, written)
        absences = (look for look in self.story.looks.get(written.write.region, []) if look.absent)
        first = next((look for look in absences if look.asked_s >= since_s), None)
        return first is not None and self._deletes_between(written, first) == [delete]

    def _deletes_between(self, written: Written, absence: Look) -> list[Written]:
        """Those that do not surely come before the write and had begun by the end of the look."""
        return [
            delete
            for delete in self.story.deletes
            if delete.write.start_s <= absence.read.end_s
            and not self.story.rules.is_later(written.write, than=delete.write)
        ]


def _conflicts(told: _Told, within_s: float) -> Iterator[Conflict]:
    for first, second in _concurrent(told, told.story.writes, within_s):
        winner, seen = _winner(told, first, second)
        loser = None if winner is None else second if winner is first else first
        yield Conflict(
            key=told.story.key,
            operations=(first.index, second.index),
            regions=(first.write.region, second.write.region),
            start_s=first.write.start_s,
            overlap_s=min(first.write.end_s, second.write.end_s) - second.write.start_s,
            winner=None if winner is None else winner.index,
            seen=seen,
            loser_acknowledged=None if loser is None else loser.acknowledged,
        )


def _concurrent(told: _Told, writes: Iterable[Written], within_s: float) -> Iterator[tuple[Written, Written]]:
    """Pairs in order of start. Only writes that may still be on their way when the next one begins are kept in hand."""
    under_way: list[Written] = []
    for second in sorted(writes, key=lambda written: (written.write.start_s, written.index)):
        begins_s = second.write.start_s
        under_way = [first for first in under_way if first.write.end_s + within_s >= begins_s]
        for first in under_way:
            apart = first.write.region != second.write.region
            if apart and not told.known_in(second.write.region, first, begins_s):
                yield first, second
        under_way.append(second)


def _winner(told: _Told, first: Written, second: Written) -> tuple[Written | None, bool]:
    """Who won, and whether that was seen."""
    ways = told.replaced(second, first), told.replaced(first, second)
    if ways == (False, False):
        # Nobody looked in time; by the clocks the later one wins, if they tell which one that is.
        return (second if told.story.rules.is_later(second.write, than=first.write) else None), False
    # Where each was seen to replace the other the table broke its promises: neither is the winner.
    winner = {(True, False): second, (False, True): first}.get(ways)
    return winner, winner is not None


def _losers(conflict: Conflict) -> list[int]:
    return [index for index in conflict.operations if conflict.winner is not None and index != conflict.winner]


def _swapped_twice(story: Story) -> Iterator[LostUpdate]:
    by_base: dict[str, list[Written]] = defaultdict(list)
    for written in story.acknowledged:
        if written.write.operation is Operation.SWAP and written.write.based_on is not None:
            by_base[written.write.based_on].append(written)
    for based_on, swaps in by_base.items():
        if len(swaps) > 1:
            yield _lost(story.key, Operation.SWAP, swaps, based_on)


def _created_twice(told: _Told, within_s: float) -> Iterator[LostUpdate]:
    """Concurrent ones only, and those concurrent with them: later on, a delete may have come between."""
    creates = [written for written in told.story.acknowledged if written.write.operation is Operation.CREATE]
    together: dict[int, dict[int, Written]] = {}
    for first, second in _concurrent(told, creates, within_s):
        group = together.get(first.index, {first.index: first})
        group |= together.get(second.index, {second.index: second})
        together |= dict.fromkeys(group, group)
    for group in {id(group): group for group in together.values()}.values():
        yield _lost(told.story.key, Operation.CREATE, list(group.values()), None)


def _lost(key: str, operation: Operation, writes: list[Written], based_on: str | None) -> LostUpdate:
    ordered = sorted(writes, key=lambda written: (written.write.start_s, written.index))
    return LostUpdate(
        key=key,
        operation=operation,
        operations=tuple(written.index for written in ordered),
        regions=tuple(dict.fromkeys(written.write.region for written in ordered)),
        based_on=based_on,
    )


def _stories(history: History, rules: Rules, stretch: Stretch) -> Iterator[Story]:
    """Of the keys that can be in a conflict: most are not, and a story is dear."""
    writes = [(index, write) for index, write in history.indexed(ItemWrite) if write.start_s <= stretch.until_s]
    keys = _contested(write for _, write in writes)
    reads = [read for read in history.indexed(ItemRead) if read[1].start_s <= stretch.until_s and read[1].key in keys]
    regions = frozenset(history.header.stack.region_names)
    circumstances = Circumstances(rules=rules, regions=regions, quiet_from_s=math.inf)
    return stories([(index, write) for index, write in writes if write.key in keys], reads, circumstances)


def _contested(writes: Iterable[ItemWrite]) -> set[str]:
    """Keys written in several regions, or on which two SWAPs replaced the same value."""
    first: dict[tuple[str, str | None], ItemWrite] = {}
    contested = set()
    for write in writes:
        of_key = first.setdefault((write.key, None), write)
        of_base = first.setdefault((write.key, write.based_on), write)
        if of_key.region != write.region or (write.based_on is not None and of_base is not write):
            contested.add(write.key)
    return contested


def _acknowledged(history: History, stretch: Stretch) -> list[tuple[int, ItemWrite]]:
    """Those of the stretch whose key is known."""
    return [
        (index, write)
        for index, write in history.indexed(ItemWrite)
        if write.outcome is Outcome.OK and write.key and stretch.from_s <= write.start_s <= stretch.until_s
    ]
