"""Who was still served elsewhere than DNS led them, for longer than the TTL allows, and why: facts for `stragglers`.

A request may go wherever the name servers led its vantage within the TTL before it. One that goes elsewhere straggles.
Its reason is read from what was seen of that very request, or of the resolver's own answers: how a resolver is said
to behave is no evidence.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from harness.checkers.limits import Limit
from harness.checkers.timeline import FailoverTimes
from harness.checkers.tracks import Tracks
from harness.events import DnsAnswer, ExperimentEvent, HttpReply, Outcome, VantageName
from harness.resolving import BeyondTtl, SubnetFate
from harness.stack import RegionName

GRACE_S = 2.0
"""An answer given right before DNS changed is on its way for a moment, and then lives for its TTL."""

STALE_ERRORS = frozenset({3, 19})
"""Extended DNS errors of RFC 8914: stale answer, stale NXDOMAIN answer."""


class Reason(enum.Enum):
    """Why a request went where it did. The values complete "... because"."""

    CLAMPED = "its resolver kept the answer beyond the TTL"
    STALE = "its resolver could not ask anew and served the answer stale"
    PINNED = "its client kept the connection that it had"
    NO_SUBNET = "no client subnet reached the name servers, so the answer is meant for another place"
    LATE_DNS = "the name servers changed their answer late"
    UNEXPLAINED = "nothing that was seen says why"


_OF_BEYOND = {BeyondTtl.CLAMPED: Reason.CLAMPED, BeyondTtl.STALE: Reason.STALE, BeyondTtl.PINNED: Reason.PINNED}


class Straggling(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which a vantage's requests went elsewhere than they should have."""

    vantage: VantageName
    region: RegionName
    """Where they went."""
    led_to: RegionName
    """Where DNS led when it began."""
    since_s: float
    """From when on none should have gone there: DNS had changed and the TTL had passed. The first look where DNS never
    led there at all."""
    until_s: float
    """End of the last that went there."""
    over: bool
    """One went where it should after that."""
    looks: int
    failed: int
    """So many of them were not served well."""
    reasons: tuple[tuple[Reason, int], ...]
    """With the number of looks that say so, the most frequent first."""
    evidence: tuple[int, ...]

    @property
    def reason(self) -> Reason:
        return self.reasons[0][0]

    @property
    def lasted_s(self) -> float:
        return self.until_s - self.since_s


class _Truth:
    """What the name servers told one vantage, by time."""

    def __init__(self, answers: Sequence[DnsAnswer], ttl_s: float) -> None:
        self._answers = [answer for answer in answers if answer.region]
        self._starts_s = [answer.start_s for answer in self._answers]
        self.ttl_s = max((answer.ttl_s for answer in self._answers if answer.ttl_s is not None), default=ttl_s)

    def led_to(self, at_s: float) -> RegionName | None:
        number = bisect_right(self._starts_s, at_s)
        return self._answers[number - 1].region if number else None

    def allowed(self, from_s: float, until_s: float) -> set[RegionName | None]:
        """Everywhere that a request of this time may go; empty when nothing was known by then.

        That is where DNS led within the TTL before it, where it led when that began, and where it was next seen to
        lead: it had changed by then, perhaps right before the request.
        """
        first = bisect_right(self._starts_s, from_s - self.ttl_s - GRACE_S)
        known = bisect_right(self._starts_s, from_s)
        last = bisect_right(self._starts_s, until_s) + 1
        return {answer.region for answer in self._answers[max(0, first - 1) : last]} if known else set()

    def expired_s(self, region: RegionName, at_s: float) -> float | None:
        """When an answer that led to `region` had outlived its TTL at the latest; None when none before `at_s` did."""
        for number in range(bisect_right(self._starts_s, at_s) - 1, -1, -1):
            if self._answers[number].region == region:
                changed = self._answers[min(number + 1, len(self._answers) - 1)]
                return changed.end_s + self.ttl_s + GRACE_S
        return None


class _Look(msgspec.Struct, frozen=True):
    index: int
    reply: HttpReply
    region: RegionName
    reason: Reason


def straggling(tracks: Tracks, experiment: ExperimentEvent, ttl_s: float) -> list[Straggling]:
    """Of all vantages; `ttl_s` is what the record's is where no answer tells it."""
    regions = _regions_of_addresses(tracks)
    return [
        stretch
        for vantage in tracks.vantages
        for stretch in _straggling_of(vantage, tracks, experiment, _Known(ttl_s, regions))
    ]


class _Known(NamedTuple):
    ttl_s: float
    regions: Mapping[str, RegionName]
    """By address."""


