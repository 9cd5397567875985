"""What is known of the order of operations: real time, up to their intervals and the regions' clocks."""

from __future__ import annotations

import math

import msgspec

from harness.events import ItemRead, ItemWrite, Outcome


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker takes for granted of the clocks and of replication."""

    clock_uncertainty_s: float = 0.5
    """How far apart two regions' clocks may be. AWS does not publish it."""
    settle_s: float = 10.0
    """After this long without a write and without a fault every region shows the final state; and an eventually
    consistent read shows nothing that was replaced longer ago. AWS: replicas usually follow "within a second", and so
    do eventually consistent reads within a region."""

    def __post_init__(self) -> None:
        for name in ("clock_uncertainty_s", "settle_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)}: must be 0 or more, and finite")

    def is_later(self, write: ItemWrite, than: ItemWrite) -> bool:
        """Last writer wins must prefer `write`: it began when `than` was surely over.

        Within a region one clock stamps both. Across regions the clocks may differ by the uncertainty.
        """
        apart_s = 0.0 if write.region == than.region else self.clock_uncertainty_s
        return write.start_s > over_by_s(than) + apart_s

    def asked_s(self, read: ItemRead) -> float:
        """What a region showed until then, the read may not have missed.

        DynamoDB: a strongly consistent read returns "the most up-to-date data, reflecting the updates from all prior
        write operations that were successful"; an eventually consistent one may be stale, so it may go back a little.
        """
        return read.start_s if read.consistent else read.start_s - self.settle_s


DEFAULT_RULES = Rules()


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a history that is judged: what was seen from `from_s` on. All before `until_s` is known."""

    from_s: float = -math.inf
    until_s: float = math.inf


WHOLE = Stretch()


def over_by_s(write: ItemWrite) -> float:
    """The moment by which the write took effect, at its latest: never, for one that may still happen."""
    return write.end_s if write.outcome is Outcome.OK else math.inf
