"""One look from each of many vantages: what DNS says, what the vantage's resolver says, who serves its users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import msgspec

from harness.clock import Clock
from harness.events import DnsAnswer, HttpReply, Outcome
from harness.probes.dns import ask
from harness.probes.https import look
from harness.probes.resolvers import ask_resolver
from harness.probes.user import User
from harness.resolving import DnsWay
from harness.target import Target
from harness.vantages import Vantage

AT_ONCE = 16
"""Vantages looked from at the same time; one whose resolver is silent holds one place only."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one vantage saw."""

    vantage: str
    dns: DnsAnswer
    """The name server's own answer."""
    resolver: DnsAnswer | None = None
    """The resolver's, for a vantage whose users ask another."""
    https: HttpReply

    @property
    def good(self) -> bool:
        looks = (self.dns, self.resolver, self.https)
        return all(seen.outcome is Outcome.OK for seen in looks if seen is not None)

    @property
    def errors(self) -> list[str]:
        told = (("DNS", self.dns), ("resolver", self.resolver), ("HTTPS", self.https))
        return [f"{what}: {seen.error}" for what, seen in told if seen is not None and seen.error]


def look_once(target: Target, vantages: Sequence[Vantage], *, clock: Clock, path: str) -> Iterator[Seen]:
    """One `Seen` for every vantage, in the order in which they end."""
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="look") as pool:
        looks = [pool.submit(_look_from, target, vantage, clock, path) for vantage in vantages]
        for done in as_completed(looks):
            yield done.result()


def _look_from(target: Target, vantage: Vantage, clock: Clock, path: str) -> Seen:
    user = User(vantage)
    try:
        elsewhere = vantage.resolver.way is not DnsWay.AUTHORITATIVE
        return Seen(
            vantage=vantage.name,
            dns=ask(target, vantage, target.nameservers()[0], clock=clock),
            resolver=ask_resolver(target, vantage, clock=clock) if elsewhere else None,
            https=look(target, user, clock=clock, path=path),
        )
    finally:
        user.close()