def _straggling_of(
    vantage: VantageName, tracks: Tracks, experiment: ExperimentEvent, known: _Known
) -> list[Straggling]:
    truth = _Truth(tracks.dns[vantage].events, known.ttl_s)
    found: list[Straggling] = []
    stretch: list[_Look] = []
    for index, reply in tracks.https[vantage].between(experiment.start_s, experiment.end_s):
        region = reply.region or known.regions.get(reply.address or "")
        allowed = truth.allowed(reply.start_s, reply.end_s)
        if region is None or not allowed:
            continue
        strays = region not in allowed
        if stretch and not (strays and region == stretch[0].region):
            found.append(_stretch(vantage, truth, stretch, over=not strays))
            stretch = []
        if strays:
            stretch.append(_Look(index, reply, region, _reason_of(tracks, reply, region, truth.ttl_s)))
    return [*found, _stretch(vantage, truth, stretch, over=False)] if stretch else found


def late_dns(times: FailoverTimes, limit: Limit) -> list[Straggling]:
    """Vantages that were led to the broken region for longer than checkers and name servers should take."""
    due_s = times.window.injected_s + limit.at_most_s
    found = []
    for seen in times.vantages:
        moment = seen.dns_changed
        if moment is None or moment.after_s <= due_s:
            continue
        until_s = moment.after_s if moment.by_s is None else moment.by_s
        found.append(
            Straggling(
                vantage=seen.vantage,
                region=times.region,
                led_to=times.region,
                since_s=due_s,
                until_s=until_s,
                over=moment.by_s is not None,
                looks=0,
                failed=0,
                reasons=((Reason.LATE_DNS, len(moment.evidence)),),
                evidence=moment.evidence,
            )
        )
    return found


def _stretch(vantage: VantageName, truth: _Truth, looks: Sequence[_Look], *, over: bool) -> Straggling:
    first, last = looks[0], looks[-1]
    expired_s = truth.expired_s(first.region, first.reply.start_s)
    counted = Counter(look.reason for look in looks)
    reason = counted.most_common(1)[0][0]
    return Straggling(
        vantage=vantage,
        region=first.region,
        led_to=truth.led_to(first.reply.start_s) or "",
        since_s=first.reply.start_s if expired_s is None else min(expired_s, first.reply.start_s),
        until_s=last.reply.end_s,
        over=over,
        looks=len(looks),
        failed=sum(look.reply.outcome is not Outcome.OK for look in looks),
        reasons=tuple(counted.most_common()),
        evidence=tuple(look.index for look in looks if look.reason is reason),
    )


def _reason_of(tracks: Tracks, reply: HttpReply, region: RegionName, truth_ttl_s: float) -> Reason:
    """What was seen of this request, the most telling first."""
    if reply.beyond_ttl is BeyondTtl.STALE and (reply.beyond_ttl_because or _outlived_ttl(reply)):
        return Reason.STALE
    if _outlived_ttl(reply):
        if reply.beyond_ttl is not None:
            return _OF_BEYOND[reply.beyond_ttl]
        if reply.connection_age_s:
            return Reason.PINNED
    if reply.subnet in {SubnetFate.DROPPED, SubnetFate.NOT_SENT}:
        return Reason.NO_SUBNET
    return _reason_of_resolver(tracks, reply, region, truth_ttl_s)


def _outlived_ttl(reply: HttpReply) -> bool:
    """The answer in use was older than its own TTL, by what the request tells of it."""
    if reply.resolved_s is None or reply.ttl_s is None:
        return False
    return reply.start_s - reply.resolved_s >= reply.ttl_s


def _reason_of_resolver(tracks: Tracks, reply: HttpReply, region: RegionName, truth_ttl_s: float) -> Reason:
    """What the resolver's own answers give away: that they are stale, or a TTL above the name servers'."""
    answers = tracks.resolved[reply.vantage]
    found = answers.last_before(reply.start_s, lambda answer: answer.region is not None)
    if found is None:
        return Reason.UNEXPLAINED
    _, last = found
    if last.extended_error in STALE_ERRORS:
        return Reason.STALE
    # It told this TTL once, and the answer lives on: towards its end it tells less than any name server would.
    long = answers.last_before(reply.start_s, lambda answer: answer.region == region and _above(answer, truth_ttl_s))
    if long is not None and long[1].end_s + (long[1].ttl_s or 0.0) + GRACE_S >= reply.start_s:
        return Reason.CLAMPED
    return Reason.NO_SUBNET if last.subnet in {SubnetFate.DROPPED, SubnetFate.NOT_SENT} else Reason.UNEXPLAINED


def _above(answer: DnsAnswer, ttl_s: float) -> bool:
    return answer.ttl_s is not None and answer.ttl_s > ttl_s


def _regions_of_addresses(tracks: Tracks) -> dict[str, RegionName]:
    """Which region an address is, by the name servers' answers: a failed request only knows where it went."""
    events: Iterable[DnsAnswer] = (answer for track in tracks.dns.values() for answer in track.events)
    return {address: answer.region for answer in events if answer.region for address in answer.addresses}
