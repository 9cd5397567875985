"""The plain engine: every key judged by the definitions. Some 100,000 operations a second."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from harness.checkers.consistency.definitions import DEFINITIONS
from harness.checkers.consistency.judged import Judged, in_order
from harness.checkers.consistency.quiescence import quiescence
from harness.checkers.consistency.rules import WHOLE, Rules, Stretch
from harness.checkers.consistency.story import Circumstances, Story
from harness.checkers.consistency.tally import Tally
from harness.checkers.consistency.violations import Violation
from harness.events import ItemRead, ItemWrite, Outcome
from harness.history import History

Indexed = tuple[int, ItemWrite | ItemRead]


def judge_plainly(history: History, rules: Rules, stretch: Stretch = WHOLE) -> Judged:
    """What the definitions find in the stretch."""
    writes = [(index, write) for index, write in history.indexed(ItemWrite) if write.start_s <= stretch.until_s]
    reads = [(index, read) for index, read in history.indexed(ItemRead) if read.start_s <= stretch.until_s]
    last_end_s = max((write.end_s for _, write in writes if write.outcome is not Outcome.FAIL), default=-math.inf)
    quiet = quiescence(last_end_s, history.faults, stretch, rules.settle_s)
    circumstances = Circumstances(
        rules=rules, regions=frozenset(history.header.stack.region_names), quiet_from_s=quiet.from_s
    )
    violations: list[Violation] = []
    tally = Tally(stretch)
    for story in stories(writes, reads, circumstances):
        violations += violations_of(story)
        tally.add(story)
    return Judged(violations=in_order(violations, stretch.from_s), samples=tally.samples(), quiescence=quiet)


def stories(
    writes: Iterable[tuple[int, ItemWrite]], reads: Iterable[tuple[int, ItemRead]], circumstances: Circumstances
) -> Iterator[Story]:
    """One for each key, in no order. A write whose key never became known is left out: nobody can look for it."""
    by_key: dict[str, tuple[list[tuple[int, ItemWrite]], list[tuple[int, ItemRead]]]] = defaultdict(lambda: ([], []))
    for numbered_write in writes:
        by_key[numbered_write[1].key][0].append(numbered_write)
    for numbered_read in reads:
        by_key[numbered_read[1].key][1].append(numbered_read)
    return (Story(key, written, read, circumstances) for key, (written, read) in by_key.items() if key)


def violations_of(story: Story) -> Iterator[Violation]:
    return (broken for definition in DEFINITIONS for broken in definition(story))
