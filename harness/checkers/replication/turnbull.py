"""The distribution of values that are only known to lie in intervals: Turnbull's estimate (NPMLE), in plain Python.

B. W. Turnbull, "The empirical distribution function with arbitrarily grouped, censored and truncated data", Journal
of the Royal Statistical Society B 38 (1976). Of all distributions it is the one under which what was seen is most
likely. Its mass lies in cells, stretches that are a left end and the right end next to it; where in its cell mass lies
cannot be told, so it is spread evenly there.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec

Interval = tuple[float, float]
"""Closed; the right end is infinite when the value was not reached by the time the looking ended."""

ROUNDS = 200
SETTLED = 1e-5
"""Expectation and maximisation end when no cell's share changes by more."""


class Distribution(msgspec.Struct, frozen=True):
    """Cells from left to right, and the share of the values up to the end of each."""

    cells: tuple[Interval, ...]
    reached: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """Infinite when the share was not reached within what was seen."""
        cell = min(bisect_left(self.reached, share - 1e-9), len(self.cells) - 1)
        left, right = self.cells[cell]
        if math.isinf(right):
            return right
        before = self.reached[cell - 1] if cell else 0.0
        mass = self.reached[cell] - before
        return left + (right - left) * (min(1.0, max(0.0, (share - before) / mass)) if mass > 0 else 1.0)

    def share_within(self, value: float) -> float:
        """Share of the values up to this one."""
        cell = bisect_right(self.cells, value, key=lambda ends: ends[0]) - 1
        if cell < 0:
            return 0.0
        left, right = self.cells[cell]
        before = self.reached[cell - 1] if cell else 0.0
        # Of a cell without an end nothing is within any value.
        inside = 1.0 if value >= right else (value - left) / (right - left)
        return before + (self.reached[cell] - before) * inside


def estimate(intervals: Sequence[Interval]) -> Distribution:
    """The most likely distribution behind the intervals.

    Raises:
        ValueError: no intervals.
    """
    if not intervals:
        raise ValueError("a distribution cannot be estimated from no intervals")
    cells = _innermost(intervals)
    lefts, rights = [left for left, _ in cells], [right for _, right in cells]
    # An interval covers neighbouring cells, [first, last); many cover the same ones.
    spans = Counter((bisect_left(lefts, low), bisect_right(rights, high)) for low, high in intervals)
    shares = [1 / len(cells)] * len(cells)
    for _ in range(ROUNDS):
        improved = _improve(shares, spans, len(intervals))
        change = max(abs(new - old) for new, old in zip(improved, shares, strict=True))
        shares = improved
        if change < SETTLED:
            break
    return Distribution(tuple(cells), tuple(accumulate(shares)))


def _innermost(intervals: Sequence[Interval]) -> list[Interval]:
    """Every left end with a right end next to it: outside of these a most likely distribution has no mass."""
    ends = sorted({(low, 0) for low, _ in intervals} | {(high, 1) for _, high in intervals})
    return [(left, right) for (left, is_right), (right, closes) in pairwise(ends) if not is_right and closes]


def _improve(shares: list[float], spans: Counter[tuple[int, int]], total: int) -> list[float]:
    """One round: each interval divides itself over its cells by what they hold; a cell's new share is what it gets.

    With running sums a round costs as much as there are intervals and cells, not their product.
    """
    sums = [0.0, *accumulate(shares)]
    weights = [0.0] * (len(shares) + 1)
    for (first, last), count in spans.items():
        held = sums[last] - sums[first]
        weight = count / (held * total) if held > 0 else 0.0
        weights[first] += weight
        weights[last] -= weight
    return [share * max(0.0, weight) for share, weight in zip(shares, accumulate(weights), strict=False)]
