"""Who went where and back again: flaps of vantages, and how often DNS took a region in and out. Facts only."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from harness.checkers.seen import Seen, answers_seen
from harness.checkers.timeline import FaultWindow
from harness.checkers.tracks import Tracks
from harness.events import ExperimentEvent, VantageName
from harness.stack import RegionName


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """From one region to another, between two looks that followed each other."""

    from_region: RegionName
    to_region: RegionName
    after_s: float
    by_s: float
    evidence: tuple[int, int]


class Flap(msgspec.Struct, frozen=True, kw_only=True):
    """A vantage came back to a region that it had left, and no fault explains that it left."""

    vantage: VantageName
    region: RegionName
    away: tuple[RegionName, ...]
    """Where it was in between."""
    left_s: float
    back_s: float
    evidence: tuple[int, ...]


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """DNS began, or ceased, to lead anybody to a region."""

    region: RegionName
    present: bool
    by_s: float
    index: int


def moves_of(looks: Sequence[Seen]) -> list[Move]:
    """In order of time; `looks` are one vantage's."""
    return [
        Move(
            from_region=before.region,
            to_region=after.region,
            after_s=before.start_s,
            by_s=after.end_s,
            evidence=(before.event, after.event),
        )
        for before, after in itertools.pairwise(looks)
        if before.region != after.region
    ]


def flaps_of(vantage: VantageName, looks: Sequence[Seen], windows: Iterable[FaultWindow] = ()) -> list[Flap]:
    """Returns to a region that was left, less those that a fault explains.

    A fault on a region explains one departure from it with its return, and every return to where its users had fled
    once it breaks: ireland, virginia, (mended) ireland, (broken again) virginia.
    """
    moves, faults = moves_of(looks), list(windows)
    departures = [(window.injecting_s, region) for window in faults for region in window.regions]
    flaps: list[Flap] = []
    for number, move in enumerate(moves):
        left = next((n for n in range(number, -1, -1) if moves[n].from_region == move.to_region), None)
        if left is None:
            continue
        flap = _flap(vantage, moves[left : number + 1])
        explained = _departure(departures, flap)
        if explained is not None:
            departures.remove(explained)
        elif not _fled_again(flap, faults):
            flaps.append(flap)
    return flaps


def _flap(vantage: VantageName, way: Sequence[Move]) -> Flap:
    return Flap(
        vantage=vantage,
        region=way[-1].to_region,
        away=tuple(dict.fromkeys(move.to_region for move in way[:-1])),
        left_s=way[0].by_s,
        back_s=way[-1].by_s,
        evidence=(*way[0].evidence, *way[-1].evidence),
    )


def _departure(departures: Sequence[tuple[float, RegionName]], flap: Flap) -> tuple[float, RegionName] | None:
    """The first fault on the region, not used yet, that began before the vantage left it."""
    mine = [fault for fault in departures if fault[1] == flap.region and fault[0] <= flap.left_s]
    return min(mine, default=None)


def _fled_again(flap: Flap, windows: Iterable[FaultWindow]) -> bool:
    """A region where it was meanwhile broke meanwhile."""
    return any(
        region in flap.away and flap.left_s <= window.injecting_s <= flap.back_s
        for window in windows
        for region in window.regions
    )


def dns_flaps(
    tracks: Tracks, vantage: VantageName, experiment: ExperimentEvent, windows: Sequence[FaultWindow]
) -> list[Flap]:
    """Flaps of the name servers' answers, each server for itself: one that learns late does not flap."""
    of_server: defaultdict[str, list[Seen]] = defaultdict(list)
    for look in answers_seen(tracks, vantage, experiment):
        of_server[look.nameserver].append(look)
    return [flap for looks in of_server.values() for flap in flaps_of(vantage, looks, windows)]


def dns_presence(tracks: Tracks, region: RegionName, experiment: ExperimentEvent) -> list[Presence]:
    """When DNS took the region in and out: it is in while any name server leads any vantage there.

    The first tells how it was at first. So the last to leave takes it out and the first to come back takes it in.
    """
    looks = sorted((look, name) for name in tracks.vantages for look in answers_seen(tracks, name, experiment))
    there: set[tuple[VantageName, str]] = set()
    known: set[tuple[VantageName, str]] = set()
    changes: list[Presence] = []
    for look, vantage in looks:
        asked = (vantage, look.nameserver)
        (there.add if look.region == region else there.discard)(asked)
        present, is_first = bool(there), asked not in known
        known.add(asked)
        if changes and is_first and present and len(changes) == 1:
            # Until all have answered once, nothing has changed: it only was not seen yet.
            changes[0] = msgspec.structs.replace(changes[0], present=True)
        elif not changes or changes[-1].present is not present:
            changes.append(Presence(region=region, present=present, by_s=look.end_s, index=look.event))
    return changes
