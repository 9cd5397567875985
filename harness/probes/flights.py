"""Questions in flight to one DNS server over UDP: a window of them, each sent again until answered or given up.

The loop that single looks, rounds of vantages and sweeps of a hundred thousand subnets have in common. An answer counts
when its id, source, question and client subnet are those of a question in flight; all else is counted and dropped.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import msgspec

from harness.clock import Clock
from harness.nameservers import Nameserver
from harness.probes.wire import MalformedReply, Question, Reply, ReplyReader

TRIES = 3
TRY_S = 2.0
"""Stack seconds until a question is sent again, as resolvers do."""
TRY_FLOOR_WALL_S = 0.3
"""A fast clock does not make the machine faster: a try gets this much real time."""
WINDOW = 100
"""Questions in flight at most: 200 at once overflow a socket's default receive buffer (208 KiB) and lose answers."""
_READ_AT_ONCE = 4 * WINDOW
"""Datagrams read before deadlines are looked at again, whoever sends them."""
_RECEIVE_BUFFER = 1 << 20
_MAX_DATAGRAM = 65_535
_IDS_AT_ONCE = 256

Label = TypeVar("Label")


class Channel(Protocol):
    """A way to one server. `send` and `recv` raise OSError as a socket that does not block."""

    send: Callable[[bytes], int]
    recv: Callable[[int], bytes]

    def wait(self, wall_s: float) -> None:
        """Returns once something can be read, at the latest after `wall_s`."""
        ...

    def close(self) -> None: ...


