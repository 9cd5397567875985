"""The numbers of a run that are worth following over months, each with the interval in which the truth lies.

Two kinds of uncertainty, and they must not be mixed up. Many writes or requests of one run are a sample: their interval
says what another run would show. Of a time to recover a run has one observation for each region, however many vantages
saw it: its interval says only how closely it was looked at, and two runs differ by more than that for no reason (where
the checkers' intervals happened to stand). So the first can be compared between two runs, the second only with the
scatter of several.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence

import msgspec

from harness.checkers.moments import Moment
from harness.checkers.replication import replication_latencies, subject
from harness.checkers.replication.quantiles import Quantile
from harness.checkers.rpo import rpos
from harness.checkers.statistics import wilson_interval
from harness.checkers.timeline import FailoverTimes, failover_times
from harness.errors import HarnessError
from harness.events import ExperimentEvent, Way
from harness.history import History


class What(enum.Enum):
    """In the order in which people ask. All but the share are seconds."""

    RECOVER = "time to recover"
    RECOVERY_POINT = "recovery point"
    REPLICATION_P95 = "replication p95"
    REPLICATION_P50 = "replication p50"
    DETECT = "time to detect"
    HOME = "time until home"
    FAILED = "failed requests"


class Spread(enum.Enum):
    """What an interval covers."""

    SAMPLE = "sample"
    """Other runs too: 95 % confidence."""
    RESOLUTION = "resolution"
    """This run alone."""


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    experiment: str
    what: What
    subject: str
    """A region, or "source → receiving"."""
    estimate: float
    low: float
    high: float | None
    """None: it cannot be bounded from above, for there are too few samples."""
    samples: int
    spread: Spread
    unit: str = "s"

    @property
    def key(self) -> tuple[str, str, str]:
        """Measures with the same key can be compared."""
        return self.experiment, self.what.value, self.subject


def measures_of(history: History) -> list[Measure]:
    """Every number of every experiment that was seen. What was not seen has no measure: the findings tell it."""
    return [measure for event in history.of(ExperimentEvent) for measure in _measures(history, event)]


def _measures(history: History, event: ExperimentEvent) -> Iterator[Measure]:
    for times in failover_times(history, event):
        if times.window.proven:
            yield from _failover(times, event.experiment)
    try:
        yield from _recovery_points(history, event)
        yield from _replication(history, event)
    except HarnessError:
        return  # A history in which two writes carry one value: the checks of items say so.


def _failover(times: FailoverTimes, experiment: str) -> Iterator[Measure]:
    window, region = times.window, times.region
    recovered = [seen.recovered for seen in times.vantages if seen.recovered]
    home = [seen.home for seen in times.vantages if seen.home]
    for what, moments, from_s in (
        (What.DETECT, [times.detected], window.injected_s),
        (What.RECOVER, recovered, window.injected_s),
        (What.HOME, home, window.rolled_back_s),
    ):
        slowest = slowest_of(moments)
        if slowest is None or slowest.by_s is None or from_s is None:
            continue
        yield Measure(
            experiment=experiment,
            what=what,
            subject=region,
            estimate=slowest.by_s - from_s,
            low=max(0.0, slowest.after_s - from_s),
            high=slowest.by_s - from_s,
            samples=len(moments),
            spread=Spread.RESOLUTION,
        )
    if times.requests:
        yield _failed(times, experiment)


def slowest_of(moments: Sequence[Moment]) -> Moment | None:
    """The last of them to be seen; None when one never was."""
    if not moments or any(moment.by_s is None for moment in moments):
        return None
    return max(moments, key=lambda moment: moment.by_s or 0.0)


def _failed(times: FailoverTimes, experiment: str) -> Measure:
    low, high = wilson_interval(times.failed_requests, times.requests)
    return Measure(
        experiment=experiment,
        what=What.FAILED,
        subject=times.region,
        estimate=times.failed_requests / times.requests,
        low=low,
        high=high,
        samples=times.requests,
        spread=Spread.SAMPLE,
        unit="share",
    )


def _recovery_points(history: History, event: ExperimentEvent) -> Iterator[Measure]:
    for found in rpos(history, event):
        if found.proven and found.watched:
            yield Measure(
                experiment=event.experiment,
                what=What.RECOVERY_POINT,
                subject=found.region,
                estimate=found.oldest_age_high_s,
                low=found.oldest_age_low_s,
                high=found.oldest_age_high_s,
                samples=found.watched,
                spread=Spread.RESOLUTION,
            )


def _replication(history: History, event: ExperimentEvent) -> Iterator[Measure]:
    for pair in replication_latencies(history, event, way=Way.DYNAMODB):
        for what, quantile in ((What.REPLICATION_P50, pair.p50), (What.REPLICATION_P95, pair.p95)):
            if quantile and math.isfinite(quantile.estimate_s):
                yield _quantile(event.experiment, what, subject(pair), quantile, pair.samples)


def _quantile(experiment: str, what: What, between: str, quantile: Quantile, samples: int) -> Measure:
    return Measure(
        experiment=experiment,
        what=what,
        subject=between,
        estimate=quantile.estimate_s,
        low=quantile.low_s,
        high=quantile.high_s if math.isfinite(quantile.high_s) else None,
        samples=samples,
        spread=Spread.SAMPLE,
    )
