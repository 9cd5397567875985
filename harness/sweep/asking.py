"""Asks one name server about many client subnets, fast, and accounts for every one of them.

`sweep` makes a part of the map from a part of the subnets; `merge` joins parts, whoever made them, and is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from harness.clock import Clock
from harness.errors import NameserverUnreachable
from harness.nameservers import Nameserver
from harness.probes.dns_tcp import exchange
from harness.probes.flights import WINDOW, Channel, Counts, Flight, Flights, UdpChannel
from harness.probes.wire import MalformedReply, Question, Reply, parse, template
from harness.sweep.subnets import Subnet

SILENT_AFTER = 10 * WINDOW
"""Questions given up in a row, no answer between them, after which the server counts as gone: a minute at full window.

The rest would take hours to fail one by one."""
_TCP_WALL_S = 2.0
_MAX_KNOWN = 4096


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply says, or why there is none. A map has few different ones."""

    rcode: str | None = None
    addresses: tuple[str, ...] = ()
    ttl_s: float | None = None
    scope: int | None = None
    """Of the echoed client subnet; None: it was not echoed, so the answer may not be for that subnet."""
    error: str | None = None


class Look(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One subnet asked about. Array-like: a hundred thousand of them go from a worker in one small message."""

    subnet: Subnet
    answer: int
    """Index into the part's `answers`."""
    tries: int
    start_s: float
    took_s: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a set of subnets: each asked once, in the order of their answers, and the datagrams."""

    asked_for: int
    """Subnets that were to be asked about. Fewer looks: it was ended before, as `ended` says."""
    looks: list[Look]
    answers: list[Answer]
    counts: Counts
    wall_s: float
    ended: str | None = None


def sweep(
    subnets: Sequence[Subnet],
    domain_name: str,
    server: Nameserver,
    *,
    clock: Clock,
    channel: Channel | None = None,
    stopped: Callable[[], bool] = lambda: False,
    tell: Callable[[int], None] = lambda _done: None,
) -> Part:
    """Asks about every subnet; ends early when `stopped` says so or the server has fallen silent. `tell`: how many.

    Raises nothing for what the server does: that is in the part. `channel`: instead of a UDP socket to `server`.
    """
    channel = channel or UdpChannel(server)
    flights: Flights[Subnet] = Flights(channel, clock)
    book = _Book(server)
    start_s, silent, ended = clock.now_s(), 0, None
    try:
        for over in flights.ask_all((subnet, _question(domain_name, subnet)) for subnet in subnets):
            for flight in over:
                book.enter(flight)
                silent = 0 if flight.reply else silent + 1
            tell(len(book.looks))
            if stopped():
                ended = "interrupted"
                break
            if silent >= SILENT_AFTER:
                ended = f"the server fell silent: no usable answer to the last {silent:,} questions"
                break
    finally:
        flights.close()
    return Part(
        asked_for=len(subnets),
        looks=book.looks,
        answers=list(book.answers),
        counts=flights.counts,
        wall_s=(clock.now_s() - start_s) / clock.rate,
        ended=ended,
    )


def merge(parts: Iterable[Part], *, asked_for: int) -> Part:
    """The parts of one map of `asked_for` subnets as one map.

    A subnet in several parts, as when a worker's share was given to another, keeps the better of its looks: an answer
    rather than none, then the earlier.
    """
    answers: dict[Answer, int] = {}
    best: dict[Subnet, tuple[bool, float, Look]] = {}
    counts, wall_s, ended = Counts(), 0.0, {}
    for part in parts:
        numbers = [answers.setdefault(answer, len(answers)) for answer in part.answers]
        for look in part.looks:
            rank = part.answers[look.answer].rcode is None, look.start_s
            if look.subnet not in best or rank < best[look.subnet][:2]:
                best[look.subnet] = (*rank, msgspec.structs.replace(look, answer=numbers[look.answer]))
        counts += part.counts
        wall_s = max(wall_s, part.wall_s)
        if part.ended:
            ended[part.ended] = True
    return Part(
        asked_for=asked_for,
        looks=[look for _, _, look in best.values()],
        answers=list(answers),
        counts=counts,
        wall_s=wall_s,
        ended="; ".join(ended) if len(best) < asked_for else None,
    )


def first_that_answers(servers: Sequence[Nameserver], subnet: Subnet, domain_name: str, *, clock: Clock) -> Nameserver:
    """Raises NameserverUnreachable when none of them gives any reply to a first question."""
    for server in servers:
        part = sweep([subnet], domain_name, server, clock=clock)
        if part.counts.answered:
            return server
    names = ", ".join(f"{address} port {port}" for address, port in servers)
    raise NameserverUnreachable(
        f"no name server gives a usable answer for {domain_name} (asked {names}); check `nameservers` of the target, "
        "and that the lab or the network is up"
    )


def _question(domain_name: str, subnet: Subnet) -> Question:
    return template(domain_name, subnet.version, subnet.prefix_length).question(subnet.octets)


class _Book:
    """The looks so far, and the different answers among them."""

    def __init__(self, server: Nameserver) -> None:
        self._server = server
        self.looks: list[Look] = []
        self.answers: dict[Answer, int] = {}
        self._by_reply: dict[int, tuple[Reply, int]] = {}
        """By identity: a reply known again is the very same object. Held here, so that no other takes its identity."""

    def enter(self, flight: Flight[Subnet]) -> None:
        reply = flight.reply
        if reply is None:
            number = self._number(Answer(error="timeout"))
        else:
            known = self._by_reply.get(id(reply))
            number = known[1] if known is not None else self._of_reply(flight, reply)
        took_s = flight.end_s - flight.start_s
        self.looks.append(Look(flight.label, number, flight.tries, flight.start_s, took_s))

    def _of_reply(self, flight: Flight[Subnet], reply: Reply) -> int:
        if reply.truncated:
            return self._number(_whole(flight, self._server))
        number = self._number(_answer(reply))
        if len(self._by_reply) >= _MAX_KNOWN:
            self._by_reply.clear()
        self._by_reply[id(reply)] = reply, number
        return number

    def _number(self, answer: Answer) -> int:
        return self.answers.setdefault(answer, len(self.answers))


def _whole(flight: Flight[Subnet], server: Nameserver) -> Answer:
    """Of a truncated answer: the whole one, over TCP."""
    try:
        return _answer(parse(flight.question, exchange(flight.message, server, within_wall_s=_TCP_WALL_S)))
    except (OSError, MalformedReply) as failure:
        return Answer(rcode="NOERROR", error=f"truncated, and over TCP: {str(failure) or type(failure).__name__}")


def _answer(reply: Reply) -> Answer:
    return Answer(rcode=reply.rcode, addresses=tuple(sorted(reply.addresses)), ttl_s=reply.ttl_s, scope=reply.scope)
