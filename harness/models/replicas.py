"""Item-level last writer wins, as DynamoDB global tables (version 2019.11.21) document it.

Every write carries a stamp: the writing region's time and its name. A replica keeps, for each key, the stamp of the
write it shows, and takes an arriving write only when its stamp is greater. A delete is a write like any other: its
stamp stays behind as a tombstone, so an older put that arrives later cannot bring the item back.

Two points are ours, because AWS does not publish them:
- Equal times are decided by the greater region name. "Strictly newer wins" taken literally would leave each side with
  its own write for ever, while AWS promises that replicas converge.
- Tombstones are kept for good.

Pure: the caller passes the time and moves the stamps; what is stored under a key is the caller's business.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

from harness.stack import RegionName

Key = TypeVar("Key", bound=Hashable)


class Stamp(NamedTuple):
    """When and where an item was last written. Ordered by time, then by region name."""

    time_ns: int
    region: RegionName


class Replica(Generic[Key]):
    """What one region's replica knows of its keys: the stamp of the write that each shows, tombstones included."""

    def __init__(self, region: RegionName) -> None:
        self.region = region
        self._stamps: dict[Key, Stamp] = {}

    def write(self, key: Key, now_ns: int) -> Stamp:
        """Stamps a local put or delete with the region's time, but always above what this replica shows for `key`.

        A slow clock would otherwise let the write win here, where it is the last, and lose everywhere else: replicas
        would differ for ever.
        """
        seen = self._stamps.get(key)
        time_ns = now_ns if seen is None else max(now_ns, seen.time_ns + 1)
        stamp = Stamp(time_ns, self.region)
        self._stamps[key] = stamp
        return stamp

    def receive(self, key: Key, stamp: Stamp) -> bool:
        """True when a write from elsewhere is newer than what is shown: the caller then applies it.

        A write that loses is dropped in silence, as on AWS; so is one that arrives twice.
        """
        seen = self._stamps.get(key)
        if seen is not None and stamp <= seen:
            return False
        self._stamps[key] = stamp
        return True

    def show(self, key: Key, stamp: Stamp) -> None:
        """Makes `stamp` that of what is shown, newer or not: what a planted defect decided."""
        self._stamps[key] = stamp

    def forget(self, key: Key) -> None:
        """As if `key` had never been written: no tombstone stays. Only planted defects do this."""
        self._stamps.pop(key, None)

    def stamp_of(self, key: Key) -> Stamp | None:
        """None for a key never written here."""
        return self._stamps.get(key)

    def stamps(self) -> Iterator[tuple[Key, Stamp]]:
        """Every key ever written, deleted ones too: what a new replica has to be told."""
        return iter(list(self._stamps.items()))
