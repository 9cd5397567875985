"""How much there was to judge, counted story by story."""

from __future__ import annotations

from harness.checkers.consistency.judged import Samples
from harness.checkers.consistency.newest import began
from harness.checkers.consistency.rules import Stretch
from harness.checkers.consistency.story import Look, Story, Written


class Tally:
    def __init__(self, stretch: Stretch) -> None:
        self._from_s = stretch.from_s
        self._reads = self._consistent = self._own = 0
        self._written = self._rewritten = self._deleted = self._settled = 0
        self._unsettled: tuple[Written, str] | None = None

    def add(self, story: Story) -> None:
        looks = [look for some in story.looks.values() for look in some if look.read.start_s >= self._from_s]
        self._reads += len(looks)
        self._consistent += sum(look.read.consistent for look in looks)
        self._own += sum(_own_reads(story, looks))
        writes = [written for written in story.acknowledged if written.write.start_s >= self._from_s]
        if writes:
            self._add_written(story, writes)

    def _add_written(self, story: Story, writes: list[Written]) -> None:
        self._written += 1
        self._rewritten += len(writes) > 1
        self._deleted += any(written.deletes for written in writes)
        if story.regions <= set(story.finals):
            self._settled += 1
            return
        first = min(writes, key=began)
        if self._unsettled is None or began(first) < began(self._unsettled[0]):
            self._unsettled = first, story.key

    def samples(self) -> Samples:
        return Samples(
            reads=self._reads,
            consistent_reads=self._consistent,
            own_reads=self._own,
            keys_written=self._written,
            keys_rewritten=self._rewritten,
            keys_deleted=self._deleted,
            keys_settled=self._settled,
            unsettled_key=self._unsettled and self._unsettled[1],
        )


def _own_reads(story: Story, looks: list[Look]) -> list[bool]:
    """Of each consistent look, whether its client had written the key in that region before."""
    since_s: dict[tuple[str, str], float] = {}
    for written in story.acknowledged:
        who = written.write.client, written.write.region
        since_s[who] = min(since_s.get(who, written.write.end_s), written.write.end_s)
    return [
        since_s.get((look.read.client, look.read.region), look.asked_s + 1) <= look.asked_s
        for look in looks
        if look.read.consistent
    ]
