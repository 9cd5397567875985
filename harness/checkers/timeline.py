"""What happened when: faults, failovers and who was served from where. Facts only; the checkers judge them.

Every time is in stack seconds since the run began. A moment is known to lie in an interval, because everything was
only looked at from time to time; `by_s` is its end, the first look that showed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

import msgspec

from harness.checkers.moments import Look, Moment, Sight, final_change, first_change
from harness.checkers.spans import QuorumPoint, Span, dns_spans, quorum_series, served_spans
from harness.checkers.statistics import quantile
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import (
    DnsAnswer,
    ExperimentEvent,
    FaultEvent,
    FaultPhase,
    HealthObservation,
    HttpReply,
    Outcome,
    VantageName,
)
from harness.history import History
from harness.stack import RegionName

__all__ = [
    "FailoverTimes",
    "FaultWindow",
    "QuorumPoint",
    "Span",
    "VantageTimes",
    "dns_spans",
    "failover_times",
    "fault_windows",
    "quorum_series",
    "served_spans",
]


class FaultWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One fault, from its injection until what comes after it."""

    fault: str
    fault_id: str
    regions: tuple[RegionName, ...]
    injecting_s: float
    injected_s: float
    """End of the injecting call: the fault counts from here."""
    proven: bool
    rolling_back_s: float
    """Until here it was meant to bite; the end of the stretch when it was never rolled back."""
    undoing_s: float | None
    """Start of the calls that undid it: nothing can be back before."""
    rolled_back_s: float | None
    """End of them, read-back included: recovery counts from here."""
    until_s: float
    """When the next fault began or the experiment ended, whichever came first."""
    evidence: tuple[int, ...]


class VantageTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One vantage during one fault. A moment is None when there was nothing to change."""

    vantage: VantageName
    dns_changed: Moment | None
    """Its name server's answers led elsewhere, for good."""
    recovered: Moment | None
    """Its first good reply from another region, after which the sick region served it no more."""
    dns_back: Moment | None
    home: Moment | None


class FailoverTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault did to one region and its users."""

    region: RegionName
    window: FaultWindow
    detected: Moment
    """The checkers' quorum said unhealthy."""
    healthy_again: Moment | None
    """None when it never was seen unhealthy, or was not rolled back."""
    vantages: tuple[VantageTimes, ...]
    """Those whose users the region served, by DNS or HTTPS, when the fault began."""
    requests: int
    """HTTPS requests of all vantages from injection until the window's end."""
    failed_requests: int

    @property
    def detect_s(self) -> float | None:
        return _elapsed_s(self.detected, self.window.injected_s)

    @property
    def dns_changed_s(self) -> float | None:
        """Until the last vantage's name server led elsewhere; None while one still led here."""
        return _slowest_s((times.dns_changed for times in self.vantages), self.window.injected_s)

    @property
    def clients_s(self) -> tuple[float, ...]:
        """Until each vantage was well again, for those that were."""
        return _elapsed_of((times.recovered for times in self.vantages), self.window.injected_s)

    @property
    def healthy_again_s(self) -> float | None:
        return _elapsed_s(self.healthy_again, self.window.rolled_back_s)

    @property
    def dns_back_s(self) -> float | None:
        return _slowest_s((times.dns_back for times in self.vantages), self.window.rolled_back_s)

    @property
    def home_s(self) -> tuple[float, ...]:
        """Until each vantage was served by its own region again, for those that were."""
        return _elapsed_of((times.home for times in self.vantages), self.window.rolled_back_s)


def fault_windows(history: History, experiment: ExperimentEvent | None = None) -> list[FaultWindow]:
    """Faults that were injected, in order; those of one experiment when it is given."""
    tracks = tracks_of(history)
    end_s = experiment.end_s if experiment else history.end_s()
    begins_s = sorted(track.events[0].start_s for track in tracks.faults.values())
    windows = []
    for track in tracks.faults.values():
        inside = experiment is None or experiment.start_s <= track.events[0].start_s <= experiment.end_s
        phases = {event.phase: event for event in track.events}
        if inside and FaultPhase.INJECTED in phases:
            windows.append(_window(phases, tuple(track.indexes), begins_s, end_s))
    return sorted(windows, key=lambda window: window.injected_s)


def _window(
    phases: dict[FaultPhase, FaultEvent], evidence: tuple[int, ...], begins_s: list[float], end_s: float
) -> FaultWindow:
    injected = phases[FaultPhase.INJECTED]
    rolling_back = phases.get(FaultPhase.ROLLING_BACK)
    rolled_back = phases.get(FaultPhase.ROLLED_BACK)
    over_s = rolled_back.end_s if rolled_back else end_s
    return FaultWindow(
        fault=injected.fault,
        fault_id=injected.fault_id,
        regions=injected.regions,
        injecting_s=phases.get(FaultPhase.INJECTING, injected).start_s,
        injected_s=injected.end_s,
        proven=FaultPhase.PROVEN in phases,
        rolling_back_s=rolling_back.start_s if rolling_back else over_s,
        undoing_s=rolled_back.start_s if rolled_back else None,
        rolled_back_s=rolled_back.end_s if rolled_back else None,
        until_s=min([begin_s for begin_s in begins_s if begin_s >= over_s] + [max(end_s, over_s)]),
        evidence=evidence,
    )


