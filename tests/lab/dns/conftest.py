"""A zone with every kind of record, views of it, and a server that answers from it on a free port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from harness.clock import VirtualClock
from harness.lab.dns import HostedZone, LabDns, LatencyDatabase, ZoneSet
from harness.lab.dns.answers import View
from harness.lab.dns.zones import ZoneIndexes
from harness.lab.ports import Truth
from harness.models.routing import AliasTarget, Place, Record

ADDRESSES = {"us-east-1": "127.10.0.1", "eu-west-1": "127.20.0.1", "ap-southeast-2": "127.30.0.1"}


@pytest.fixture(scope="session")
def latency() -> LatencyDatabase:
    return LatencyDatabase.load()


@pytest.fixture(scope="session")
def locate() -> Callable[[str], tuple[str, ...] | None]:
    hosts = {f"d-lab.execute-api.{region}.amazonaws.com": (address,) for region, address in ADDRESSES.items()}
    return hosts.get


@pytest.fixture(scope="session")
def zone() -> HostedZone:
    return HostedZone(id="Z1", name="example.com.", records=_records())


@pytest.fixture(scope="session")
def make_view(zone, locate) -> Callable[..., View]:
    """(unhealthy check ids, other records instead of the zone's) -> View."""

    def make(*unhealthy: str, records: tuple[Record, ...] | None = None) -> View:
        zones = (zone,) if records is None else (HostedZone(id="Z1", name="example.com.", records=records),)
        return View(ZoneIndexes(ZoneSet(zones=zones)), frozenset(unhealthy), locate, alias_ttl_s=60, random=Random(0))

    return make


class Lab:
    """A running server with the switches a test wants: `unhealthy` health checks and the `truths` it told."""

    def __init__(self, dns: LabDns, clock: VirtualClock, unhealthy: set[str], truths: list[Truth]) -> None:
        self.dns = dns
        self.clock = clock
        self.unhealthy = unhealthy
        self.truths = truths


@pytest.fixture
def lab(zone, locate, latency) -> Iterator[Lab]:
    with running(zone, locate, latency) as lab:
        yield lab


@pytest.fixture(scope="session")
def standing_lab(zone, locate, latency) -> Iterator[Lab]:
    """For tests that only ask: one server for all of them."""
    with running(zone, locate, latency) as lab:
        yield lab


@contextmanager
def running(
    zone: HostedZone, locate: Callable[[str], tuple[str, ...] | None], latency: LatencyDatabase
) -> Iterator[Lab]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    unhealthy: set[str] = set()
    truths: list[Truth] = []
    clock = VirtualClock()
    dns = LabDns(
        loop,
        is_healthy=lambda check: check not in unhealthy,
        locate=locate,
        latency=latency,
        clock=clock,
        truth=truths.append,
    )
    dns.replace_zones(ZoneSet(zones=(zone,)))
    asyncio.run_coroutine_threadsafe(dns.start(), loop).result(5)
    yield Lab(dns, clock, unhealthy, truths)
    asyncio.run_coroutine_threadsafe(dns.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def _records() -> tuple[Record, ...]:
    return (
        *(_regional(region) for region in ADDRESSES),
        Record(name="www.example.com.", type="CNAME", ttl_s=300, values=("api.example.com",)),
        Record(name="out.example.com.", type="CNAME", ttl_s=300, values=("elsewhere.example.net.",)),
        Record(name="dangling.example.com.", type="CNAME", ttl_s=300, values=("void.example.com.",)),
        Record(name="loop1.example.com.", type="CNAME", ttl_s=300, values=("loop2.example.com.",)),
        Record(name="loop2.example.com.", type="CNAME", ttl_s=300, values=("loop1.example.com.",)),
        Record(name="plain.example.com.", type="A", ttl_s=120, values=("192.0.2.1", "192.0.2.2")),
        Record(name="alias.example.com.", type="A", alias=_alias("plain.example.com.")),
        Record(name="lost.example.com.", type="A", alias=_alias("d-gone.execute-api.eu-west-1.amazonaws.com")),
        Record(name="*.wild.example.com.", type="TXT", ttl_s=30, values=('"any of them"',)),
        Record(name="here.wild.example.com.", type="A", ttl_s=30, values=("192.0.2.3",)),
        Record(name="deep.below.nothing.example.com.", type="A", ttl_s=30, values=("192.0.2.4",)),
        Record(name="big.example.com.", type="TXT", ttl_s=30, values=tuple(f'"{n:0200d}"' for n in range(20))),
        Record(name="sub.example.com.", type="NS", ttl_s=900, values=("ns.sub.example.com.", "ns.example.net.")),
        Record(name="ns.sub.example.com.", type="A", ttl_s=900, values=("192.0.2.53",)),
        *(_weighted(number) for number in range(1, 4)),
        _located("eu", Place(continent="EU"), "192.0.2.20"),
        _located("us", Place(country="US"), "192.0.2.21"),
    )


def _regional(region: str) -> Record:
    alias = _alias(f"d-lab.execute-api.{region}.amazonaws.com.")
    return Record(
        name="api.example.com.", type="A", set_identifier=region, region=region, health_check_id=region, alias=alias
    )


def _alias(target: str) -> AliasTarget:
    return AliasTarget(hosted_zone_id="Z0", dns_name=target)


def _weighted(number: int) -> Record:
    values = (f"192.0.2.1{number}",)
    return Record(name="dice.example.com.", type="A", ttl_s=30, set_identifier=str(number), weight=10, values=values)


def _located(name: str, place: Place, address: str) -> Record:
    return Record(name="geo.example.com.", type="A", ttl_s=30, set_identifier=name, place=place, values=(address,))
