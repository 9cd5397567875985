"""Which vantages are neighbours, and where they disagreed about the region: facts for `split_brain`."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Sequence

import msgspec

from harness.checkers.routing import nearest
from harness.checkers.seen import Seen
from harness.events import VantageName, VantageSummary
from harness.stack import RegionName

EARTH_KM = 6371.0

Pair = tuple[VantageName, VantageName]


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which two vantages were in different regions."""

    vantages: Pair
    regions: tuple[RegionName, RegionName]
    """Of each, when it began."""
    after_s: float
    by_s: float
    """It began after `after_s`, a look that still agreed, and was seen by `by_s`."""
    last_seen_s: float
    until_s: float
    """Last seen at `last_seen_s`, over by `until_s`; the same when it was not looked at any more."""
    evidence: tuple[int, ...]

    @property
    def at_least_s(self) -> float:
        return max(0.0, self.last_seen_s - self.by_s)

    @property
    def at_most_s(self) -> float:
        return self.until_s - self.after_s


def neighbours(vantages: Iterable[VantageSummary], *, near_km: float, margin_share: float) -> list[Pair]:
    """Pairs at most `near_km` apart that have the same regions in the same order, each clearly before the next."""
    clear = [vantage for vantage in vantages if _is_clear(vantage, margin_share)]
    return [
        (one.name, other.name)
        for one, other in itertools.combinations(sorted(clear, key=lambda vantage: vantage.name), 2)
        if one.expected_order == other.expected_order and distance_km(one, other) <= near_km
    ]


def distance_km(one: VantageSummary, other: VantageSummary) -> float:
    """Along the great circle (haversine)."""
    lat_1, lat_2 = math.radians(one.latitude), math.radians(other.latitude)
    dlat, dlon = lat_2 - lat_1, math.radians(other.longitude - one.longitude)
    half = math.sin(dlat / 2) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(dlon / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def disagreements(pair: Pair, ones: Sequence[Seen], others: Sequence[Seen]) -> list[Disagreement]:
    """Every stretch in which the two were seen in different regions; looks are in order of start.

    Between two looks that say the same, it is taken to have been so.
    """
    found: list[Disagreement] = []
    latest: list[Seen | None] = [None, None]
    began: Disagreement | None = None
    for look, who in heapq.merge(((look, 0) for look in ones), ((look, 1) for look in others)):
        before, latest[who] = latest[who], look
        one, other = latest
        if one is None or other is None:
            continue
        if one.region != other.region and began is None:
            began = _begun(pair, (one, other), before or look, look)
        elif one.region == other.region and began is not None:
            found.append(_ended(began, last_seen_s=(before or look).start_s, until_s=look.end_s, index=look.event))
            began = None
    if began is not None:
        last_s = min(look.start_s for look in latest if look is not None)
        found.append(_ended(began, last_seen_s=last_s, until_s=max(last_s, began.after_s)))
    return found


def _begun(pair: Pair, looks: tuple[Seen, Seen], before: Seen, changed: Seen) -> Disagreement:
    one, other = looks
    return Disagreement(
        vantages=pair,
        regions=(one.region, other.region),
        after_s=before.start_s,
        by_s=changed.end_s,
        last_seen_s=changed.start_s,
        until_s=changed.end_s,
        evidence=(one.event, other.event),
    )


def _ended(began: Disagreement, *, last_seen_s: float, until_s: float, index: int | None = None) -> Disagreement:
    evidence = began.evidence if index is None else (*began.evidence, index)
    return msgspec.structs.replace(began, last_seen_s=last_seen_s, until_s=until_s, evidence=evidence)


def _is_clear(vantage: VantageSummary, margin_share: float) -> bool:
    """Whichever regions fall away, which of the others is nearest is no close call."""
    order = vantage.expected_order
    return len(order) > 0 and not any(nearest(vantage, margin_share, order[:gone]).close for gone in range(len(order)))
