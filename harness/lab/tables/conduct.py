"""How replicas conduct themselves: by the rules of the model, but for the planted defects that are on."""

from __future__ import annotations

import copy
import random
from typing import NamedTuple, TypeVar

from moto.dynamodb.models.dynamo_type import Item

from harness.lab.replication.defects import (
    AttributeMerge,
    ClockSkewedWinner,
    Defect,
    DropReplications,
    DuplicateAndReorder,
    FirstWriterWins,
    ForgetAcknowledged,
    ReadsGoBack,
    ReplicaStopped,
    ResurrectDeleted,
    TieBrokenDifferently,
)
from harness.lab.tables.items import ItemKey
from harness.lab.tables.members import GlobalTable, GlobalTableId, ReplicatedWrite
from harness.models.replicas import Replica, Stamp
from harness.stack import RegionName

D = TypeVar("D", bound=Defect)

_Place = tuple[GlobalTableId, RegionName, ItemKey]
_BEFORE_ALL = Stamp(-1, "")


class Sending(NamedTuple):
    """One copy of a write on its way."""

    late_s: float = 0.0
    in_order: bool = True


class Settled(NamedTuple):
    """What a replica shows after a write arrived."""

    item: Item | None


class Conduct:
    """Asked at each step of a write's life, with the lock of the table at hand held. Random choices are seeded."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._on: dict[type[Defect], Defect] = {}
        self._forget_what_was_seen()

    @property
    def defects(self) -> tuple[Defect, ...]:
        """Those that are on."""
        return tuple(self._on.values())

    @defects.setter
    def defects(self, defects: tuple[Defect, ...]) -> None:
        self._on = {type(defect): defect for defect in defects}
        self._forget_what_was_seen()

    def _forget_what_was_seen(self) -> None:
        self._random = random.Random(f"{self._seed}:defects")
        self._older: dict[_Place, Item | None] = {}
        self._attribute_stamps: dict[_Place, dict[str, Stamp]] = {}

    def _of(self, kind: type[D]) -> D | None:
        found = self._on.get(kind)
        return found if isinstance(found, kind) else None

    # Where a write is made

    def clock_ns(self, table: GlobalTable, region: RegionName, now_ns: int) -> int:
        """What `region` stamps with when its clock shows `now_ns`."""
        skewed = self._of(ClockSkewedWinner)
        if skewed is not None and region == (skewed.region or max(table.regions)):
            now_ns += int(skewed.ahead_s * 1e9)
        coarse = self._of(TieBrokenDifferently)
        return now_ns - now_ns % int(coarse.resolution_s * 1e9) if coarse is not None else now_ns

    def keeps_stamp_of(self, write: ReplicatedWrite) -> bool:
        """Whether the write leaves its stamp behind, which for a delete is the tombstone."""
        return write.item is not None or self._of(ResurrectDeleted) is None

    def forgotten_after_s(self) -> float | None:
        """None: the write just made is kept, as it should be."""
        defect = self._of(ForgetAcknowledged)
        return defect.after_s if defect is not None and self._random.random() < defect.share else None

    def sendings(self) -> tuple[Sending, ...]:
        """The copies of a write that leave for one destination: one, in its place."""
        dropping = self._of(DropReplications)
        if dropping is not None and self._random.random() < dropping.share:
            return ()
        doubling = self._of(DuplicateAndReorder)
        if doubling is not None:
            return tuple(Sending(self._random.uniform(0, doubling.late_s), in_order=False) for _ in range(2))
        return (Sending(),)

    # Where it arrives

    def settle(
        self, region: RegionName, replica: Replica[ItemKey], write: ReplicatedWrite, shown: Item | None
    ) -> Settled | None:
        """What `region` shows from now on; None when it leaves things as they are. The replica keeps the stamp."""
        stopped = self._of(ReplicaStopped)
        if stopped is not None and region == (stopped.region or max(write.table.regions)):
            return None
        if self._of(AttributeMerge) is not None and shown is not None and write.item is not None:
            return self._merged(region, replica, write, shown, write.item)
        return Settled(write.item) if self._takes(replica, write) else None

    def _takes(self, replica: Replica[ItemKey], write: ReplicatedWrite) -> bool:
        seen = replica.stamp_of(write.key)
        verdict = self._wrong_verdict(seen, write) if seen is not None and self._on else None
        if verdict is None:
            return replica.receive(write.key, write.stamp)
        if verdict:
            replica.show(write.key, write.stamp)
        return verdict

    def _wrong_verdict(self, seen: Stamp, write: ReplicatedWrite) -> bool | None:
        """None where no defect decides."""
        if self._of(DuplicateAndReorder) is not None and seen.region == write.stamp.region:
            return True
        knew_it = write.stamp_before is not None and write.stamp_before >= seen
        if self._of(FirstWriterWins) is not None and seen.region != write.stamp.region and not knew_it:
            return write.stamp < seen
        if self._of(TieBrokenDifferently) is not None and seen.time_ns == write.stamp.time_ns:
            return False
        return None

    def _merged(
        self, region: RegionName, replica: Replica[ItemKey], write: ReplicatedWrite, shown: Item, arrived: Item
    ) -> Settled | None:
        stamps = self._attribute_stamps.setdefault((write.table.id, region, write.key), {})
        newer = [name for name in _changed(write.before, arrived) if write.stamp > stamps.get(name, _BEFORE_ALL)]
        if not newer:
            return None
        merged = copy.deepcopy(shown)
        for name in newer:
            stamps[name] = write.stamp
            if name in arrived.attrs:
                merged.attrs[name] = arrived.attrs[name]
            else:
                merged.attrs.pop(name, None)
        seen = replica.stamp_of(write.key)
        replica.show(write.key, write.stamp if seen is None else max(seen, write.stamp))
        return Settled(merged)

    def sends_back(self, shown: Item | None, write: ReplicatedWrite) -> bool:
        """Whether a replica that just took a delete answers with the item that it had."""
        defect = self._of(ResurrectDeleted)
        deleted = write.item is None and shown is not None
        return defect is not None and deleted and self._random.random() < defect.share

    # Afterwards

    def changed(self, region: RegionName, write: ReplicatedWrite, before: Item | None) -> None:
        """Told when `region` shows another item under the write's key than before."""
        place = (write.table.id, region, write.key)
        if self._of(ReadsGoBack) is not None:
            self._older[place] = before
        if self._of(AttributeMerge) is not None and write.item is not None and region == write.stamp.region:
            stamps = self._attribute_stamps.setdefault(place, {})
            stamps.update(dict.fromkeys(_changed(write.before, write.item), write.stamp))

    def misread(self, table: GlobalTable, region: RegionName, key: ItemKey) -> Settled | None:
        """What a read wrongly gives; None: what is there."""
        defect = self._of(ReadsGoBack)
        place = (table.id, region, key)
        if defect is None or place not in self._older or self._random.random() >= defect.share:
            return None
        return Settled(self._older[place])


def _changed(before: Item | None, after: Item) -> list[str]:
    """Names of the attributes that a write set or took away."""
    if before is None:
        return list(after.attrs)
    names = dict.fromkeys((*before.attrs, *after.attrs))
    return [name for name in names if before.attrs.get(name) != after.attrs.get(name)]
