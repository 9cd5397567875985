"""How a name is resolved for a user, as plain data: which resolver is asked, how it behaves, what it did.

`models/resolver.py` behaves so in virtual time, `probes/` ask so, the lab's resolvers serve so, and a history keeps it.
"""

from __future__ import annotations

import enum
import math

import msgspec


class DnsWay(enum.Enum):
    """Whose answer it is."""

    AUTHORITATIVE = "authoritative"
    """The zone's own name servers: the truth, no cache between."""
    RECURSIVE = "recursive"
    """A resolver at an address, asked to recurse."""
    TEST_DNS_ANSWER = "test-dns-answer"
    """Route 53's TestDNSAnswer. Whether that follows the live health checks, AWS does not say."""
    SYSTEM = "system"
    """The resolver of the machine that the harness runs on."""


class Transport(enum.Enum):
    UDP = "udp"
    """A truncated answer is asked again over TCP, as resolvers do."""
    TCP = "tcp"


class SubnetFate(enum.Enum):
    """What became of the client subnet (RFC 7871), as far as the reply tells."""

    USED = "used"
    """It came back: from a name server with any scope, through a resolver with a scope above 0."""
    DROPPED = "dropped"
    """It was sent, and the reply has none, or a resolver's reply says scope 0: the answer was not chosen for it."""
    NOT_SENT = "not-sent"


class BeyondTtl(enum.Enum):
    """Why a user still follows an answer whose TTL has passed."""

    CLAMPED = "clamped"
    """The resolver keeps answers for its own minimum, which is longer."""
    STALE = "stale"
    """The resolver could not refresh it and served it stale (RFC 8767)."""
    PINNED = "pinned"
    """The client kept its connection, and never looked at DNS again."""


class ServeStale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Serving expired answers while they cannot be refreshed; the defaults are those that RFC 8767 recommends."""

    answer_ttl_s: float = 30.0
    """TTL of a stale answer."""
    keep_s: float = 86_400.0
    """How long after its expiry an answer may still be served: one to three days."""
    recheck_s: float = 30.0
    """After a failed refresh none is tried for so long."""
    client_timer_s: float = 1.8
    """A client that has waited so long for a refresh gets the stale answer."""

    def __post_init__(self) -> None:
        _refuse_unless(all(value >= 0 for value in (self.answer_ttl_s, self.recheck_s)), "stale: seconds below 0")
        _refuse_unless(self.keep_s > 0 and self.client_timer_s > 0, "stale: `keep_s` and `client_timer_s` above 0")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a resolver treats answers. The default honours every TTL and passes the client's subnet on."""

    ttl_min_s: float = 0.0
    """Shorter TTLs are kept for so long."""
    ttl_max_s: float | None = None
    """Longer ones only for so long."""
    sends_subnet: bool = True
    """RFC 7871: Google's public resolver does, Cloudflare's does not."""
    stale: ServeStale | None = None
    """None: an answer that expired is never served."""
    caches: int = 1
    """So many caches, each with answers of its own, stand behind the one address, and any may answer."""

    def __post_init__(self) -> None:
        _refuse_unless(math.isfinite(self.ttl_min_s) and self.ttl_min_s >= 0, "`ttl_min_s`: 0 seconds or more")
        _refuse_unless(self.ttl_max_s is None or self.ttl_max_s >= self.ttl_min_s, "`ttl_max_s`: not below `ttl_min_s`")
        _refuse_unless(1 <= self.caches <= MOST_CACHES, f"`caches`: 1 to {MOST_CACHES}")

    def kept_s(self, ttl_s: float) -> float:
        """How long an answer with this TTL is kept."""
        return max(self.ttl_min_s, ttl_s if self.ttl_max_s is None else min(self.ttl_max_s, ttl_s))


MOST_CACHES = 64
AUTHORITATIVE, SYSTEM, TEST_DNS_ANSWER = "authoritative", "system", "test-dns-answer"


class Resolver(Behaviour, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the users of a vantage ask.

    "authoritative", "test-dns-answer": a resolver of our own that behaves as stated, asking those. "system", or an
    address: that resolver as it is; what is stated is then how the client's own cache in front of it behaves.
    """

    address: str = AUTHORITATIVE
    """"authoritative", "system", "test-dns-answer", or "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53"."""
    transport: Transport = Transport.UDP

    @property
    def way(self) -> DnsWay:
        try:
            return DnsWay(self.address)
        except ValueError:
            return DnsWay.RECURSIVE


def _refuse_unless(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