class UdpChannel:
    """A connected socket: the kernel drops what comes from any other address or port."""

    def __init__(self, server: Nameserver) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._server = server
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self.send: Callable[[bytes], int] = self._connect_and_send
        self.recv: Callable[[int], bytes] = self._socket.recv

    def _connect_and_send(self, data: bytes) -> int:
        """The first sending. Without a route it fails as any sending does, and the next one tries again."""
        self._socket.connect(self._server)
        self.send = self._socket.send
        return self.send(data)

    def wait(self, wall_s: float) -> None:
        self._poll.poll(max(0.0, wall_s) * 1000)

    def close(self) -> None:
        self._socket.close()


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What went over the wire, every datagram accounted for."""

    asked: int = 0
    sent: int = 0
    """Datagrams, those sent again included."""
    answered: int = 0
    gave_up: int = 0
    """Questions without a usable answer after all tries."""
    duplicates: int = 0
    """Further answers to a question that was answered."""
    late: int = 0
    """Answers to a question that had been given up."""
    mismatched: int = 0
    """The id of a question in flight, but another question or client subnet, or unreadable."""
    strangers: int = 0
    """Datagrams whose id was never asked under."""
    not_sent: int = 0
    """Tries that the machine could not send: no route, nobody listening, a full buffer."""

    @property
    def retries(self) -> int:
        return self.sent + self.not_sent - self.asked

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{field: getattr(self, field) + getattr(other, field) for field in self.__struct_fields__})


class Flight(msgspec.Struct, Generic[Label], gc=False):
    """One question from its first sending to its end: `reply` is None while there is none, and when it is given up.

    Left out of garbage collection, which would go through a hundred thousand of them again and again.
    """

    label: Label
    question: Question
    message: bytes
    start_s: float
    end_s: float
    resend_s: float
    tries: int = 0
    over: bool = False
    reply: Reply | None = None


class Flights(Generic[Label]):
    """Asks one server. One thread at a time."""

    def __init__(
        self, channel: Channel, clock: Clock, *, try_s: float | None = None, tries: int = TRIES, window: int = WINDOW
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._try_s = max(TRY_S, TRY_FLOOR_WALL_S * clock.rate) if try_s is None else try_s
        self._tries = tries
        self._window = window
        self._reader = ReplyReader()
        self._by_id: dict[bytes, Flight[Label]] = {}
        """The latest under each id, those that are over included: so that a second answer is known as one."""
        self._by_deadline: deque[Flight[Label]] = deque()
        """In the order of their last sending, which is that of `resend_s`, as all have the same time."""
        self._ids: list[bytes] = []
        self.in_flight = 0
        self._asked = self._sent = self._answered = self._gave_up = 0
        self._duplicates = self._late = self._mismatched = self._strangers = self._not_sent = 0

    @property
    def counts(self) -> Counts:
        """Since the beginning, over every call of `ask_all`."""
        return Counts(
            asked=self._asked,
            sent=self._sent,
            answered=self._answered,
            gave_up=self._gave_up,
            duplicates=self._duplicates,
            late=self._late,
            mismatched=self._mismatched,
            strangers=self._strangers,
            not_sent=self._not_sent,
        )

    def ask_all(self, questions: Iterable[tuple[Label, Question]]) -> Iterator[list[Flight[Label]]]:
        """Every question's flight once it is over, in the order in which they end, in batches, some of them empty.

        At the latest a question is over after all its tries. Left early, what is in flight is forgotten.
        """
        self._by_id.clear()  # late answers to an earlier, abandoned call are strangers
        self._by_deadline.clear()
        self.in_flight = 0
        waiting = iter(questions)
        more = True
        while more or self.in_flight:
            more = more and self._launch(waiting)
            if self.in_flight:
                self._channel.wait((self._next_deadline_s() - self._clock.now_s()) / self._clock.rate)
            yield self._drain() + self._expire()

    def _launch(self, waiting: Iterator[tuple[Label, Question]]) -> bool:
        """Fills the window; False when nothing waits any more."""
        for _ in range(self._window - self.in_flight):
            entry = next(waiting, None)
            if entry is None:
                return False
            label, question = entry
            message_id = self._free_id()
            now_s = self._clock.now_s()
            flight = Flight(label, question, message_id + question.message, now_s, now_s, now_s)
            self._by_id[message_id] = flight
            self.in_flight += 1
            self._asked += 1
            self._send(flight, now_s)
        return True

    def _send(self, flight: Flight[Label], now_s: float) -> None:
        flight.tries += 1
        flight.resend_s = now_s + self._try_s
        self._by_deadline.append(flight)
        # What cannot be sent gets no answer, and is recorded as that after its tries.
        try:
            self._channel.send(flight.message)
            self._sent += 1
        except OSError:
            self._not_sent += 1

    def _free_id(self) -> bytes:
        """Two random octets that no question in flight has."""
        while True:
            if not self._ids:
                drawn = os.urandom(2 * _IDS_AT_ONCE)
                self._ids = [drawn[at : at + 2] for at in range(0, len(drawn), 2)]
            message_id = self._ids.pop()
            taken = self._by_id.get(message_id)
            if taken is None or taken.over:
                return message_id

    def _next_deadline_s(self) -> float:
        while self._by_deadline[0].over:
            self._by_deadline.popleft()
        return self._by_deadline[0].resend_s

    def _drain(self) -> list[Flight[Label]]:
        """The questions whose answers have arrived, each with the time at which it was read."""
        answered: list[Flight[Label]] = []
        receive, now_s = self._channel.recv, self._clock.now_s
        for _ in range(_READ_AT_ONCE):
            try:
                data = receive(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error for an earlier sending, told once
                continue
            flight = self._by_id.get(data[:2])
            if flight is None:
                self._strangers += 1
                continue
            try:
                reply = self._reader.read(flight.question, data)
            except MalformedReply:
                self._mismatched += 1
                continue
            if flight.over:
                self._late += flight.reply is None
                self._duplicates += flight.reply is not None
                continue
            flight.end_s = now_s()
            flight.reply = reply
            flight.over = True
            answered.append(flight)
        self.in_flight -= len(answered)
        self._answered += len(answered)
        return answered

    def _expire(self) -> list[Flight[Label]]:
        """Sends again what has waited long enough, and gives up what has had its tries."""
        now_s = self._clock.now_s()
        dead: list[Flight[Label]] = []
        while self._by_deadline and (self._by_deadline[0].over or self._by_deadline[0].resend_s <= now_s):
            flight = self._by_deadline.popleft()
            if flight.over:
                continue
            if flight.tries < self._tries:
                self._send(flight, now_s)
                continue
            flight.over = True
            flight.end_s = now_s
            dead.append(flight)
        self.in_flight -= len(dead)
        self._gave_up += len(dead)
        return dead

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.close()
