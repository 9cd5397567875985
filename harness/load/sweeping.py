"""The routing map of the service, made by a load test's workers together: each asks about its part of the subnets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from harness import __version__
from harness.clock import Clock
from harness.nameservers import Nameserver
from harness.sweep.asking import Part, merge, sweep
from harness.sweep.places import Places
from harness.sweep.subnets import Subnet, partition, public_subnets
from harness.sweep.table import About, Summary, write_map
from harness.target import Target
from harness.vantages import catalogue

MAP_FILE = "routing-map.parquet"


class SweepOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Master to worker: which subnets, told by how to find them, and whom to ask."""

    run: str
    subnets: int
    seed: int
    part: int
    parts: int
    nameserver: Nameserver


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """Worker to master."""

    worker: str
    run: str
    part: bytes
    """A `Part` in msgpack: 100,000 subnets are some 3 MB."""


def chosen(order: SweepOrder) -> Sequence[Subnet]:
    """The same on every machine: the seed decides."""
    always = [vantage.client_subnet for vantage in catalogue() if vantage.client_subnet]
    return partition(public_subnets(order.subnets, seed=order.seed, always=always), order.parts)[order.part]


def sweep_part(order: SweepOrder, target: Target, clock: Clock, stopped: Callable[[], bool]) -> bytes:
    part = sweep(chosen(order), target.stack.domain_name, order.nameserver, clock=clock, stopped=stopped)
    return msgspec.msgpack.encode(part)


def write_merged(folder: Path, target: Target, order: SweepOrder, parts: Sequence[bytes], started_at: str) -> Summary:
    """Parts of workers that were lost are missing: their subnets count as not asked, and the map is UNKNOWN."""
    whole = merge((msgspec.msgpack.decode(part, type=Part) for part in parts), asked_for=order.subnets)
    about = About(
        target=target.name,
        stack=target.stack.name,
        domain_name=target.stack.domain_name,
        nameserver=f"{order.nameserver[0]} port {order.nameserver[1]}",
        regions=target.stack.region_names,
        started_at=started_at,
        clock_rate=target.endpoints.clock_rate,
        subnets=f"{order.subnets:,} of public IPv4, seed {order.seed}, by {order.parts} workers",
        asked_for=order.subnets,
        counts=whole.counts,
        wall_s=whole.wall_s,
        ended=whole.ended,
        harness_version=__version__,
    )
    region_of = target.region_of_addresses
    return write_map(folder / MAP_FILE, whole, about, region_of=region_of, places=Places(catalogue()))
