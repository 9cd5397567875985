"""One resolver without its sockets: bytes of a question to bytes of a reply, through its caches."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from harness.clock import Clock
from harness.lab.resolvers.recursion import Found, Recursion, Unreachable
from harness.lab.resolvers.settings import ResolverSettings
from harness.models.resolver import ResolverCache, Use
from harness.resolving import BeyondTtl

PAYLOAD = 1232
MAX_TCP_PAYLOAD = 65_535
_NO_EDNS_PAYLOAD = 512

NAME_SERVER_WITHIN_S = 5.0
"""Lab seconds after which a name server that does not answer is given up."""
NAME_SERVER_FLOOR_WALL_S = 0.25
"""A fast clock does not make the machine faster: it gets this much real time to answer."""
MOST_REFRESHES = 512
"""Questions to the name server at once; beyond, clients get SERVFAIL."""


class Resolver:
    """Runs on one event loop. `settings` may be replaced at any time: what is cached stays cached."""

    def __init__(self, settings: ResolverSettings, recursion: Recursion, clock: Clock, *, seed: int) -> None:
        self._settings = settings
        self._recursion = recursion
        self._clock = clock
        self._cache: ResolverCache[Found] = ResolverCache(settings, seed=seed)
        self._refreshing: dict[Hashable, asyncio.Task[Use[Found] | None]] = {}
        """By settings in force, cache and question: nobody waits for a refresh that other settings doomed."""
        self.asked = self.refreshed = self.served_stale = 0

    @property
    def settings(self) -> ResolverSettings:
        return self._settings

    @settings.setter
    def settings(self, settings: ResolverSettings) -> None:
        self._settings = settings
        self._cache.become(settings)

    async def reply(self, data: bytes, *, over_tcp: bool) -> bytes | None:
        """None: no reply is sent, to what is no question or because the resolver is told to keep silent."""
        if not self._settings.answers:
            return None
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return _format_error(data)
        if query.flags & dns.flags.QR:
            return None
        self.asked += 1
        reply = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
        refusal = _refusal(query)
        if refusal is not None:
            reply.set_rcode(refusal)
            return reply.to_wire()
        await self._fill(query, reply)
        limit = MAX_TCP_PAYLOAD if over_tcp else _udp_limit(query)
        try:
            return reply.to_wire(max_size=limit)
        except dns.exception.TooBig:
            reply.answer, reply.authority = [], []
            reply.flags |= dns.flags.TC
            return reply.to_wire()

    async def stop(self) -> None:
        for task in list(self._refreshing.values()):
            task.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)

    async def _fill(self, query: dns.message.Message, reply: dns.message.Message) -> None:
        subnet = _subnet(query) if self._settings.sends_subnet else None
        use = await self._find(query, subnet)
        options: list[dns.edns.Option] = []
        if use is None:
            reply.set_rcode(dns.rcode.SERVFAIL)
            options.append(dns.edns.EDEOption(dns.edns.EDECode.NO_REACHABLE_AUTHORITY))
        else:
            found = use.answer.value
            reply.set_rcode(found.rcode)
            reply.answer = [_aged(rrset, use.ttl_left_s) for rrset in found.answer]
            reply.authority = [_aged(rrset, use.ttl_left_s) for rrset in found.authority] if not found.answer else []
            if use.beyond_ttl is BeyondTtl.STALE:
                self.served_stale += 1
                nxdomain = found.rcode == dns.rcode.NXDOMAIN
                code = dns.edns.EDECode.STALE_NXDOMAIN_ANSWER if nxdomain else dns.edns.EDECode.STALE_ANSWER
                options.append(dns.edns.EDEOption(code))
            if subnet is not None and found.scope is not None:
                options.append(dns.edns.ECSOption(subnet.address, subnet.srclen, found.scope))
        if query.edns >= 0:
            reply.use_edns(0, query.ednsflags & dns.flags.DO, PAYLOAD, options=options)

    async def _find(self, query: dns.message.Message, subnet: dns.edns.ECSOption | None) -> Use[Found] | None:
        """The cached answer, a fresh one, a stale one, or None."""
        question = query.question[0]
        sent = (subnet.address, subnet.srclen) if subnet else None
        key: Hashable = (question.name.canonicalize(), question.rdtype, sent)
        cache, now_s = self._cache.pick(), self._clock.now_s()
        kept = self._cache.use(key, now_s, cache=cache)
        if kept is not None:
            return kept
        flight = (self._settings, cache, key)
        refresh = self._refreshing.get(flight)
        if refresh is None:
            if len(self._refreshing) >= MOST_REFRESHES:
                return None
            refresh = self._refreshing[flight] = asyncio.create_task(self._refresh(key, question, subnet, cache))
            refresh.add_done_callback(lambda _done: self._refreshing.pop(flight, None))
        wait_s = self._cache.may_wait_s(key, now_s, cache=cache)
        wait_wall_s = None if wait_s is None else wait_s / self._clock.rate
        try:
            # The refresh goes on when the client has waited long enough: its answer is for the next one.
            return await asyncio.wait_for(asyncio.shield(refresh), wait_wall_s)
        except TimeoutError:
            because = f"no name server answered in {wait_s:g} s"
            return self._cache.failed(key, now_s=self._clock.now_s(), because=because, cache=cache)

    async def _refresh(
        self, key: Hashable, question: dns.rrset.RRset, subnet: dns.edns.ECSOption | None, cache: int
    ) -> Use[Found] | None:
        within_wall_s = max(NAME_SERVER_WITHIN_S / self._clock.rate, NAME_SERVER_FLOOR_WALL_S)
        self.refreshed += 1
        try:
            if self._settings.reaches_name_servers:
                found = await self._recursion.ask(question.name, question.rdtype, subnet, within_wall_s=within_wall_s)
            else:
                found = await _cut_off(within_wall_s)
        except Unreachable as error:
            return self._cache.failed(key, now_s=self._clock.now_s(), because=str(error), cache=cache)
        return self._cache.store(key, found, ttl_s=found.ttl_s, now_s=self._clock.now_s(), cache=cache)


async def _cut_off(within_wall_s: float) -> Found:
    """As long as it takes to be sure that nobody answers."""
    await asyncio.sleep(within_wall_s)
    raise Unreachable("the resolver is cut off from the name servers")


def _refusal(query: dns.message.Message) -> dns.rcode.Rcode | None:
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if query.edns > 0:
        return dns.rcode.BADVERS
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN or dns.rdatatype.is_metatype(question.rdtype):
        return dns.rcode.REFUSED
    return None


def _format_error(data: bytes) -> bytes | None:
    if len(data) < 12 or data[2] & 0x80:
        return None
    return data[:2] + bytes((0x80 | data[2] & 0x79, 0x80 | dns.rcode.FORMERR)) + bytes(8)


def _udp_limit(query: dns.message.Message) -> int:
    return max(_NO_EDNS_PAYLOAD, min(query.payload, PAYLOAD)) if query.edns >= 0 else _NO_EDNS_PAYLOAD


def _subnet(query: dns.message.Message) -> dns.edns.ECSOption | None:
    return next((option for option in query.options if isinstance(option, dns.edns.ECSOption)), None)


def _aged(rrset: dns.rrset.RRset, ttl_left_s: float) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(rrset.name, int(ttl_left_s), list(rrset))
