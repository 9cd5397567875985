"""Where a client subnet is, as far as that is known: the vantage of the catalogue whose network it lies in.

Known are the vantages' own client subnets, and for an AWS region the EC2 prefix that its subnet was taken from.
Of any other network nothing is known here: no geolocation data ships with the harness.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from importlib import resources

import msgspec

from harness.events import VantageName
from harness.stack import RegionName
from harness.sweep.subnets import Subnet
from harness.vantages import Vantage

LATENCY_CLASSES_MS = {"near": 50.0, "fair": 100.0, "far": 200.0}
"""Upper bounds of the catalogue's round trip from the subnet's vantage to the region that serves it."""
BEYOND_CLASSES = "remote"


class Places:
    """Knows the vantage of a subnet, and its round trips. Immutable."""

    def __init__(self, vantages: Iterable[Vantage]) -> None:
        self.vantages = {vantage.name: vantage for vantage in vantages}
        self._by_length: dict[int, dict[int, dict[int, VantageName]]] = {4: defaultdict(dict), 6: defaultdict(dict)}
        """version -> prefix length -> leading bits -> vantage."""
        for region, prefix in _ec2_prefixes().items():
            if (name := f"aws:{region}") in self.vantages:
                self._add(prefix, name)
        for vantage in self.vantages.values():
            if vantage.client_subnet:
                self._add(vantage.client_subnet, vantage.name)
        for lengths in self._by_length.values():
            for length in sorted(lengths, reverse=True):
                lengths[length] = lengths.pop(length)  # the longest first

    def _add(self, prefix: str, name: VantageName) -> None:
        network = ipaddress.ip_network(prefix)
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        self._by_length[network.version][network.prefixlen][bits] = name

    def vantage_of(self, subnet: Subnet) -> VantageName | None:
        """That which the user's file names, else the one in whose network the whole subnet lies."""
        if subnet.vantage:
            return subnet.vantage
        address, width = int.from_bytes(subnet.octets), 8 * len(subnet.octets)
        for length, names in self._by_length[subnet.version].items():
            if length <= subnet.prefix_length and (name := names.get(address >> (width - length))):
                return name
        return None

    def rtt_ms(self, vantage: VantageName | None, region: RegionName | None) -> float | None:
        """The catalogue's measured round trip; None where it has none."""
        known = self.vantages.get(vantage or "")
        return known.rtt_ms.get(region or "") if known else None


def latency_class(rtt_ms: float | None) -> str | None:
    """near, fair, far or remote; None when the round trip is not known."""
    if rtt_ms is None:
        return None
    return next((name for name, most_ms in LATENCY_CLASSES_MS.items() if rtt_ms <= most_ms), BEYOND_CLASSES)


class _Region(msgspec.Struct, frozen=True):
    ec2_prefix: str


class _Regions(msgspec.Struct, frozen=True):
    regions: dict[RegionName, _Region]


def _ec2_prefixes() -> dict[RegionName, str]:
    data = (resources.files("harness") / "data" / "aws_regions.json").read_bytes()
    return {name: region.ec2_prefix for name, region in msgspec.json.decode(data, type=_Regions).regions.items()}
