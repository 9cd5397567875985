"""Where the stack is looked at from: the 32 AWS regions, each with a client subnet and measured round trips."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Iterable, Sequence
from importlib import resources

import msgspec

from harness.errors import UsageError
from harness.events import VantageName, VantageSummary
from harness.resolving import Resolver
from harness.stack import RegionName


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """WGS84 degrees."""

    latitude: float
    longitude: float


class Vantage(msgspec.Struct, frozen=True, kw_only=True):
    """A place whose users we stand in for: its name servers' questions carry `client_subnet` (RFC 7871)."""

    name: VantageName
    place: Place
    city: str
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


class _Region(msgspec.Struct, frozen=True):
    city: str
    latitude: float
    longitude: float
    client_subnet: str


class _Regions(msgspec.Struct, frozen=True):
    regions: dict[RegionName, _Region]


class _RoundTrips(msgspec.Struct, frozen=True):
    p50_rtt: dict[RegionName, dict[RegionName, float]]


@functools.cache
def catalogue() -> tuple[Vantage, ...]:
    """The AWS regions as vantages, by name: "aws:eu-west-1"."""
    data = resources.files("harness") / "data"
    regions = msgspec.json.decode((data / "aws_regions.json").read_bytes(), type=_Regions).regions
    rtt_ms = msgspec.json.decode((data / "aws_region_rtt_ms.json").read_bytes(), type=_RoundTrips).p50_rtt
    return tuple(
        Vantage(
            name=f"aws:{name}",
            place=Place(latitude=region.latitude, longitude=region.longitude),
            city=region.city,
            client_subnet=region.client_subnet,
            rtt_ms=rtt_ms.get(name, {}),
        )
        for name, region in sorted(regions.items())
    )


def choose(patterns: Sequence[str] = ("*",), limit: int | None = None) -> tuple[Vantage, ...]:
    """The catalogue's vantages that match any pattern, at most `limit`, spread evenly over those that match.

    A pattern is a name with or without its "aws:", or a glob: "eu-west-1", "aws:eu-*", "*".

    Raises:
        UsageError: a pattern matches no vantage, or `limit` is below 1.
    """
    for pattern in patterns:
        if not any(_matches(vantage, pattern) for vantage in catalogue()):
            names = ", ".join(vantage.name for vantage in catalogue())
            raise UsageError(f"vantage {pattern!r} matches none of the catalogue; there are: {names}")
    matching = [vantage for vantage in catalogue() if any(_matches(vantage, pattern) for pattern in patterns)]
    if limit is None or limit >= len(matching):
        return tuple(matching)
    if limit < 1:
        raise UsageError(f"vantage limit {limit}: at least 1 is needed to see anything")
    # Names sort by continent, so taking every n-th keeps all continents; the first `limit` would all be in Asia.
    return tuple(matching[index * len(matching) // limit] for index in range(limit))


def _matches(vantage: Vantage, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in (vantage.name, vantage.name.removeprefix("aws:")))


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
