"""Who served each vantage from when, as short lists of changes: what the map's slider runs over."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice, pairwise

import msgspec

from harness.checkers.statistics import quantile
from harness.checkers.tracks import tracks_of
from harness.events import DnsAnswer, HttpReply, Outcome, VantageName
from harness.history import History
from harness.stack import RegionName

PATIENCE_INTERVALS = 4
"""A vantage that nobody looked at for so many of its usual intervals is not known."""
LOOKS_FOR_USUAL = 200
LONE_LOOK_S = 60.0
"""What a single look is good for: nothing tells its interval."""


class State(msgspec.Struct, frozen=True):
    """Of one vantage at one time."""

    known: bool = True
    region: RegionName | None = None
    """Who served, or which region failed; None when no region named itself."""
    failing: bool = False


UNKNOWN = State(known=False)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Each state holds from its time until the next one's."""

    vantage: VantageName
    by_dns_alone: bool
    """Nobody asked over HTTPS: the states say where DNS led."""
    times_s: list[float]
    states: list[State]

    def at(self, at_s: float) -> State:
        position = bisect_right(self.times_s, at_s) - 1
        return self.states[position] if position >= 0 else UNKNOWN


def services(history: History) -> list[Service]:
    """Of every vantage, in order of name."""
    tracks = tracks_of(history)
    end_s = history.end_s()
    found = []
    for name in tracks.vantages:
        replies, answers = tracks.https[name].events, tracks.dns[name].events
        looks: Sequence[HttpReply | DnsAnswer] = replies or answers
        times_s, states = _changes(looks, end_s)
        found.append(Service(vantage=name, by_dns_alone=bool(answers and not replies), times_s=times_s, states=states))
    return found


def _changes(looks: Sequence[HttpReply | DnsAnswer], end_s: float) -> tuple[list[float], list[State]]:
    patience_s = PATIENCE_INTERVALS * _usual_s(looks)
    times_s: list[float] = []
    states: list[State] = []
    known: dict[tuple[RegionName | None, Outcome], State] = {}
    good_until_s, before = float("-inf"), None
    for look in looks:
        if before and look.start_s > good_until_s:
            times_s.append(good_until_s)
            states.append(UNKNOWN)
            before = None
        seen = (look.region, look.outcome)
        if seen != before:
            times_s.append(look.start_s)
            states.append(known.setdefault(seen, State(region=seen[0], failing=seen[1] is not Outcome.OK)))
        good_until_s, before = look.end_s + patience_s, seen
    if good_until_s < end_s and before:
        times_s.append(good_until_s)
        states.append(UNKNOWN)
    return times_s, states


def _usual_s(looks: Sequence[HttpReply | DnsAnswer]) -> float:
    apart_s = [after.start_s - before.start_s for before, after in pairwise(islice(looks, LOOKS_FOR_USUAL))]
    return quantile(apart_s, 0.5) if apart_s else LONE_LOOK_S / PATIENCE_INTERVALS
