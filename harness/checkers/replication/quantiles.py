"""Quantiles of latencies that are known as intervals, each with a confidence interval that honours the censoring.

Two things are unknown and both are in the interval from `low` to `high`. Where a write's latency lies between its
bounds: a quantile of all lower bounds is surely not above the latencies' own, one of all upper bounds not below it,
whatever the distribution. And which writes happened to be measured: the bootstrap over writes. So `low` is the lower
end of the 95 % bootstrap interval of the lower bounds' quantile, and `high` the upper end of that of the upper bounds'
(J. L. Horowitz and C. F. Manski, "Nonparametric analysis of randomly censored data", 2000). It is wide when polls are
rare and when writes are few, and says so without a model. The estimate in between is Turnbull's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from harness.checkers.replication.turnbull import Distribution, Interval
from harness.checkers.statistics import bootstrap_ranks


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; the truth lies in [low_s, high_s] with 95 % confidence."""

    share: float
    low_s: float
    estimate_s: float
    """Infinite when so many writes were not seen in time that the quantile is one of them."""
    high_s: float
    """Infinite then, and when there are too few writes to bound it."""


class Bounds:
    """All lower and all upper bounds, sorted, with the distribution between them."""

    def __init__(self, intervals: Sequence[Interval], distribution: Distribution) -> None:
        self._lows_s = sorted(low for low, _ in intervals)
        self._highs_s = sorted(high for _, high in intervals)
        self._distribution = distribution

    def quantile(self, share: float) -> Quantile:
        low_rank, high_rank = bootstrap_ranks(len(self._lows_s), share)
        low_s = self._lows_s[low_rank - 1] if low_rank else 0.0
        high_s = self._highs_s[high_rank - 1] if high_rank <= len(self._highs_s) else math.inf
        return self._between(share, low_s, high_s)

    def largest(self) -> Quantile:
        """The slowest write that was seen, within its own bounds: what no write exceeds cannot be told from samples."""
        return self._between(1.0, self._lows_s[-1], self._highs_s[-1])

    def _between(self, share: float, low_s: float, high_s: float) -> Quantile:
        estimate_s = min(max(self._distribution.quantile(share), low_s), high_s)
        return Quantile(share=share, low_s=low_s, estimate_s=estimate_s, high_s=high_s)
