"""Which engine judges: plain Python for histories of usual size, columns for large ones. They say the same."""

from __future__ import annotations

from harness.checkers.consistency.columnar import judge_columns
from harness.checkers.consistency.judged import Judged
from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import WHOLE, Rules, Stretch
from harness.columns import columns_of_history
from harness.events import ItemRead, ItemWrite
from harness.history import History

LARGE = 100_000
"""Operations from which columns are quicker even though the history must be written out for them first."""


def judge_history(history: History, rules: Rules, stretch: Stretch = WHOLE) -> Judged:
    if len(history.of(ItemWrite)) + len(history.of(ItemRead)) < LARGE:
        return judge_plainly(history, rules, stretch)
    with columns_of_history(history) as columns:
        return judge_columns(columns, rules, stretch)
