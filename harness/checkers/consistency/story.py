"""All that is known of one key: its writes, what each region showed, and which write explains each item shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

import msgspec

from harness.checkers.consistency.rules import Rules, over_by_s
from harness.events import Item, ItemRead, ItemWrite, Operation, Outcome
from harness.stack import RegionName

ATTRIBUTES = ("a", "b")
"""The attributes of the workload's items; a put sets both to its value."""

Image = tuple[str | None, ...]


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every key of a history."""

    rules: Rules
    regions: frozenset[RegionName]
    quiet_from_s: float
    """All has settled; infinite when it never did."""


class Written(msgspec.Struct, frozen=True, eq=False):
    """A write that took effect, or may have. Refused ones are none."""

    index: int
    write: ItemWrite

    @property
    def acknowledged(self) -> bool:
        return self.write.outcome is Outcome.OK

    @property
    def deletes(self) -> bool:
        return self.write.operation is Operation.DELETE


class Look(msgspec.Struct, frozen=True, eq=False):
    """A read that got an answer."""

    index: int
    read: ItemRead
    asked_s: float
    """What its region showed until then, it may not have missed."""
    shows: Written | None
    """The write whose item it shows; None for no item, and for an item that no write explains."""

    @property
    def absent(self) -> bool:
        return self.read.item is None


class Story:
    """One key. Operations come with the indexes by which violations name them."""

    def __init__(
        self,
        key: str,
        writes: Iterable[tuple[int, ItemWrite]],
        reads: Iterable[tuple[int, ItemRead]],
        circumstances: Circumstances,
    ) -> None:
        self.key = key
        self.rules = circumstances.rules
        self.regions = circumstances.regions
        self.writes = [Written(index, write) for index, write in writes if write.outcome is not Outcome.FAIL]
        self.acknowledged = [written for written in self.writes if written.acknowledged]
        self.deletes = [written for written in self.writes if written.deletes]
        self.images = self._images()
        self._unseen_updates = {
            written.write.value: written
            for written in self.writes
            if written.write.operation is Operation.UPDATE and written.write.item is None
        }
        self.looks: dict[RegionName, list[Look]] = defaultdict(list)
        for index, read in reads:
            if read.outcome is Outcome.OK:
                self.looks[read.region].append(self._look(index, read))
        for looks in self.looks.values():
            looks.sort(key=lambda look: (look.read.start_s, look.index))
        last = {region: looks[-1] for region, looks in sorted(self.looks.items())}
        self.finals = {region: look for region, look in last.items() if look.read.start_s >= circumstances.quiet_from_s}
        """The last look in each region that was looked at when all had settled."""

    @cached_property
    def written_values(self) -> set[str]:
        """Every value that an attribute may hold."""
        return {value for image in self.images for value in image if value is not None} | set(self._unseen_updates)

    def _images(self) -> dict[Image, Written]:
        images: dict[Image, Written] = {}
        for written in self.writes:
            item = item_after(written.write)
            if item is not None:
                image = image_of(item)
                # Two writes with one image cannot both be as they say; the one that is harder to blame stands for it.
                images[image] = max(images.get(image, written), written, key=_hard_to_blame)
        return images

    def _look(self, index: int, read: ItemRead) -> Look:
        shows = None if read.item is None else self._explain(read.item)
        return Look(index, read, self.rules.asked_s(read), shows)

    def _explain(self, item: Item) -> Written | None:
        return self.images.get(image_of(item)) or self._unseen_update_in(item)

    def _unseen_update_in(self, item: Item) -> Written | None:
        """An update whose result nobody saw leaves one attribute at its value and the other at any written one."""
        values = {value for value in image_of(item) if value is not None}
        candidates = [self._unseen_updates[value] for value in values if value in self._unseen_updates]
        if not candidates or not values <= self.written_values:
            return None
        return max(candidates, key=_hard_to_blame)


def item_after(write: ItemWrite) -> Item | None:
    """The item as the write left it in its region; None when it left none, or when that is not known."""
    if write.operation is Operation.DELETE:
        return None
    if write.item is not None or write.operation is Operation.UPDATE:
        return write.item
    return dict.fromkeys(ATTRIBUTES, write.value)


def image_of(item: Item) -> Image:
    """What items are compared by: the attributes that the workload ("a", "b") or the application writes."""
    return item.get("a"), item.get("b"), item.get("name"), item.get("region")


def _hard_to_blame(written: Written) -> tuple[float, float, int]:
    return over_by_s(written.write), written.write.start_s, written.index


def spoken(item: Item | None) -> str:
    """The item as a sentence names it."""
    if item is None:
        return "no item"
    if len(set(item.values())) == 1 and set(item) == set(ATTRIBUTES):
        return repr(item[ATTRIBUTES[0]])
    return "{" + ", ".join(f"{name}: {value}" for name, value in sorted(item.items())) + "}"
