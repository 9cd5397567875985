"""resolver-stale: one resolver reaches no name server any more and serves what it has, expired or not (RFC 8767).

Its users stay where they were led before, whatever Route 53 answers by now: stragglers of a failover.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

import dns.exception
import dns.message
import dns.query
import dns.rcode
import msgspec

from harness.errors import InvalidPlan, TargetError
from harness.faults.about import About, Confidence
from harness.faults.lever_fault import LeverFault
from harness.faults.values import Values
from harness.nameservers import parse_nameserver
from harness.resolving import ServeStale
from harness.stack import RegionName
from harness.target import Target

REPLY_WITHIN_WALL_S = 3.0


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the lever is turned to; the resolver's other vices rest meanwhile."""

    reaches_name_servers: bool = False
    stale: ServeStale = ServeStale()


class ResolverStale(LeverFault, frozen=True, kw_only=True, tag="resolver-stale"):
    """The lab's resolver `resolver`, which listens at `address`, refreshes nothing and serves stale answers."""

    resolver: str
    address: str

    name: ClassVar[str] = "resolver-stale"
    about: ClassVar[About] = About(
        summary="one resolver cannot refresh and serves expired answers: its users stay where they were led before",
        aws="resolvers are not AWS's: whether they serve expired answers is up to whoever runs them (RFC 8767), and "
        "nobody can order it; only a lab's levers do, so it is refused on any other target",
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    def __post_init__(self) -> None:
        try:
            parse_nameserver(self.address)
        except TargetError as error:
            raise InvalidPlan(
                f"resolver-stale address {self.address!r}: an address or address:port of a resolver of the lab"
            ) from error

    @property
    def regions(self) -> tuple[RegionName, ...]:
        """None of the stack's: it is between users and the stack."""
        return ()

    def describe(self) -> str:
        return f"{self.name}, {self.resolver} at {self.address}"

    def levers(self) -> dict[str, msgspec.Struct]:
        return {f"resolver/{self.resolver}": _Settings()}

    def read(self, target: Target) -> Values:
        """Of the settings only those that it changes."""
        return {
            path: text and msgspec.json.encode(msgspec.json.decode(text, type=_Settings), order="sorted").decode()
            for path, text in super().read(target).items()
        }

    def prove(self, target: Target) -> str | None:
        """A name that it was never asked for cannot be answered from what it has."""
        if self._asked(target) == "SERVFAIL":
            return f"SERVFAIL from {self.address} to a name that it was never asked for before"
        return None

    def prove_removed(self, target: Target) -> bool:
        return self._asked(target) in {"NOERROR", "NXDOMAIN"}

    def _asked(self, target: Target) -> str | None:
        """Its answer's rcode; None when none came."""
        name = f"harness-{uuid.uuid4().hex}.{target.stack.domain_name}"
        host, port = parse_nameserver(self.address)
        try:
            reply = dns.query.udp(dns.message.make_query(name, "A"), host, timeout=REPLY_WITHIN_WALL_S, port=port)
        except (dns.exception.DNSException, OSError):
            return None
        return dns.rcode.to_text(reply.rcode())
