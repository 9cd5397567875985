"""Which write a read shows, and what is surely older or newer: by the harness's one clock, up to what each call took.

A write took effect somewhere between its call and its reply, a read looked somewhere between its own. So one write is
surely before another only when it was acknowledged before the other was called, by more than the regions' clocks may
differ when they are in two regions. A write whose reply never came may take effect at any later time: it is never
surely before anything.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from weakref import WeakKeyDictionary

import msgspec

from harness.checkers.consistency.rules import Rules
from harness.errors import InvalidHistory
from harness.events import Item, ItemRead, ItemWrite, Operation, Outcome
from harness.history import History
from harness.stack import RegionName

RULES = Rules()


class Write(msgspec.Struct, frozen=True, eq=False):
    """A write that took effect or may have, and its index in the history. Each is equal to itself only."""

    index: int
    event: ItemWrite

    def surely_before(self, other: Write) -> bool:
        """The last writer wins, and this one is not the last. Across regions, up to what their clocks may differ."""
        return RULES.is_later(other.event, self.event)

    def includes(self, other: Write) -> bool:
        """Whoever has this write has the other's effect behind it: the same write, or a later one of the same region.

        A later write of another region tells nothing: it may have been made without knowledge of the other.
        """
        return self is other or (self.event.region == other.event.region and other.surely_before(self))


class Seen(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A read that got an answer, and whose work it showed."""

    index: int
    event: ItemRead
    present: bool
    writers: tuple[Write, ...]
    """Present: the writes whose values the item holds; the latest of them made it. Absent: the deletes of which one
    may have made it so."""
    beginning: bool = False
    """Absent, and perhaps because there never was an item."""
    explained: bool = True
    """False when no write can have led to what was read: a value that nobody wrote, or not before the read ended.
    Judged by the consistency checks; here it shows and lacks nothing."""

    def shows(self, write: Write) -> bool:
        """Surely the write had arrived: itself, or one that has it behind it."""
        if self.present:
            return any(writer.includes(write) for writer in self.writers)
        return not self.beginning and all(writer.includes(write) for writer in self.writers)

    def lacks(self, write: Write) -> bool:
        """Surely the write had not arrived: all that is shown is older."""
        return self.explained and all(writer.surely_before(write) for writer in self.writers)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A write became visible in a region after `after_s` and not later than `by_s`."""

    after_s: float
    """Start of the last look that did not show it; the write's own start when there was none."""
    by_s: float
    """End of the first look that showed it; infinite when none did."""
    miss: Seen | None
    hit: Seen | None


class Looks:
    """The reads of one key in one region that got an answer."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.by_start = sorted(seen, key=lambda look: look.event.start_s)
        self._starts_s = [look.event.start_s for look in self.by_start]
        self._by_end = sorted(self.by_start, key=lambda look: look.event.end_s)
        self._ends_s = [look.event.end_s for look in self._by_end]
        self._arrivals: dict[int, Arrival | None] = {}
        """By the write's index: several checks and the page ask for the same ones."""

    def arrival(self, write: Write) -> Arrival | None:
        """When the write became visible here; None when no look after its reply can tell.

        A look that lacks it began before it was there; a look that shows it ended after. Looks that lack it after one
        has shown it went back in time: they are not counted here, the consistency checks name them.
        """
        if write.index not in self._arrivals:
            self._arrivals[write.index] = self._arrival(write)
        return self._arrivals[write.index]

    def _arrival(self, write: Write) -> Arrival | None:
        hit = self._first_showing(write)
        by_s = hit.event.end_s if hit else math.inf
        miss = self._last_lacking(write, by_s)
        if hit is None and (miss is None or miss.event.start_s <= write.event.end_s):
            return None
        after_s = miss.event.start_s if miss else write.event.start_s
        return Arrival(after_s=after_s, by_s=by_s, miss=miss, hit=hit)

    def moved_on_s(self, write: Write) -> float:
        """End of the first look that showed the write, or one that may be later; infinite without one."""
        first = bisect_left(self._ends_s, write.event.start_s)
        looks = (look for look in islice(self._by_end, first, None) if look.explained and not look.lacks(write))
        return next((look.event.end_s for look in looks), math.inf)

    def last(self) -> Seen | None:
        """The last look that told something."""
        return next((look for look in reversed(self.by_start) if look.explained), None)

    def _first_showing(self, write: Write) -> Seen | None:
        first = bisect_left(self._ends_s, write.event.start_s)
        return next((look for look in islice(self._by_end, first, None) if look.shows(write)), None)

    def _last_lacking(self, write: Write, before_s: float) -> Seen | None:
        for position in range(bisect_left(self._starts_s, before_s) - 1, -1, -1):
            look = self.by_start[position]
            if look.event.start_s < write.event.start_s:
                return None
            if look.lacks(write):
                return look
        return None


