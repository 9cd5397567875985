"""What came back to a DNS question, as an observation: the same for every way of looking."""

from __future__ import annotations

import msgspec

from harness.events import DnsAnswer, Outcome
from harness.nameservers import Nameserver
from harness.probes.wire import Reply
from harness.resolving import DnsWay, SubnetFate, Transport
from harness.target import Target
from harness.vantages import Vantage


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a question is put."""

    way: DnsWay = DnsWay.AUTHORITATIVE
    with_subnet: bool = True
    within_s: float | None = None
    """Stack seconds that all tries together may take; None: as long as resolvers usually try."""

    def subnet(self, vantage: Vantage) -> str | None:
        return vantage.client_subnet if self.with_subnet else None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question that has ended, answered or not."""

    vantage: Vantage
    manner: Manner
    who: str
    start_s: float
    end_s: float
    transport: Transport = Transport.UDP
    retries: int = 0

    def answered(self, target: Target, reply: Reply) -> DnsAnswer:
        """`reply` as what it is: an answer without an address or with an error code is a failure of that name."""
        error = None if reply.addresses else "no address (NODATA)" if reply.rcode == "NOERROR" else reply.rcode
        return self._observed(
            outcome=Outcome.FAIL if error else Outcome.OK,
            rcode=reply.rcode,
            addresses=reply.addresses,
            region=target.region_of_addresses(reply.addresses) if reply.addresses else None,
            ttl_s=reply.ttl_s,
            scope=reply.scope,
            subnet=subnet_fate(self.manner.way, self.manner.subnet(self.vantage), reply.scope),
            extended_error=reply.extended_error,
            error=error,
        )

    def unanswered(self, error: str, rcode: str | None = None) -> DnsAnswer:
        return self._observed(outcome=Outcome.FAIL, rcode=rcode, error=error)

    def _observed(self, **facts: object) -> DnsAnswer:
        seen = DnsAnswer(
            start_s=self.start_s,
            end_s=self.end_s,
            source="dns",
            vantage=self.vantage.name,
            way=self.manner.way,
            transport=self.transport,
            nameserver=self.who,
            outcome=Outcome.FAIL,
            retries=self.retries,
        )
        return msgspec.structs.replace(seen, **facts)


def subnet_fate(way: DnsWay, sent: str | None, scope: int | None) -> SubnetFate | None:
    """What the reply tells of the client subnet that was sent; None: nothing."""
    if way is DnsWay.SYSTEM:
        return None
    if sent is None:
        return SubnetFate.NOT_SENT
    if way is DnsWay.TEST_DNS_ANSWER:
        return SubnetFate.USED  # The API takes it as a parameter of its own and tells no scope.
    # A name server that knows client subnets answers with the option even where it does not matter (scope 0). From a
    # resolver, scope 0 is what Google's says for a name server to which it passes no subnet on.
    if scope is None or (scope == 0 and way is DnsWay.RECURSIVE):
        return SubnetFate.DROPPED
    return SubnetFate.USED


def text_of(server: Nameserver) -> str:
    return f"[{server[0]}]:{server[1]}" if ":" in server[0] else f"{server[0]}:{server[1]}"
