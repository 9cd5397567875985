"""Looks at the DNS truth: what an authoritative server answers for the stack's domain to users of a vantage.

`ask` is one look; `DnsSweep` looks from many vantages at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import dns.exception
import dns.message
import dns.query

from harness.clock import Clock
from harness.events import DnsAnswer, Outcome
from harness.nameservers import Nameserver
from harness.probes.flights import TRY_FLOOR_WALL_S, TRY_S, Flight, Flights, UdpChannel
from harness.probes.wire import MalformedReply, Question, Reply, parse, question
from harness.target import Target
from harness.vantages import Vantage


class DnsSweep:
    """Asks for the stack's domain from many vantages, each with its client subnet, over one UDP socket a server.

    One thread at a time. Answers are matched by id, source, question and client subnet; all else is ignored.
    """

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._try_s = max(TRY_S, TRY_FLOOR_WALL_S * clock.rate)
        self._flights: dict[Nameserver, Flights[Vantage]] = {}

    def ask_all(self, vantages: Sequence[Vantage], server: Nameserver) -> Iterator[DnsAnswer]:
        """One answer for every vantage, in the order in which they come; at the latest after `TRIES` tries each."""
        if server not in self._flights:
            self._flights[server] = Flights(UdpChannel(server), self._clock, try_s=self._try_s)
        domain_name = self._target.stack.domain_name
        questions = [(vantage, question(domain_name, vantage.client_subnet)) for vantage in vantages]
        for ended in self._flights[server].ask_all(questions):
            for flight in ended:
                yield self._observe(flight, flight.reply, server) if flight.reply else self._no_answer(flight, server)

    def _observe(self, asked: Flight[Vantage], reply: Reply, server: Nameserver) -> DnsAnswer:
        error, end_s = None, asked.end_s
        if reply.truncated:
            try:
                reply = over_tcp(asked.message, server, asked.question, self._try_s / self._clock.rate)
            except (OSError, EOFError, dns.exception.DNSException, MalformedReply) as failure:
                error = f"truncated, and over TCP: {str(failure) or type(failure).__name__}"
            end_s = self._clock.now_s()
        if error is None and not reply.addresses:
            error = "no address (NODATA)" if reply.rcode == "NOERROR" else reply.rcode
        return DnsAnswer(
            start_s=asked.start_s,
            end_s=end_s,
            source="dns",
            vantage=asked.label.name,
            nameserver=_name(server),
            outcome=Outcome.FAIL if error else Outcome.OK,
            rcode=reply.rcode,
            addresses=reply.addresses,
            region=self._target.region_of_addresses(reply.addresses) if reply.addresses else None,
            ttl_s=reply.ttl_s,
            scope=reply.scope,
            retries=asked.tries - 1,
            error=error,
        )

    def _no_answer(self, asked: Flight[Vantage], server: Nameserver) -> DnsAnswer:
        waited_s = asked.end_s - asked.start_s
        return DnsAnswer(
            start_s=asked.start_s,
            end_s=asked.end_s,
            source="dns",
            vantage=asked.label.name,
            nameserver=_name(server),
            outcome=Outcome.FAIL,
            retries=asked.tries - 1,
            error=f"no usable answer from {_name(server)} to {asked.tries} tries in {waited_s:.3g} s",
        )

    def close(self) -> None:
        for flights in self._flights.values():
            flights.close()
        self._flights.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ask(target: Target, vantage: Vantage, server: Nameserver, *, clock: Clock) -> DnsAnswer:
    """One look, from a port of its own as resolvers use one. Whatever goes wrong is in the answer."""
    with DnsSweep(target, clock) as sweep:
        return next(sweep.ask_all([vantage], server))


def _name(server: Nameserver) -> str:
    return f"[{server[0]}]:{server[1]}" if ":" in server[0] else f"{server[0]}:{server[1]}"


def over_tcp(message: bytes, server: Nameserver, asked: Question, wall_s: float) -> Reply:
    """The same question again, as truncation demands. Raises OSError, EOFError, DNSException or MalformedReply."""
    reply = dns.query.tcp(dns.message.from_wire(message), server[0], timeout=wall_s, port=server[1])
    return parse(asked, reply.to_wire())