class Key:
    """What was done to one item and what was seen of it."""

    def __init__(self, writes: list[Write], reads: list[tuple[int, ItemRead]]) -> None:
        self.writes = writes
        self.regions = frozenset(write.event.region for write in writes)
        """Where it was written, or may have been."""
        self._by_value = {write.event.value: write for write in writes}
        self._by_image = {_image(write.event.item): write for write in writes if write.event.item}
        self._deletes = [write for write in writes if write.event.operation is Operation.DELETE]
        by_region: defaultdict[RegionName, list[tuple[int, ItemRead]]] = defaultdict(list)
        for index, read in reads:
            by_region[read.region].append((index, read))
        self.looks = {region: Looks(self._explain(found)) for region, found in by_region.items()}

    def is_idle(self, write: Write) -> bool:
        """A delete of what was surely not there: no look can tell whether it arrived."""
        if write.event.operation is not Operation.DELETE:
            return False
        return not any(
            other.event.operation is not Operation.DELETE
            and other.event.start_s <= write.event.end_s
            and not any(other.surely_before(delete) and delete.surely_before(write) for delete in self._deletes)
            for other in self.writes
        )

    def _explain(self, reads: list[tuple[int, ItemRead]]) -> Iterable[Seen]:
        """In order of start. What was there before helps to tell why an item is absent."""
        floor: Seen | None = None
        pending: list[Seen] = []
        for index, read in reads:
            if read.item is not None:
                seen = self._present(index, read, read.item)
                if seen.explained:
                    pending.append(seen)
            else:
                # Only a look that ended before this one began was surely before it.
                floor = next((look for look in reversed(pending) if look.event.end_s <= read.start_s), floor)
                pending = [look for look in pending if look.event.end_s > read.start_s]
                seen = self._absent(index, read, floor)
            yield seen

    def _present(self, index: int, read: ItemRead, item: Item) -> Seen:
        writers = [self._by_value.get(value) for value in dict.fromkeys(item.values())]
        if None in writers:
            # The application adds attributes of its own: such an item is known as a whole, from the write's reply.
            writers = [self._by_image.get(_image(item))]
        known = tuple(writer for writer in writers if writer and writer.event.start_s <= read.end_s)
        if not known or len(known) < len(writers):
            return Seen(index=index, event=read, present=True, writers=(), explained=False)
        return Seen(index=index, event=read, present=True, writers=known)

    def _absent(self, index: int, read: ItemRead, floor: Seen | None) -> Seen:
        """A replica's copy moves forward, so after `floor` only a delete that is not older can have emptied it.

        Without one it went back to before there was an item: then it lacks every write.
        """
        older = floor.writers if floor else ()
        deletes = tuple(
            delete
            for delete in self._deletes
            if delete.event.start_s <= read.end_s and not any(delete.surely_before(writer) for writer in older)
        )
        return Seen(
            index=index,
            event=read,
            present=False,
            writers=deletes,
            beginning=floor is None or not deletes,
        )


def _image(item: Item) -> frozenset[tuple[str, str]]:
    return frozenset(item.items())


class Items:
    """All items of a history by key.

    Raises:
        InvalidHistory: two writes carry the same value, so that no read tells which of them it shows.
    """

    def __init__(self, history: History) -> None:
        self.writes = history.indexed(ItemWrite)
        self.reads = history.indexed(ItemRead)
        _refuse_duplicates(self.writes)
        writes: defaultdict[str, list[Write]] = defaultdict(list)
        for index, write in self.writes:
            if write.outcome is not Outcome.FAIL:
                writes[write.key].append(Write(index, write))
        reads: defaultdict[str, list[tuple[int, ItemRead]]] = defaultdict(list)
        for index, read in self.reads:
            if read.outcome is Outcome.OK:
                reads[read.key].append((index, read))
        self.keys = {name: Key(writes[name], reads[name]) for name in sorted(writes.keys() | reads.keys())}

    def acknowledged(self, region: RegionName) -> Iterable[tuple[Key, Write]]:
        """Every acknowledged write of a region, with its key's whole story."""
        for key in self.keys.values():
            for write in key.writes:
                if write.event.region == region and write.event.outcome is Outcome.OK:
                    yield key, write


def _refuse_duplicates(writes: list[tuple[int, ItemWrite]]) -> None:
    first_with: dict[str, ItemWrite] = {}
    for _, write in writes:
        first = first_with.setdefault(write.value, write)
        if first is not write:
            raise InvalidHistory(
                f"the value {write.value!r} was written twice, by {first.client} to {first.key!r} at"
                f" {first.start_s:.3f} s and by {write.client} to {write.key!r} at {write.start_s:.3f} s: every write"
                " must carry a value of its own, or a read cannot tell which of them it shows"
            )


_known: WeakKeyDictionary[History, Items] = WeakKeyDictionary()


def items_of(history: History) -> Items:
    """The history's items, made once: a history never changes."""
    if history not in _known:
        _known[history] = Items(history)
    return _known[history]


def is_throttled(event: ItemRead | ItemWrite) -> bool:
    """Whether AWS turned the call away for its rate: as the probes word it, as AWS does, or by HTTP status."""
    error = (event.error or "").lower()
    return event.outcome is not Outcome.OK and any(
        word in error for word in ("throttl", "throughputexceeded", "requestlimitexceeded", "status 429")
    )
