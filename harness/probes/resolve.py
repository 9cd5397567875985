"""From the stack's domain to addresses as a user gets them: through the caches of the resolver that the user asks."""

from __future__ import annotations

import math

import msgspec

from harness.clock import Clock
from harness.events import DnsAnswer
from harness.models.resolver import ResolverCache, Use
from harness.probes.resolvers import ask_resolver
from harness.resolving import BeyondTtl, DnsWay, SubnetFate
from harness.target import Target
from harness.vantages import Vantage

STALE_ERRORS = {3: "Stale Answer", 19: "Stale NXDOMAIN Answer"}
"""Extended DNS errors (RFC 8914) by which a resolver owns up to serving stale."""

_ANSWERED = frozenset({"NOERROR", "NXDOMAIN"})
"""Whatever else came back, or nothing, is a failed refresh (RFC 8767, 5)."""


class Unresolved(Exception):
    """The message is what the resolver said or did not say."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    addresses: tuple[str, ...]
    subnet: SubnetFate | None = None
    extended_error: int | None = None

    @property
    def stale_because(self) -> str | None:
        """What the resolver itself says of its answer's age."""
        text = STALE_ERRORS.get(self.extended_error or 0)
        return f"the resolver says so: extended DNS error {self.extended_error} ({text})" if text else None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The answer in use, and the question that was asked for it just now, if one was."""

    use: Use[Resolved] | None
    asked: DnsAnswer | None = None

    @property
    def beyond_ttl(self) -> BeyondTtl | None:
        if self.use is None:
            return None
        return self.use.beyond_ttl or (BeyondTtl.STALE if self.use.answer.value.stale_because else None)

    @property
    def because(self) -> str | None:
        if self.use is None:
            return None
        return self.use.because or self.use.answer.value.stale_because

    @property
    def error(self) -> str | None:
        return None if self.use else (self.asked.error if self.asked else "no answer") or "no answer"


Cache = ResolverCache[Resolved]


def cache_of(vantage: Vantage, *, first_age: float = 0.0, seed: int = 0) -> Cache:
    """The caches of the vantage's resolver, empty; `first_age` as in `ResolverCache`.

    Where the resolver is not ours, they are its client's; the resolver itself says how old its answers are.
    """
    ours = vantage.resolver.way in {DnsWay.AUTHORITATIVE, DnsWay.TEST_DNS_ANSWER}
    return ResolverCache(vantage.resolver, first_age=first_age if ours else 0.0, seed=seed)


def resolve(target: Target, vantage: Vantage, cache: Cache, *, clock: Clock, until_s: float = math.inf) -> Resolution:
    """The answer that the cache has, else what the vantage's resolver is told when it asks."""
    name, number = target.stack.domain_name, cache.pick()
    kept = cache.use(name, clock.now_s(), cache=number)
    if kept is not None:
        return Resolution(use=kept)
    within_s = cache.may_wait_s(name, clock.now_s(), cache=number)
    asked = ask_resolver(target, vantage, clock=clock, within_s=within_s, until_s=until_s)
    if asked.addresses:
        value = Resolved(addresses=asked.addresses, subnet=asked.subnet, extended_error=asked.extended_error)
        ttl_s = _ttl_s(asked, target)
        return Resolution(use=cache.store(name, value, ttl_s=ttl_s, now_s=asked.end_s, cache=number), asked=asked)
    if asked.rcode in _ANSWERED:
        return Resolution(use=None, asked=asked)  # The name has no address, and that is a good answer too.
    stale = cache.failed(name, now_s=asked.end_s, because=asked.error or "no answer", cache=number)
    return Resolution(use=stale, asked=asked)


def _ttl_s(answer: DnsAnswer, target: Target) -> float:
    """The system's resolver has a cache of its own, of which it tells nothing: it is asked each time."""
    if answer.ttl_s is not None:
        return answer.ttl_s
    return target.stack.record_ttl_s if answer.way is DnsWay.TEST_DNS_ANSWER else 0.0
