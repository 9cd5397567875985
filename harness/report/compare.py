"""Two runs side by side, number by number: what changed, and whether that is more than chance.

Larger is worse for every measure. A sample (replication latency, failed requests) is compared with the other run's: the
difference has an interval, and what excludes 0 is significant. Of a time to recover each run has one observation, so it
is compared with how the earlier runs scatter; without five of those nothing can be told. At 95 %, one in twenty numbers
that did not change is called changed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from harness.checkers.measures import Measure, Spread
from harness.checkers.statistics import difference_interval, prediction_interval

SCATTER_FROM = 5

Key = tuple[str, str, str]


class Change(enum.Enum):
    WORSE = "worse"
    BETTER = "better"
    NOT_SHOWN = "no difference shown"
    UNTOLD = "cannot tell"
    NEW = "new"
    GONE = "gone"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    before: Measure | None
    after: Measure | None
    change: Change
    told: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    """The difference lies from `low` to `high` with 95 % confidence, where both are samples."""

    @property
    def measure(self) -> Measure:
        measure = self.after or self.before
        assert measure
        return measure


def compare(
    before: Sequence[Measure], after: Sequence[Measure], scatter: Mapping[Key, Sequence[float]] | None = None
) -> list[Compared]:
    """Every number of either run, what changed first. `scatter`: earlier runs' values of each, `before` included."""
    old, new = ({measure.key: measure for measure in measures} for measures in (before, after))
    found = [_compared(old.get(key), new.get(key), (scatter or {}).get(key, ())) for key in {**old, **new}]
    return sorted(found, key=lambda one: list(Change).index(one.change))


def _compared(before: Measure | None, after: Measure | None, scatter: Sequence[float]) -> Compared:
    if before is None or after is None:
        told = "the other run did not measure it"
        return Compared(before=before, after=after, change=Change.GONE if before else Change.NEW, told=told)
    if Spread.RESOLUTION in (before.spread, after.spread):
        return _against_scatter(before, after, scatter)
    return _of_samples(before, after)


def _of_samples(before: Measure, after: Measure) -> Compared:
    difference = after.estimate - before.estimate
    if before.high is None or after.high is None:
        which = "first" if before.high is None else "second"
        told = f"too few samples in the {which} to bound it from above"
        return Compared(before=before, after=after, change=Change.UNTOLD, told=told, difference=difference)
    low, high = difference_interval((before.low, before.estimate, before.high), (after.low, after.estimate, after.high))
    change = Change.WORSE if low > 0 else Change.BETTER if high < 0 else Change.NOT_SHOWN
    told = "the interval of the difference " + ("has 0 in it" if change is Change.NOT_SHOWN else "excludes 0")
    return Compared(before=before, after=after, change=change, told=told, difference=difference, low=low, high=high)


def _against_scatter(before: Measure, after: Measure, scatter: Sequence[float]) -> Compared:
    difference = after.estimate - before.estimate
    if len(scatter) < SCATTER_FROM:
        missing = SCATTER_FROM - len(scatter)
        runs = "run is" if missing == 1 else "runs are"
        told = f"one observation each; {missing} more earlier {runs} needed to know how they scatter"
        return Compared(before=before, after=after, change=Change.UNTOLD, told=told, difference=difference)
    low, high = prediction_interval(scatter)
    # Looked at too rarely to be sure is not shown: all of the observation must lie outside.
    worse, better = after.low > high, (after.high or after.estimate) < low
    change = Change.WORSE if worse else Change.BETTER if better else Change.NOT_SHOWN
    where = "outside" if worse or better else "within"
    told = f"{where} of what {len(scatter)} earlier runs let expect, {max(0.0, low):.1f} to {high:.1f} {after.unit}"
    return Compared(before=before, after=after, change=change, told=told, difference=difference)


def scatter_of(runs: Sequence[Sequence[Measure]]) -> dict[Key, list[float]]:
    """The values of each number in several runs."""
    found: dict[Key, list[float]] = {}
    for measures in runs:
        for measure in measures:
            found.setdefault(measure.key, []).append(measure.estimate)
    return found
