"""Quantiles and intervals, in plain Python: samples here are tens to thousands."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie, interpolated between neighbours (Hyndman and Fan, type 7).

    Raises:
        ValueError: no values, or a share outside 0 to 1.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"quantile {share} of {len(values)} values: needs a value and a share from 0 to 1")
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def wilson_interval(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Where the true share lies with 95 % confidence, for `hits` of `trials`; (0, 1) when nothing was tried.

    Wilson's interval, not hits/trials ± z·σ, which says "exactly 0" of a failure that was not seen yet.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share = hits / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At the ends the interval touches 0 or 1 exactly; rounding must not leave the truth outside.
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == trials else centre + half)


def bootstrap_ranks(samples: int, share: float, confidence: float = 0.95) -> tuple[int, int]:
    """Ranks (1 is the smallest sample) between which a resample's quantile lies with this confidence.

    This is the percentile bootstrap with infinitely many resamples. A resample's quantile is its k-th smallest value,
    k = ⌈share × samples⌉, and it is at most the j-th smallest sample when at least k of its draws are: a binomial
    tail, so there is nothing to draw, no seed and no noise (Efron 1979, section 3).

    The upper rank is samples + 1, which is no sample at all, when the quantile may lie beyond the largest one
    (share ** samples is above half of what the confidence leaves), where a bootstrap would be too sure of itself; the
    lower rank is 0 in the mirrored case.
    """
    if samples < 1 or not 0 <= share <= 1:
        raise ValueError(f"quantile {share} of {samples} samples: needs a sample and a share from 0 to 1")
    tail = (1 - confidence) / 2
    rank = max(1, math.ceil(share * samples - 1e-9))

    def reached(limit: float) -> int:
        return bisect_left(
            range(samples + 1), limit, lo=1, hi=samples, key=lambda j: binomial_tail(samples, j / samples, rank)
        )

    low = reached(tail) if (1 - share) ** samples <= tail else 0
    high = reached(1 - tail) if share**samples <= tail else samples + 1
    return low, high


def difference_interval(before: tuple[float, float, float], after: tuple[float, float, float]) -> tuple[float, float]:
    """Where `after` - `before` lies with 95 % confidence; each is (low, estimate, high) of a 95 % interval.

    The squares of the distances to the ends that matter add up, as variances do (MOVER: G. Y. Zou and A. Donner, 2008;
    for shares with Wilson's intervals it is R. G. Newcombe's method 10, 1998). It holds for skewed intervals too, and
    is narrower than the rule that intervals must not overlap, which misses differences that are there.
    """
    low_before, estimate_before, high_before = before
    low_after, estimate_after, high_after = after
    difference = estimate_after - estimate_before
    down = math.hypot(estimate_after - low_after, high_before - estimate_before)
    up = math.hypot(high_after - estimate_after, estimate_before - low_before)
    return difference - down, difference + up


def prediction_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where one more value of the same kind lies with 95 % confidence, from three or more earlier ones.

    Student's: mean ± t · s · √(1 + 1/n), n - 1 degrees of freedom. It takes the values to be about normal.
    """
    count = len(values)
    if count < 3:
        raise ValueError(f"{count} values: it takes three to tell how they scatter")
    mean = math.fsum(values) / count
    scatter = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = student_t_975(count - 1) * scatter * math.sqrt(1 + 1 / count)
    return mean - half, mean + half


def student_t_975(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: exact for 1 and 2 degrees of freedom, else within 1 % by its expansion.

    Abramowitz and Stegun, 26.7.5.
    """
    if freedom <= 2:
        return 12.706205 if freedom == 1 else 4.302653
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def samples_needed(share: float, confidence: float = 0.95) -> int:
    """How many samples it takes to bound a quantile from above: 368 for p99, 72 for p95, 6 for p50."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))


def binomial_tail(trials: int, share: float, at_least: int) -> float:
    """Chance of `at_least` hits or more in so many trials."""
    if at_least <= 0 or share >= 1:
        return 1.0
    if at_least > trials or share <= 0:
        return 0.0
    mean = trials * share
    if at_least > mean:
        return _binomial_above(trials, share, at_least)
    return 1 - _binomial_above(trials, 1 - share, trials - at_least + 1)


def _binomial_above(trials: int, share: float, at_least: int) -> float:
    """The sum from `at_least`, which lies above the mean, so that each term is smaller than the one before it."""
    log_term = math.lgamma(trials + 1) - math.lgamma(at_least + 1) - math.lgamma(trials - at_least + 1)
    term = math.exp(log_term + at_least * math.log(share) + (trials - at_least) * math.log1p(-share))
    odds, total = share / (1 - share), 0.0
    for hits in range(at_least, trials + 1):
        total += term
        if term < total * 1e-15:
            break
        term *= odds * (trials - hits) / (hits + 1)
    return min(1.0, total)
