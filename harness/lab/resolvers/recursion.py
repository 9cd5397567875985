"""What a resolver asks of the lab's name server: one question, followed through its CNAMEs."""

from __future__ import annotations

import dns.asyncbackend
import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import msgspec

MOST_CNAMES = 8
"""A chain longer than this is taken for a loop."""
_PAYLOAD = 1232


class Unreachable(Exception):
    """The name server gave no usable answer; the message says what it did."""


class Found(msgspec.Struct, frozen=True):
    """What the name server said, whole."""

    rcode: dns.rcode.Rcode
    answer: tuple[dns.rrset.RRset, ...]
    authority: tuple[dns.rrset.RRset, ...]
    scope: int | None
    ttl_s: float


class Recursion:
    """Asks one name server from the resolver's own address."""

    def __init__(self, server: tuple[str, int], source: str) -> None:
        self._server = server
        self._source = source
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def ask(
        self,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        subnet: dns.edns.ECSOption | None,
        *,
        within_wall_s: float,
    ) -> Found:
        """Raises Unreachable."""
        answer: list[dns.rrset.RRset] = []
        for _ in range(MOST_CNAMES):
            reply = await self._exchange(name, rdtype, subnet, within_wall_s)
            if reply.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                raise Unreachable(f"the name server answers {dns.rcode.to_text(reply.rcode())}")
            answer += reply.answer
            target = _unfollowed(answer, name, rdtype)
            if target is None:
                return _found(reply, answer)
            name = target
        raise Unreachable(f"more than {MOST_CNAMES} CNAMEs")

    async def _exchange(
        self,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        subnet: dns.edns.ECSOption | None,
        within_wall_s: float,
    ) -> dns.message.Message:
        options: list[dns.edns.Option] = [subnet] if subnet else []
        query = dns.message.make_query(name, rdtype, flags=0, use_edns=0, payload=_PAYLOAD, options=options)
        address, port = self._server
        try:
            reply, _ = await dns.asyncquery.udp_with_fallback(
                query,
                address,
                timeout=within_wall_s,
                port=port,
                source=self._source,
                ignore_unexpected=True,
                backend=self._backend,
            )
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Unreachable(f"the name server does not answer: {str(error) or type(error).__name__}") from error
        return reply


def _unfollowed(
    answer: list[dns.rrset.RRset], name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.name.Name | None:
    """The end of the chain of CNAMEs that starts at `name`, when the answer to it is not there yet."""
    aliases = {rrset.name: rrset[0].target for rrset in answer if rrset.rdtype == dns.rdatatype.CNAME}
    target, steps = name, 0
    while target in aliases and rdtype != dns.rdatatype.CNAME and steps <= MOST_CNAMES:
        target, steps = aliases[target], steps + 1
    there = any(rrset.name == target and rrset.rdtype == rdtype for rrset in answer)
    return None if there or target == name else target


def _found(reply: dns.message.Message, answer: list[dns.rrset.RRset]) -> Found:
    """A negative answer is kept for the smaller of its SOA's TTL and minimum (RFC 2308, 5)."""
    ttls_s = [rrset.ttl for rrset in answer] or [
        min(rrset.ttl, rrset[0].minimum) for rrset in reply.authority if rrset.rdtype == dns.rdatatype.SOA
    ]
    scopes = [option.scopelen for option in reply.options if isinstance(option, dns.edns.ECSOption)]
    return Found(
        rcode=reply.rcode(),
        answer=tuple(answer),
        authority=tuple(reply.authority),
        scope=scopes[0] if scopes else None,
        ttl_s=float(min(ttls_s, default=0)),
    )
