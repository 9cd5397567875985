"""Asks name servers and resolvers for the stack's domain as users of a vantage would have them asked.

`ask` is one look, over UDP or TCP; `DnsSweep` looks from many vantages at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from harness.clock import Clock
from harness.events import DnsAnswer
from harness.nameservers import Nameserver
from harness.probes.dns_answers import Asked, Manner, text_of
from harness.probes.dns_tcp import exchange
from harness.probes.flights import TRIES, TRY_FLOOR_WALL_S, TRY_S, Flight, Flights, UdpChannel
from harness.probes.wire import MalformedReply, Question, Reply, parse, question
from harness.resolving import DnsWay, Transport
from harness.target import Target
from harness.vantages import Vantage


class DnsSweep:
    """Asks for the stack's domain from many vantages, each with its client subnet, over one UDP socket a server.

    One thread at a time. Answers are matched by id, source, question and client subnet; all else is ignored.
    """

    def __init__(self, target: Target, clock: Clock, manner: Manner | None = None) -> None:
        self._target = target
        self._clock = clock
        self._manner = manner or Manner()
        self._try_s = try_s(self._manner, clock)
        self._flights: dict[Nameserver, Flights[Vantage]] = {}

    def ask_all(self, vantages: Sequence[Vantage], server: Nameserver) -> Iterator[DnsAnswer]:
        """One answer for every vantage, in the order in which they come; at the latest after `TRIES` tries each."""
        if server not in self._flights:
            self._flights[server] = Flights(UdpChannel(server), self._clock, try_s=self._try_s)
        questions = [(vantage, _question(self._target, vantage, self._manner)) for vantage in vantages]
        for ended in self._flights[server].ask_all(questions):
            for flight in ended:
                yield self._observe(flight, flight.reply, server) if flight.reply else self._no_answer(flight, server)

    def _observe(self, asked: Flight[Vantage], reply: Reply, server: Nameserver) -> DnsAnswer:
        if not reply.truncated:
            return self._told(asked, server).answered(self._target, reply)
        error = None
        try:
            reply = parse(asked.question, exchange(asked.message, server, within_wall_s=self._try_s / self._clock.rate))
        except (OSError, MalformedReply) as failure:
            error = f"truncated, and over TCP: {failure}"
        asked.end_s = self._clock.now_s()
        if error:
            return self._told(asked, server).unanswered(error, reply.rcode)
        return self._told(asked, server, Transport.TCP).answered(self._target, reply)

    def _no_answer(self, asked: Flight[Vantage], server: Nameserver) -> DnsAnswer:
        waited_s = asked.end_s - asked.start_s
        return self._told(asked, server).unanswered(
            f"no usable answer from {text_of(server)} to {asked.tries} tries in {waited_s:.3g} s"
        )

    def _told(self, asked: Flight[Vantage], server: Nameserver, transport: Transport = Transport.UDP) -> Asked:
        return Asked(
            vantage=asked.label,
            manner=self._manner,
            who=text_of(server),
            start_s=asked.start_s,
            end_s=asked.end_s,
            transport=transport,
            retries=asked.tries - 1,
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


def ask(
    target: Target,
    vantage: Vantage,
    server: Nameserver,
    *,
    clock: Clock,
    manner: Manner | None = None,
    transport: Transport = Transport.UDP,
) -> DnsAnswer:
    """One look, from a port of its own as resolvers use one. Whatever goes wrong is in the answer."""
    if transport is Transport.TCP:
        return _ask_over_tcp(target, vantage, server, clock, manner or Manner())
    with DnsSweep(target, clock, manner) as sweep:
        return next(sweep.ask_all([vantage], server))


def try_s(manner: Manner, clock: Clock) -> float:
    """Stack seconds until a question is sent again."""
    if manner.within_s is None:
        return max(TRY_S, TRY_FLOOR_WALL_S * clock.rate)
    return max(manner.within_s, TRY_FLOOR_WALL_S * clock.rate) / TRIES


def _question(target: Target, vantage: Vantage, manner: Manner) -> Question:
    recurse = manner.way is DnsWay.RECURSIVE
    return question(target.stack.domain_name, manner.subnet(vantage), recurse=recurse)


def _ask_over_tcp(target: Target, vantage: Vantage, server: Nameserver, clock: Clock, manner: Manner) -> DnsAnswer:
    asked, start_s = _question(target, vantage, manner), clock.now_s()
    message = asked.with_id(secrets.randbits(16))
    reply: Reply | None = None
    error = "the reply is to another question"
    try:
        data = exchange(message, server, within_wall_s=TRIES * try_s(manner, clock) / clock.rate)
        reply = parse(asked, data) if data[:2] == message[:2] else None
    except (OSError, MalformedReply) as failure:
        error = str(failure)
    told = Asked(
        vantage=vantage,
        manner=manner,
        who=text_of(server),
        start_s=start_s,
        end_s=clock.now_s(),
        transport=Transport.TCP,
    )
    if reply is None:
        return told.unanswered(f"no usable answer from {text_of(server)} over TCP: {error}")
    return told.answered(target, reply)