def failover_times(
    history: History, experiment: ExperimentEvent | None = None, region: RegionName | None = None
) -> list[FailoverTimes]:
    """One per fault and region that it broke, in order of time; of one region when it is given."""
    # Every check of an experiment, its page and its summary ask for the same ones: found once.
    found = _found.setdefault(history, {})
    key = (experiment.start_s, experiment.end_s) if experiment else None
    if key not in found:
        tracks = tracks_of(history)
        found[key] = [
            _times_of(tracks, window, broken)
            for window in fault_windows(history, experiment)
            for broken in window.regions
        ]
    return [times for times in found[key] if region in {None, times.region}]


_found: WeakKeyDictionary[History, dict[tuple[float, float] | None, list[FailoverTimes]]] = WeakKeyDictionary()


def _times_of(tracks: Tracks, window: FaultWindow, region: RegionName) -> FailoverTimes:
    detected = first_change(_health_looks(tracks, region, window, healthy=False), window.injected_s)
    back_s = window.undoing_s if detected.by_s is not None else None
    healthy_again = None
    if back_s is not None and window.rolled_back_s is not None:
        healthy_again = first_change(_health_looks(tracks, region, window, healthy=True), window.rolled_back_s)
    vantages = [_vantage_times(tracks, window, region, vantage) for vantage in tracks.vantages]
    failed = [reply.outcome is not Outcome.OK for reply in _replies(tracks, window.injected_s, window.until_s)]
    return FailoverTimes(
        region=region,
        window=window,
        detected=detected,
        healthy_again=healthy_again,
        vantages=tuple(times for times in vantages if times.dns_changed or times.recovered),
        requests=len(failed),
        failed_requests=sum(failed),
    )


def _vantage_times(tracks: Tracks, window: FaultWindow, region: RegionName, vantage: VantageName) -> VantageTimes:
    """`region` broke: when this vantage left it, and when it came back."""
    dns, https = tracks.dns[vantage], tracks.https[vantage]
    dns_changed = recovered = dns_back = home = None
    if tracks.dns_region_before(vantage, window.injecting_s) == region:
        answers = dns.between(window.injected_s, window.rolling_back_s)
        dns_changed = final_change(dns_looks(answers, region, back=False), window.injected_s)
    if tracks.served_region_before(vantage, window.injecting_s) == region:
        replies = https.between(window.injected_s, window.rolling_back_s)
        recovered = final_change(_reply_looks(replies, region, back=False), window.injected_s)
    if window.undoing_s is not None and window.rolled_back_s is not None:
        if dns_changed and dns_changed.by_s is not None:
            answers = dns.between(window.undoing_s, window.until_s)
            dns_back = final_change(dns_looks(answers, region, back=True), window.rolled_back_s)
        if recovered and recovered.by_s is not None:
            replies = https.between(window.undoing_s, window.until_s)
            home = final_change(_reply_looks(replies, region, back=True), window.rolled_back_s)
    return VantageTimes(vantage=vantage, dns_changed=dns_changed, recovered=recovered, dns_back=dns_back, home=home)


def _health_looks(tracks: Tracks, region: RegionName, window: FaultWindow, *, healthy: bool) -> Iterator[Look]:
    """Polls that told something, from the last one before the change that is waited for."""
    track = tracks.health[region]
    from_s = window.undoing_s if healthy else window.injected_s
    until_s = window.until_s if healthy else window.rolling_back_s
    for index, seen in track.between(window.injecting_s if from_s is None else from_s, until_s):
        if seen.healthy is not None:
            yield _look(index, seen, Sight.CHANGED if seen.healthy is healthy else Sight.STILL)


def dns_looks(answers: Iterable[tuple[int, DnsAnswer]], region: RegionName, *, back: bool) -> Iterator[Look]:
    """Answers that some server gave. One that leads nowhere known is no change for the better."""
    for index, answer in answers:
        if answer.rcode is not None:
            changed = answer.region is not None and (answer.region == region) is back
            yield _look(index, answer, Sight.CHANGED if changed else Sight.STILL)


def _reply_looks(replies: Iterable[tuple[int, HttpReply]], region: RegionName, *, back: bool) -> Iterator[Look]:
    for index, reply in replies:
        if reply.region is not None and (reply.region == region) is not back:
            yield _look(index, reply, Sight.STILL)
        else:
            good = reply.outcome is Outcome.OK and reply.region is not None
            yield _look(index, reply, Sight.CHANGED if good else Sight.LOST)


def _look(index: int, event: DnsAnswer | HttpReply | HealthObservation, sight: Sight) -> Look:
    return Look(index, event.start_s, event.end_s, sight)


def _replies(tracks: Tracks, from_s: float, until_s: float) -> Iterator[HttpReply]:
    for track in tracks.https.values():
        yield from (reply for _, reply in track.between(from_s, until_s))


def _elapsed_s(moment: Moment | None, from_s: float | None) -> float | None:
    if moment is None or moment.by_s is None or from_s is None:
        return None
    return moment.by_s - from_s


def _elapsed_of(moments: Iterable[Moment | None], from_s: float | None) -> tuple[float, ...]:
    found = (_elapsed_s(moment, from_s) for moment in moments)
    return tuple(sorted(elapsed_s for elapsed_s in found if elapsed_s is not None))


def _slowest_s(moments: Iterable[Moment | None], from_s: float | None) -> float | None:
    """The largest; None when one that should have come was not seen, or there is none."""
    found = [_elapsed_s(moment, from_s) for moment in moments if moment is not None]
    known = [elapsed_s for elapsed_s in found if elapsed_s is not None]
    return quantile(known, 1.0) if known and len(known) == len(found) else None
