"""The lab's stand-in for AWS's latency and location databases: from which place does a network ask?

A network inside a region's published EC2 prefix asks from that region, one of a city of the data set from that city.
Every other /16 (IPv4) or /32 (IPv6) is given one of the regions by a seeded hash, so that a sweep over the address
space shows a plausible, repeatable map.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from ipaddress import IPv4Network, ip_network

import msgspec

from harness.cities import cities
from harness.errors import UnknownRegion
from harness.models.routing import Client, Place
from harness.stack import RegionName

MIXED = 255
"""In `by_16`: this /16 holds exceptions, so ask `region_index` instead. AWS's EC2 prefixes are all /16 or wider."""


class _RegionData(msgspec.Struct, frozen=True):
    ec2_prefix: str


class _RegionsFile(msgspec.Struct, frozen=True):
    regions: dict[RegionName, _RegionData]


class _RoundTripsFile(msgspec.Struct, frozen=True):
    p50_rtt: dict[RegionName, dict[RegionName, float]]


class LatencyDatabase:
    """Knows for each network the client it stands for. Immutable: `moved` makes another one.

    Clients are numbered by `clients`, one for each region and city, so that an answer can be kept for each of them.
    """

    def __init__(
        self,
        rtt_ms: Mapping[RegionName, Mapping[RegionName, float]],
        prefixes: Sequence[tuple[IPv4Network, str]],
        *,
        seed: int = 0,
        exceptions: Mapping[IPv4Network, str] | None = None,
        elsewhere: Mapping[str, Client] | None = None,
    ) -> None:
        """`prefixes` are /16 or wider. `elsewhere`: clients in no region, by the names that networks may have."""
        self._rtt_ms = rtt_ms
        self._prefixes = prefixes
        self._seed = seed
        self._exceptions = dict(exceptions or {})
        self._elsewhere = dict(elsewhere or {})
        self.regions = tuple(rtt_ms)
        self._names = (*self.regions, *self._elsewhere)
        self._index = {name: index for index, name in enumerate(self._names)}
        in_regions = (Client(rtt_ms=rtt_ms[region], place=place_of_region(region)) for region in self.regions)
        self.clients = (*in_regions, *self._elsewhere.values())

    @classmethod
    def load(cls, *, seed: int = 0) -> LatencyDatabase:
        """From the round trips and prefixes that ship with the harness."""
        data = files("harness") / "data"
        round_trips = msgspec.json.decode((data / "aws_region_rtt_ms.json").read_bytes(), type=_RoundTripsFile).p50_rtt
        regions = msgspec.json.decode((data / "aws_regions.json").read_bytes(), type=_RegionsFile).regions
        prefixes = [(IPv4Network(region.ec2_prefix), name) for name, region in regions.items() if name in round_trips]
        wide = [(city.network, city.slug) for city in cities() if city.network.prefixlen <= 16]
        return cls(
            round_trips,
            prefixes + wide,
            seed=seed,
            exceptions={city.network: city.slug for city in cities() if city.network.prefixlen > 16},
            elsewhere={city.slug: Client(rtt_ms=city.rtt_ms, place=_place(city.place)) for city in cities()},
        )

    def moved(self, subnet: str, region: RegionName) -> LatencyDatabase:
        """The same database, except that `subnet` (IPv4) asks from `region`: a planted routing fault.

        Raises:
            UnknownRegion: no round trips are known for `region`.
        """
        if region not in self._rtt_ms:
            raise UnknownRegion(f"region {region!r} has no measured round trips; known are {', '.join(self.regions)}")
        exceptions = {**self._exceptions, IPv4Network(subnet): region}
        return LatencyDatabase(
            self._rtt_ms, self._prefixes, seed=self._seed, exceptions=exceptions, elsewhere=self._elsewhere
        )

    def region_index(self, address: bytes) -> int:
        """Which of `clients` the network with this address, 4 or 16 octets, is."""
        if len(address) > 4:
            return self._hashed(address[:4], family=6)
        index = self.by_16[int.from_bytes(address[:2])]
        return self._exception(address) if index == MIXED else index

    def region_of(self, subnet: str) -> str:
        """The region, or the city's name, that this address or subnet asks from."""
        return self._names[self._index_of(subnet)]

    def client_of(self, subnet: str) -> Client:
        """Whom this address or subnet stands for."""
        return self.clients[self._index_of(subnet)]

    def _index_of(self, subnet: str) -> int:
        return self.region_index(ip_network(subnet, strict=False).network_address.packed)

    @cached_property
    def by_16(self) -> bytes:
        """The client of each IPv4 /16 by its first two bytes, or MIXED; so a look-up is one index into 64 KiB."""
        table = self._without_exceptions()
        for network in self._exceptions:
            for index in _covered_16s(network):
                table[index] = MIXED
        return bytes(table)

    @cached_property
    def _plain(self) -> bytes:
        return bytes(self._without_exceptions())

    def _without_exceptions(self) -> bytearray:
        table = bytearray(self._hashed(index.to_bytes(2), family=4) for index in range(1 << 16))
        for network, region in sorted(self._prefixes, key=lambda pair: pair[0].prefixlen):
            for index in _covered_16s(network):
                table[index] = self._index[region]
        return table

    def _exception(self, address: bytes) -> int:
        """The longest exception that covers `address`, else what its /16 is without exceptions."""
        number = int.from_bytes(address)
        covering = [net for net in self._exceptions if number >> (32 - net.prefixlen) == _top_bits(net)]
        if not covering:
            return self._plain[number >> 16]
        return self._index[self._exceptions[max(covering, key=lambda net: net.prefixlen)]]

    def _hashed(self, network: bytes, *, family: int) -> int:
        salt = self._seed.to_bytes(8, signed=True)
        digest = hashlib.blake2b(network, digest_size=4, salt=salt, person=b"v%d" % family).digest()
        return int.from_bytes(digest) % len(self.regions)


