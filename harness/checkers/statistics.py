"""Quantiles and intervals, in plain Python: samples here are tens to thousands."""

from __future__ import annotations

import math
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
