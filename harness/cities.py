"""The 43 cities of the data set: where they are, a network of theirs, and measured round trips to AWS regions.

A region's round trips are those of the city that stands in for it: data/README.md says where all of this comes from.
"""

from __future__ import annotations

import csv
import functools
from importlib import resources
from ipaddress import IPv4Network

import msgspec

from harness.stack import RegionName

SAME_CITY_MS = 3.0
"""Round trip within a city; the data have 0 for it."""
RTT_FROM = "WonderProxy 2020, city to city: each region is stood in for by its city"

_OWN_REGION = {"Sydney": "ap-southeast-2"}
"""Of a city that stands in for a region, where the data have nothing for the two together."""
_ABOUT_IT = ("city", "latitude", "longitude")


class City(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    latitude: float
    longitude: float
    area: str
    """"us", "eu", "ap", ...: a word of the grammar by which vantages are chosen."""
    place: str
    """Route 53's geolocation codes: "NA-US-NY"."""
    network: IPv4Network
    """Its users' addresses."""
    rtt_ms: dict[RegionName, float]

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def client_subnet(self) -> str:
        return str(next(self.network.subnets(new_prefix=24)))


@functools.cache
def cities() -> tuple[City, ...]:
    """In the order of the data."""
    about = {row["city"]: row for row in _rows("cities.csv")}
    return tuple(_city(row, about[row["city"]]) for row in _rows("city_region_rtt_ms.csv"))


def _city(measured: dict[str, str], about: dict[str, str]) -> City:
    name = measured["city"]
    rtt_ms = {
        region: float(text) or SAME_CITY_MS
        for region, text in measured.items()
        if region not in _ABOUT_IT and text not in {"", "-"}
    }
    if name in _OWN_REGION:
        rtt_ms.setdefault(_OWN_REGION[name], SAME_CITY_MS)
    return City(
        name=name,
        latitude=float(measured["latitude"]),
        longitude=float(measured["longitude"]),
        area=about["area"],
        place=about["place"],
        network=IPv4Network(about["network"]),
        rtt_ms=rtt_ms,
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("harness") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
