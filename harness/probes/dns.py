"""Looks at the DNS truth: what an authoritative server answers for the stack's domain to users of a vantage.

`ask` is one look; `DnsSweep` looks from many vantages at once through one socket.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import dns.exception
import dns.message
import dns.query

from harness.clock import Clock
from harness.events import DnsAnswer, Outcome
from harness.nameservers import Nameserver
from harness.probes.wire import MalformedReply, Question, Reply, parse, question
from harness.target import Target
from harness.vantages import Vantage

TRIES = 3
TRY_S = 2.0
"""Stack seconds until a question is sent again, as resolvers do."""
TRY_FLOOR_WALL_S = 0.3
"""A fast clock does not make the machine faster: a try gets this much real time."""
WINDOW = 100
"""Questions in flight at most: 200 at once overflow a socket's default receive buffer (208 KiB) and lose answers."""
_RECEIVE_BUFFER = 1 << 20


class _Asked:
    """One question in flight."""

    __slots__ = ("message", "question", "resend_s", "start_s", "tries", "vantage")

    def __init__(self, vantage: Vantage, asked: Question, message: bytes, start_s: float) -> None:
        self.vantage = vantage
        self.question = asked
        self.message = message
        self.start_s = start_s
        self.tries = 0
        self.resend_s = start_s


class DnsSweep:
    """Asks for the stack's domain from many vantages, each with its client subnet, over one UDP socket.

    One thread at a time. Answers are matched by id, source and question; anything else that arrives is ignored.
    """

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._try_s = max(TRY_S, TRY_FLOOR_WALL_S * clock.rate)
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._pending: dict[int, _Asked] = {}

    def ask_all(self, vantages: Sequence[Vantage], server: Nameserver) -> Iterator[DnsAnswer]:
        """One answer for every vantage, in the order in which they come; at the latest after `TRIES` tries each."""
        channel = self._socket_for(server)
        waiting = deque(vantages)
        self._pending.clear()  # late answers to an earlier, abandoned sweep are strangers
        while waiting or self._pending:
            self._send(channel, server, waiting)
            _wait_readable(channel, (self._next_resend_s() - self._clock.now_s()) / self._clock.rate)
            yield from [
                self._observe(asked, server, reply, end_s) for asked, reply, end_s in self._drain(channel, server)
            ]
            yield from [self._no_answer(asked, server) for asked in self._give_up()]

    def _send(self, channel: socket.socket, server: Nameserver, waiting: deque[Vantage]) -> None:
        now_s = self._clock.now_s()
        due = [asked for asked in self._pending.values() if asked.resend_s <= now_s and asked.tries < TRIES]
        while waiting and len(self._pending) < WINDOW:
            vantage = waiting.popleft()
            asked = question(self._target.stack.domain_name, vantage.client_subnet)
            message_id = self._free_id()
            self._pending[message_id] = flight = _Asked(vantage, asked, asked.with_id(message_id), self._clock.now_s())
            due.append(flight)
        for flight in due:
            flight.tries += 1
            flight.resend_s = self._clock.now_s() + self._try_s
            # What cannot be sent (no route, full buffer) gets no answer, and is recorded as that after its tries.
            with contextlib.suppress(OSError):
                channel.sendto(flight.message, server)

    def _free_id(self) -> int:
        while (message_id := secrets.randbits(16)) in self._pending:
            pass
        return message_id

    def _next_resend_s(self) -> float:
        return min(asked.resend_s for asked in self._pending.values())

    def _drain(self, channel: socket.socket, server: Nameserver) -> list[tuple[_Asked, Reply, float]]:
        """All answers that have arrived, each with the time at which it was read."""
        answered: list[tuple[_Asked, Reply, float]] = []
        while True:
            try:
                data, source = channel.recvfrom(65535)
            except BlockingIOError:
                return answered
            asked = self._pending.get(int.from_bytes(data[:2], "big"))
            if asked is None or source[:2] != server:
                continue
            with contextlib.suppress(MalformedReply):
                reply = parse(asked.question, data)
                del self._pending[int.from_bytes(data[:2], "big")]
                answered.append((asked, reply, self._clock.now_s()))

    def _give_up(self) -> list[_Asked]:
        now_s = self._clock.now_s()
        dead = [key for key, asked in self._pending.items() if asked.tries >= TRIES and asked.resend_s <= now_s]
        return [self._pending.pop(key) for key in dead]

    def _observe(self, asked: _Asked, server: Nameserver, reply: Reply, end_s: float) -> DnsAnswer:
        error = None
        if reply.truncated:
            try:
                reply = _over_tcp(asked.message, server, asked.question, self._try_s / self._clock.rate)
            except (OSError, EOFError, dns.exception.DNSException, MalformedReply) as failure:
                error = f"truncated, and over TCP: {str(failure) or type(failure).__name__}"
            end_s = self._clock.now_s()
        if error is None and not reply.addresses:
            error = "no address (NODATA)" if reply.rcode == "NOERROR" else reply.rcode
        return DnsAnswer(
            start_s=asked.start_s,
            end_s=end_s,
            source="dns",
            vantage=asked.vantage.name,
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

    def _no_answer(self, asked: _Asked, server: Nameserver) -> DnsAnswer:
        end_s = self._clock.now_s()
        return DnsAnswer(
            start_s=asked.start_s,
            end_s=end_s,
            source="dns",
            vantage=asked.vantage.name,
            nameserver=_name(server),
            outcome=Outcome.FAIL,
            retries=asked.tries - 1,
            error=f"no usable answer from {_name(server)} to {asked.tries} tries in {end_s - asked.start_s:.3g} s",
        )

    def _socket_for(self, server: Nameserver) -> socket.socket:
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        if family not in self._sockets:
            channel = socket.socket(family, socket.SOCK_DGRAM)
            channel.setblocking(False)
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self._sockets[family] = channel
        return self._sockets[family]

    def close(self) -> None:
        for channel in self._sockets.values():
            channel.close()
        self._sockets.clear()

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


def _wait_readable(channel: socket.socket, wall_s: float) -> None:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.poll(max(0.0, wall_s) * 1000)


def _over_tcp(message: bytes, server: Nameserver, asked: Question, wall_s: float) -> Reply:
    reply = dns.query.tcp(dns.message.from_wire(message), server[0], timeout=wall_s, port=server[1])
    return parse(asked, reply.to_wire())
