"""A name server in virtual time: what arrives, and when, is the test's to say."""

from __future__ import annotations

from collections.abc import Callable

import dns.edns
import dns.message
import dns.name
import dns.rrset

from harness.clock import VirtualClock

ROUND_TRIP_S = 0.01
Respond = Callable[[dns.message.Message, int], list[tuple[float, bytes]]]
"""(query, how many came before it) -> (seconds until it arrives, message)."""


class VirtualServer:
    """A channel whose other end answers in virtual time as `respond` says."""

    def __init__(self, clock: VirtualClock, respond: Respond | None = None) -> None:
        self.clock = clock
        self.respond = respond or (lambda query, _: [(ROUND_TRIP_S, answer(query))])
        self.arriving: list[tuple[float, int, bytes]] = []
        self.asked = 0
        self.closed = False
        self.send = self._send
        self.recv = self._recv

    def _send(self, data: bytes) -> int:
        for delay_s, message in self.respond(dns.message.from_wire(data), self.asked):
            self.arriving.append((self.clock.now_s() + delay_s, len(self.arriving), message))
        self.asked += 1
        self.arriving.sort()
        return len(data)

    def _recv(self, _: int) -> bytes:
        if not self.arriving or self.arriving[0][0] > self.clock.now_s():
            raise BlockingIOError
        return self.arriving.pop(0)[2]

    def wait(self, wall_s: float) -> None:
        deadline_s = self.clock.now_s() + max(0.0, wall_s)
        self.clock.sleep_until_s(min(deadline_s, self.arriving[0][0]) if self.arriving else deadline_s)

    def close(self) -> None:
        self.closed = True


def answer(query: dns.message.Message, *, name: str | None = None, subnet: str | None = None) -> bytes:
    """The right answer, or one about another name or client subnet."""
    (option,) = query.options
    reply = dns.message.make_response(query, our_payload=1232)
    if name:
        reply.question = [dns.rrset.RRset(dns.name.from_text(name), 1, 1)]
    reply.answer = [dns.rrset.from_text(reply.question[0].name, 60, "IN", "A", f"127.0.0.{option.address[0]}")]
    reply.use_edns(0, options=[dns.edns.ECSOption(subnet or option.address, option.srclen, 24)])
    return reply.to_wire()
