"""A vantage: a place whose users we stand in for, how they resolve names, and what is known of their distances."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.events import VantageName, VantageSummary
from harness.resolving import Resolver
from harness.stack import RegionName


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """WGS84 degrees."""

    latitude: float
    longitude: float


class Vantage(msgspec.Struct, frozen=True, kw_only=True):
    """A place whose users we stand in for: their resolver's questions carry `client_subnet` (RFC 7871)."""

    name: VantageName
    place: Place
    city: str
    areas: tuple[str, ...] = ()
    """Words by which it can be chosen: "eu", "asia"."""
    client_subnet: str | None = None
    """"35.72.0.0/24"; None: asked without one, so the name server goes by our own address."""
    rtt_ms: dict[RegionName, float] = {}
    """Round trip to each region, from the catalogue's measurements."""
    rtt_from: str = ""
    """Where those come from, and what they stand for."""
    resolver: Resolver = Resolver()
    keeps_connection: bool = False
    """Its client keeps one connection and asks over that: pinned to the region to which it was opened."""
    connection_max_age_s: float | None = None
    """The client closes a connection of that age, as pools do; None: kept while the server keeps it."""


def expected_order(vantage: Vantage, regions: Iterable[RegionName]) -> tuple[RegionName, ...]:
    """`regions` nearest first by measured round trip; empty when one of them was never measured from here."""
    wanted = tuple(regions)
    if not all(region in vantage.rtt_ms for region in wanted):
        return ()
    return tuple(sorted(wanted, key=lambda region: (vantage.rtt_ms[region], region)))


def summary(vantage: Vantage, stack_regions: Iterable[RegionName]) -> VantageSummary:
    """What a history keeps of a vantage, about the stack's regions only."""
    wanted = tuple(stack_regions)
    return VantageSummary(
        name=vantage.name,
        latitude=vantage.place.latitude,
        longitude=vantage.place.longitude,
        client_subnet=vantage.client_subnet,
        expected_order=expected_order(vantage, wanted),
        rtt_ms={region: vantage.rtt_ms[region] for region in wanted if region in vantage.rtt_ms},
        rtt_from=vantage.rtt_from,
        city=vantage.city,
        resolver=vantage.resolver,
        keeps_connection=vantage.keeps_connection,
        connection_max_age_s=vantage.connection_max_age_s,
    )