def _top_bits(network: IPv4Network) -> int:
    return int(network.network_address) >> (32 - network.prefixlen)


def _covered_16s(network: IPv4Network) -> range:
    """First two bytes of the /16s that `network` covers or lies in."""
    return range(int(network.network_address) >> 16, (int(network.broadcast_address) >> 16) + 1)


def place_of_region(region: RegionName) -> Place:
    """Continent and country (and state in the US) of a region's data centres; unknown regions are nowhere."""
    return _place(_PLACES.get(region, ""))


def _place(code: str) -> Place:
    continent, _, rest = code.partition("-")
    country, _, subdivision = rest.partition("-")
    return Place(continent=continent or None, country=country or None, subdivision=subdivision or None)


_PLACES = {
    "af-south-1": "AF-ZA",
    "ap-east-1": "AS-HK",
    "ap-northeast-1": "AS-JP",
    "ap-northeast-2": "AS-KR",
    "ap-northeast-3": "AS-JP",
    "ap-south-1": "AS-IN",
    "ap-south-2": "AS-IN",
    "ap-southeast-1": "AS-SG",
    "ap-southeast-2": "OC-AU",
    "ap-southeast-3": "AS-ID",
    "ap-southeast-4": "OC-AU",
    "ap-southeast-5": "AS-MY",
    "ap-southeast-7": "AS-TH",
    "ca-central-1": "NA-CA",
    "ca-west-1": "NA-CA",
    "eu-central-1": "EU-DE",
    "eu-central-2": "EU-CH",
    "eu-north-1": "EU-SE",
    "eu-south-1": "EU-IT",
    "eu-south-2": "EU-ES",
    "eu-west-1": "EU-IE",
    "eu-west-2": "EU-GB",
    "eu-west-3": "EU-FR",
    "il-central-1": "AS-IL",
    "me-central-1": "AS-AE",
    "me-south-1": "AS-BH",
    "mx-central-1": "NA-MX",
    "sa-east-1": "SA-BR",
    "us-east-1": "NA-US-VA",
    "us-east-2": "NA-US-OH",
    "us-west-1": "NA-US-CA",
    "us-west-2": "NA-US-OR",
}
"""Route 53's GeoLocation codes."""
