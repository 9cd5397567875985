"""Which client subnets a sweep asks about: spread over the public IPv4 space, or read from a file."""

from __future__ import annotations

import bisect
import functools
import ipaddress
import itertools
import math
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from harness.errors import UsageError
from harness.events import VantageName

_NOT_PUBLIC = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
)
"""IANA's special-purpose registry (RFC 6890), multicast, and the reserved rest above it: nobody asks from there."""
_SPACE = 1 << 24
"""/24 networks of IPv4."""
_GOLDEN = 0.6180339887498949


class Subnet(msgspec.Struct, frozen=True, order=True, gc=False):
    """A client subnet as it goes over the wire."""

    version: int
    octets: bytes
    """The address, as many octets as the prefix length needs."""
    prefix_length: int
    vantage: VantageName = ""
    """The catalogue's vantage whose users it stands for, where the user's file says so."""

    @property
    def text(self) -> str:
        if self.version == 4:
            return f"{socket.inet_ntoa(self.octets.ljust(4, bytes(1)))}/{self.prefix_length}"
        return f"{ipaddress.IPv6Address(self.octets.ljust(16, bytes(1)))}/{self.prefix_length}"


def public_subnets(count: int, *, seed: int, always: Iterable[str] = ()) -> list[Subnet]:
    """`count` different /24s: those of `always`, then one from each of as many equal stretches of the public space.

    They come in an order of which every beginning is spread evenly too: an interrupted sweep is a coarser map.

    Raises:
        UsageError: there are not as many.
    """
    first = list(dict.fromkeys(parse_subnet(text) for text in always))[: max(count, 0)]
    space = _PublicSpace(tuple(int.from_bytes(subnet.octets) for subnet in first if subnet.prefix_length == 24))
    wanted = count - len(first)
    if count < 1 or wanted > space.size:
        raise UsageError(f"{count} subnets: choose 1 to {space.size + len(first):,}, all the /24s of public IPv4")
    random = Random(seed)
    edges = [number * space.size // wanted for number in range(wanted + 1)] if wanted else []
    picks = [start + int(random.random() * (end - start)) for start, end in itertools.pairwise(edges)]
    return first + [Subnet(4, space.network(picks[at]).to_bytes(3), 24) for at in _spread(wanted)]


def read_subnets(path: Path, vantages: Iterable[VantageName]) -> list[Subnet]:
    """One subnet a line, or "subnet,vantage"; blank lines and what follows '#' are skipped, the same again is once.

    Raises:
        UsageError: the file cannot be read, has none, or a line is not one; names the line and the rule.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"subnets file {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    known = frozenset(vantages)
    found: dict[tuple[int, bytes, int], Subnet] = {}
    for number, line in enumerate(lines, 1):
        text, _, vantage = (part.strip() for part in line.partition("#")[0].partition(","))
        if not text and not vantage:
            continue
        try:
            subnet = parse_subnet(text, _known(vantage, known))
        except UsageError as error:
            raise UsageError(f"subnets file {path}, line {number}: {error}") from error
        found.setdefault((subnet.version, subnet.octets, subnet.prefix_length), subnet)
    if not found:
        raise UsageError(f"subnets file {path} has no subnet: one a line, such as 203.0.113.0/24")
    return list(found.values())


def parse_subnet(text: str, vantage: VantageName = "") -> Subnet:
    """ "3.248.0.0/24" or "2001:db8::/48". Raises UsageError, which says what is wrong with it."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a subnet ({error}); write it as 3.248.0.0/24") from error
    if not network.prefixlen >= 1:
        raise UsageError(f"{text!r} is everybody: a client subnet has a prefix length of 1 or more")
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return Subnet(network.version, octets, network.prefixlen, vantage)


def partition(subnets: Sequence[Subnet], parts: int) -> list[Sequence[Subnet]]:
    """For workers that share a sweep: every subnet in one part, the parts of one size and each spread as the whole."""
    return [subnets[number::parts] for number in range(parts)]


def _known(vantage: VantageName, known: frozenset[VantageName]) -> VantageName:
    if vantage and vantage not in known:
        raise UsageError(f"vantage {vantage!r} is not in the catalogue; `harness vantages list` shows it")
    return vantage


class _PublicSpace:
    """The public /24s, numbered without gaps."""

    def __init__(self, without: tuple[int, ...]) -> None:
        taken = sorted([*_reserved(), *((number, number + 1) for number in without if is_public(number))])
        self._starts: list[int] = []
        self._before: list[int] = []
        self.size = end_of_last = 0
        for start, end in [*taken, (_SPACE, _SPACE)]:
            if start > end_of_last:
                self._starts.append(end_of_last)
                self._before.append(self.size)
                self.size += start - end_of_last
            end_of_last = max(end_of_last, end)

    def network(self, number: int) -> int:
        """The first three octets of the public /24 with this number."""
        at = bisect.bisect_right(self._before, number) - 1
        return self._starts[at] + number - self._before[at]


@functools.cache
def _reserved() -> tuple[tuple[int, int], ...]:
    """[start, end) in /24s."""
    return tuple((int(net.network_address) >> 8, (int(net.broadcast_address) >> 8) + 1) for net in _NOT_PUBLIC)


def is_public(network: int) -> bool:
    """Whether the /24 with these first three octets may be somebody's on the Internet."""
    return not any(start <= network < end for start, end in _reserved())


def _spread(count: int) -> Iterator[int]:
    """0 to count - 1, each once, by steps of about 0.618 of them: neighbours in time are far apart in space."""
    step = max(1, round(count * _GOLDEN))
    while math.gcd(step, count) > 1:
        step += 1
    return (number * step % count for number in range(count))
