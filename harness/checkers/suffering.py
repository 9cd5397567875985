"""Who suffers from a fault and for how long, and whether what steers the traffic noticed: facts, no verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

import msgspec

from harness.checkers.timeline import FaultWindow
from harness.checkers.tracks import Tracks
from harness.events import HttpReply, Outcome, VantageName
from harness.stack import RegionName


class Suffering(msgspec.Struct, frozen=True, kw_only=True):
    """What one vantage's user went through at one region."""

    vantage: VantageName
    requests: int
    """Those that went to the region."""
    failed: tuple[int, ...]
    """Indexes of those that failed."""
    failing_s: float
    """How long its latest request was one that had failed."""
    to_the_end: bool
    """Its last request failed too: nothing but the end of the stretch ended it."""


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the users of a region in a stretch of time."""

    region: RegionName
    from_s: float
    until_s: float
    users: tuple[Suffering, ...]
    """All vantages whose requests went to the region."""
    errors: tuple[str, ...]
    """What was seen, the most frequent first."""
    answers: int
    """DNS answers that those who suffered got..."""
    answers_there: int
    """...and how many of them still led to the region."""

    @property
    def hurt(self) -> tuple[Suffering, ...]:
        """Those with at least one failed request, the longest suffering first."""
        hurt = [user for user in self.users if user.failed]
        return tuple(sorted(hurt, key=lambda user: (-user.failing_s, user.vantage)))

    @property
    def requests(self) -> int:
        return sum(user.requests for user in self.users)

    @property
    def failed(self) -> int:
        return sum(len(user.failed) for user in self.users)

    @property
    def longest_s(self) -> float:
        return max((user.failing_s for user in self.users), default=0.0)

    @property
    def evidence(self) -> tuple[int, ...]:
        return tuple(sorted(index for user in self.users for index in user.failed))

    def is_felt(self, above_share: float) -> bool:
        """Whether more failed than fails in a steady state: at least two requests, and more than that share."""
        return self.failed >= 2 and self.failed > above_share * self.requests


def harm_done(tracks: Tracks, region: RegionName, from_s: float, until_s: float) -> Harm:
    """What the users of `region` went through in [from_s, until_s)."""
    there = _addresses_of(tracks, region)
    users, errors = [], Counter[str]()
    for vantage in tracks.vantages:
        looks = tracks.https[vantage].between(from_s, until_s)
        mine = [_went_there(reply, region, there) for _, reply in looks]
        if any(mine):
            users.append(_suffering(vantage, looks, mine, until_s))
            errors.update(
                reply.error or ""
                for (_, reply), here in zip(looks, mine, strict=True)
                if here and reply.outcome is not Outcome.OK
            )
    answers = [
        answer.region
        for user in users
        if user.failed
        for _, answer in tracks.dns[user.vantage].between(from_s, until_s)
        if answer.region is not None
    ]
    return Harm(
        region=region,
        from_s=from_s,
        until_s=until_s,
        users=tuple(users),
        errors=tuple(error for error, _ in errors.most_common(3) if error),
        answers=len(answers),
        answers_there=answers.count(region),
    )


class Watchfulness(msgspec.Struct, frozen=True, kw_only=True):
    """What Route 53's health checks said while a fault was in force."""

    polls: int
    """Of the region that was polled least."""
    red_after_s: float | None = None
    """Until the region's own check was first seen red; None: never."""
    red_evidence: tuple[int, ...] = ()
    doubted_after_s: float | None = None
    """Until the first single checker of any region was seen to fail; None: all of them were content all along."""
    others_red: tuple[RegionName, ...] = ()
    """Other regions whose checks were red meanwhile."""


def watchfulness(
    tracks: Tracks, window: FaultWindow, region: RegionName, all_regions: Iterable[RegionName]
) -> Watchfulness:
    """From injection until rolling back began."""
    polls = {
        name: [
            (index, seen)
            for index, seen in tracks.health[name].between(window.injected_s, window.rolling_back_s)
            if seen.healthy is not None
        ]
        for name in all_regions
    }
    red = [(index, seen) for index, seen in polls.get(region, []) if not seen.healthy]
    doubts_s = [
        seen.end_s for polled in polls.values() for _, seen in polled if seen.checkers_healthy < seen.checkers_total
    ]
    return Watchfulness(
        doubted_after_s=min(doubts_s) - window.injected_s if doubts_s else None,
        polls=min((len(seen) for seen in polls.values()), default=0),
        red_after_s=red[0][1].end_s - window.injected_s if red else None,
        red_evidence=(red[0][0],) if red else (),
        others_red=tuple(
            name for name, seen in polls.items() if name != region and any(not poll.healthy for _, poll in seen)
        ),
    )


def _addresses_of(tracks: Tracks, region: RegionName) -> set[str]:
    """Addresses that DNS gave for the region: where a reply came from that does not say so itself."""
    return {
        address
        for track in (*tracks.dns.values(), *tracks.resolved.values())
        for answer in track.events
        if answer.region == region
        for address in answer.addresses
    }


def _went_there(reply: HttpReply, region: RegionName, addresses: set[str]) -> bool:
    """A reply that names its region is of that one; any other went where its address is."""
    return reply.region == region if reply.region is not None else reply.address in addresses


def _suffering(
    vantage: VantageName, looks: Sequence[tuple[int, HttpReply]], mine: Sequence[bool], until_s: float
) -> Suffering:
    """A failure lasts until the same user's next request begins, wherever that one goes.

    Not for longer than one and a half of the user's usual intervals: a request that was not made says nothing.
    """
    starts_s = [reply.start_s for _, reply in looks]
    lasts_s = [later_s - start_s for start_s, later_s in pairwise([*starts_s, until_s])]
    longest_s = 1.5 * median(lasts_s[:-1] or lasts_s)
    failed = [here and reply.outcome is not Outcome.OK for (_, reply), here in zip(looks, mine, strict=True)]
    return Suffering(
        vantage=vantage,
        requests=sum(mine),
        failed=tuple(index for (index, _), bad in zip(looks, failed, strict=True) if bad),
        failing_s=sum(min(last_s, longest_s) for last_s, bad in zip(lasts_s, failed, strict=True) if bad),
        to_the_end=failed[-1],
    )
