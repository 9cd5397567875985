"""Which region an address belongs to, by AWS's published ranges: https://ip-ranges.amazonaws.com/ip-ranges.json."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec

from harness.errors import InvalidTargetFile
from harness.stack import RegionName

GLOBAL = "GLOBAL"
"""CloudFront, Route 53 and the like: everywhere, so no answer to where."""


class _Prefix(msgspec.Struct, frozen=True):
    ip_prefix: str
    region: str


class _RangesFile(msgspec.Struct, frozen=True):
    prefixes: tuple[_Prefix, ...]


class AddressRanges:
    """IPv4 networks and their regions; the longest network that holds an address decides."""

    def __init__(self, networks: Mapping[IPv4Network, RegionName]) -> None:
        self._regions: dict[int, dict[int, RegionName]] = {}
        for network, region in networks.items():
            shift = 32 - network.prefixlen
            self._regions.setdefault(shift, {})[int(network.network_address) >> shift] = region
        self._shifts = sorted(self._regions)

    def region_of(self, address: str) -> RegionName | None:
        """None for an address in no known range, or one of no region."""
        try:
            number = int(IPv4Address(address))
        except ValueError:
            return None
        for shift in self._shifts:
            region = self._regions[shift].get(number >> shift)
            if region is not None:
                return None if region == GLOBAL else region
        return None


def load_ranges(path: Path) -> AddressRanges:
    """Raises InvalidTargetFile when the file cannot be read, or is not in the format of ip-ranges.json."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_RangesFile)
        return AddressRanges({IPv4Network(prefix.ip_prefix): prefix.region for prefix in file.prefixes})
    except OSError as error:
        raise InvalidTargetFile(
            f"ranges file {path}: {error.strerror or error}; save https://ip-ranges.amazonaws.com/ip-ranges.json "
            "there, or take `ip_ranges_file` out of the target"
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidTargetFile(f"ranges file {path} is not in the format of ip-ranges.json: {error}") from error
