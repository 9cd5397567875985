"""The vantages that ship with the harness: 32 AWS regions ("aws:eu-west-1") and 43 cities ("city:tokyo")."""

from __future__ import annotations

import functools
from importlib import resources

import msgspec

from harness.cities import RTT_FROM, cities
from harness.stack import RegionName
from harness.vantages.vantage import Place, Vantage

REGION_RTT_FROM = "cloudping.co, region to region, median of a year to May 2025"

_WIDER = {"us": "na", "ca": "na", "mx": "na", "oc": "ap"}
"""AWS counts Australia among "ap"."""
_LONG = {
    "af": "africa",
    "ap": "asia-pacific",
    "eu": "europe",
    "me": "middle-east",
    "na": "north-america",
    "oc": "oceania",
    "sa": "south-america",
}
_OCEANIA = frozenset({"ap-southeast-2", "ap-southeast-4", "ap-southeast-6"})


class _Region(msgspec.Struct, frozen=True):
    city: str
    latitude: float
    longitude: float
    client_subnet: str


class _Regions(msgspec.Struct, frozen=True):
    regions: dict[RegionName, _Region]


class _RoundTrips(msgspec.Struct, frozen=True):
    p50_rtt: dict[RegionName, dict[RegionName, float]]


def catalogue() -> tuple[Vantage, ...]:
    """Regions first, then cities."""
    return region_vantages() + city_vantages()


@functools.cache
def region_vantages() -> tuple[Vantage, ...]:
    """By name."""
    data = resources.files("harness") / "data"
    regions = msgspec.json.decode((data / "aws_regions.json").read_bytes(), type=_Regions).regions
    rtt_ms = msgspec.json.decode((data / "aws_region_rtt_ms.json").read_bytes(), type=_RoundTrips).p50_rtt
    return tuple(
        Vantage(
            name=f"aws:{name}",
            place=Place(latitude=region.latitude, longitude=region.longitude),
            city=region.city,
            areas=_areas(_area_of_region(name)),
            client_subnet=region.client_subnet,
            rtt_ms=rtt_ms.get(name, {}),
            rtt_from=REGION_RTT_FROM,
        )
        for name, region in sorted(regions.items())
    )


@functools.cache
def city_vantages() -> tuple[Vantage, ...]:
    """In the order of the data, which goes round the world."""
    return tuple(
        Vantage(
            name=f"city:{city.slug}",
            place=Place(latitude=city.latitude, longitude=city.longitude),
            city=city.name,
            areas=_areas(city.area),
            client_subnet=city.client_subnet,
            rtt_ms=city.rtt_ms,
            rtt_from=RTT_FROM,
        )
        for city in cities()
    )


def _area_of_region(region: RegionName) -> str:
    if region in _OCEANIA:
        return "oc"
    prefix = region.partition("-")[0]
    return "me" if prefix == "il" else prefix


def _areas(area: str) -> tuple[str, ...]:
    """An area, the wider one that it is in, and the long words for both."""
    wide = (area, _WIDER.get(area, ""))
    asia = ("asia",) if area == "ap" else ()
    return tuple(word for word in (*wide, *(_LONG.get(short, "") for short in wide), *asia) if word)
