"""The columnar engine: a sieve finds the keys that could break a property, the definitions judge those."""

from __future__ import annotations

import msgspec

from harness.checkers.consistency.judged import Judged, in_order
from harness.checkers.consistency.plain import stories, violations_of
from harness.checkers.consistency.quiescence import quiescence
from harness.checkers.consistency.rules import WHOLE, Rules, Stretch
from harness.checkers.consistency.sieve import Sieve
from harness.checkers.consistency.story import Circumstances
from harness.checkers.consistency.violations import Violation
from harness.columns import Columns
from harness.events import ItemRead, ItemWrite


def judge_columns(columns: Columns, rules: Rules, stretch: Stretch = WHOLE) -> Judged:
    """What the definitions find in the stretch: the same as `judge_plainly` of the same history."""
    regions = frozenset(columns.header.stack.region_names)
    sieve = Sieve(columns, rules, stretch)
    quiet = quiescence(sieve.last_write_end_s(), columns.faults, stretch, rules.settle_s)
    sieve.settle(quiet.from_s)
    circumstances = Circumstances(rules=rules, regions=regions, quiet_from_s=quiet.from_s)
    violations = _judge(columns, sieve.suspicious_lines(), circumstances)
    return Judged(
        violations=in_order(violations, stretch.from_s), samples=sieve.samples(sorted(regions)), quiescence=quiet
    )


def _judge(columns: Columns, lines: list[int], circumstances: Circumstances) -> list[Violation]:
    events = columns.events(lines)
    writes = [(line, event) for line, event in events.items() if isinstance(event, ItemWrite)]
    reads = [(line, event) for line, event in events.items() if isinstance(event, ItemRead)]
    found = [broken for story in stories(writes, reads, circumstances) for broken in violations_of(story)]
    # Lines and indexes are in the same order among events that start together, so the definitions may count by either.
    indexes = columns.indexes({line for broken in found for line in broken.operations})
    return [
        msgspec.structs.replace(broken, operations=tuple(indexes[line] for line in broken.operations))
        for broken in found
    ]
