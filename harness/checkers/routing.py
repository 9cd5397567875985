"""Where users were sent: to their nearest region, to the next one while that is sick, and nobody else anywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from harness.checkers.per_fault import for_each_fault
from harness.checkers.tally import Tally
from harness.checkers.timeline import FailoverTimes, VantageTimes
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import ExperimentEvent, Outcome, VantageName, VantageSummary
from harness.findings import Finding
from harness.history import History
from harness.stack import RegionName


class Nearest(msgspec.Struct, frozen=True):
    region: RegionName | None
    """None when the catalogue does not know."""
    close: bool
    """The next one is so little farther that Route 53's own measurements may well say otherwise."""


def nearest(vantage: VantageSummary, margin_share: float, without: Collection[RegionName] = ()) -> Nearest:
    """Which of the regions that are left is nearest to the vantage by the catalogue's round trips."""
    left = [region for region in vantage.expected_order if region not in without]
    if len(left) < 2:
        return Nearest(left[0] if left else None, False)
    first_ms, second_ms = (vantage.rtt_ms.get(region) for region in left[:2])
    # Without the numbers the order alone cannot tell a clear case from a close one.
    close = first_ms is None or second_ms is None or second_ms <= first_ms * (1 + margin_share)
    return Nearest(left[0], close)


class ServedByNearest(msgspec.Struct, frozen=True, kw_only=True, tag="served-by-nearest"):
    """Before anything was broken, DNS and HTTPS served every vantage from its nearest region."""

    margin_share: float = 0.10

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks, tally = tracks_of(history), Tally()
        for vantage in history.header.vantages:
            expected = nearest(vantage, self.margin_share)
            looks = _looks(tracks, vantage.name, experiment.start_s, experiment.steady_until_s)
            tally.add(vantage.name, {expected.region} - {None}, looks, close=expected.close)
        return tally.findings("served-by-nearest", "Users are served by their nearest region", "")


class RoutedToNextNearest(msgspec.Struct, frozen=True, kw_only=True, tag="routed-to-next-nearest"):
    """While the region was sick, DNS led its users to the nearest of the others, and that one served them."""

    region: RegionName
    margin_share: float = 0.10

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        checker, claim = "routed-to-next-nearest", f"The users of {self.region} were sent to their next nearest region"

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            tracks, tally = tracks_of(history), Tally()
            moved = {seen.vantage: seen for seen in times.vantages}
            for vantage in history.header.vantages:
                seen = moved.get(vantage.name)
                looks = _looks_away(tracks, seen, times.window.rolling_back_s) if seen else []
                if looks:
                    expected = nearest(vantage, self.margin_share, times.window.regions)
                    away = [(index, region) for index, region in looks if region != self.region]
                    tally.add(vantage.name, {expected.region} - {None}, away, close=expected.close)
            yield from tally.findings(checker, claim, self.region)

        return for_each_fault(history, experiment, self.region, checker=checker, claim=claim, judge=judge)


class UntouchedStayedPut(msgspec.Struct, frozen=True, kw_only=True, tag="untouched-stayed-put"):
    """Vantages that were elsewhere when the region broke stayed where they were, until the next fault or the end."""

    region: RegionName
    margin_share: float = 0.10

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        checker, claim = "untouched-stayed-put", f"Users of other regions stayed there while {self.region} was sick"
        close = {vantage.name: nearest(vantage, self.margin_share).close for vantage in history.header.vantages}

        def judge(times: FailoverTimes) -> Iterator[Finding]:
            tracks, tally, window = tracks_of(history), Tally(), times.window
            for name in tracks.vantages:
                before = tracks.regions_before(name, window.injecting_s)
                if before and self.region not in before:
                    looks = _looks(tracks, name, window.injected_s, window.until_s)
                    tally.add(name, before, looks, close=close.get(name, False))
            yield from tally.findings(checker, claim, self.region)

        return for_each_fault(history, experiment, self.region, checker=checker, claim=claim, judge=judge)


def _looks_away(tracks: Tracks, seen: VantageTimes, until_s: float) -> list[tuple[int, RegionName]]:
    """As `_looks`: answers from when DNS had changed, and replies from when another region served, for good."""
    answers = replies = list[tuple[int, RegionName]]()
    if seen.dns_changed and seen.dns_changed.by_s is not None:
        answers = [
            (index, answer.region)
            for index, answer in tracks.dns[seen.vantage].between(seen.dns_changed.after_s, until_s)
            if answer.region
        ]
    if seen.recovered and seen.recovered.by_s is not None:
        replies = [
            (index, reply.region)
            for index, reply in tracks.https[seen.vantage].between(seen.recovered.after_s, until_s)
            if reply.region and reply.outcome is Outcome.OK
        ]
    return answers + replies


def _looks(tracks: Tracks, vantage: VantageName, from_s: float, until_s: float) -> list[tuple[int, RegionName]]:
    """(index, region) of every DNS answer that led somewhere and every good reply that said who it came from."""
    answers = tracks.dns[vantage].between(from_s, until_s)
    replies = tracks.https[vantage].between(from_s, until_s)
    return [(index, seen.region) for index, seen in answers if seen.region] + [
        (index, seen.region) for index, seen in replies if seen.region and seen.outcome is Outcome.OK
    ]
