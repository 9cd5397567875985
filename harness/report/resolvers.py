"""How a vantage's users ask, where that is not the plain way: straight to the name servers, every TTL honoured."""

from __future__ import annotations

from collections.abc import Iterator

from harness.events import VantageSummary
from harness.report.words import listed
from harness.resolving import AUTHORITATIVE, SYSTEM, TEST_DNS_ANSWER, Resolver, Transport

_WHOM = {SYSTEM: "asks this machine's resolver", TEST_DNS_ANSWER: "asks Route 53's TestDNSAnswer"}


def asks_by(vantage: VantageSummary) -> str:
    """ "keeps answers for at least 300 s and sends no client subnet"; "" for the plain way."""
    return listed([*_resolver(vantage.resolver), *_client(vantage)])


def _resolver(resolver: Resolver) -> Iterator[str]:
    if resolver.address != AUTHORITATIVE:
        yield _WHOM.get(resolver.address, f"asks {resolver.address}")
    if resolver.transport is Transport.TCP:
        yield "asks over TCP"
    if resolver.ttl_min_s > 0:
        yield f"keeps answers for at least {resolver.ttl_min_s:g} s"
    if resolver.ttl_max_s is not None:
        yield f"keeps answers for at most {resolver.ttl_max_s:g} s"
    if not resolver.sends_subnet:
        yield "sends no client subnet"
    if resolver.stale is not None:
        yield f"serves stale answers for up to {resolver.stale.keep_s:g} s"
    if resolver.caches > 1:
        yield f"has {resolver.caches} caches behind one address"


def _client(vantage: VantageSummary) -> Iterator[str]:
    if vantage.keeps_connection:
        until = "" if vantage.connection_max_age_s is None else f" for up to {vantage.connection_max_age_s:g} s"
        yield f"keeps its connection{until}"
