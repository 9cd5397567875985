"""The lab's authoritative name server: UDP and TCP on one address, answering what the control plane holds.

The answers come from a `Responder` over an immutable `View`. Whatever changes (zones, health, endpoints) builds new
ones and puts them in place in one assignment, so no answer mixes two states and no kept reply outlives its state.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from random import Random

import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from harness.clock import Clock
from harness.lab.dns.answers import Locate, Service, View
from harness.lab.dns.latency import LatencyDatabase
from harness.lab.dns.replies import MAX_TCP_PAYLOAD
from harness.lab.dns.responder import Responder
from harness.lab.dns.sockets import bind_both
from harness.lab.dns.tcp import TcpServer
from harness.lab.dns.truth import ServiceKey, service_changes
from harness.lab.dns.zones import ZoneIndexes, ZoneSet, wire_name
from harness.lab.ports import TruthLog

ALIAS_TTL_S = 60
"""Seen in practice for aliases to API Gateway domains; not documented by AWS."""
DEFAULT_RESOLVER = "44.208.0.1"
"""TestDNSAnswer without a resolver asks as one in us-east-1."""

_BATCH = 128
"""Datagrams answered before other work of the loop gets its turn: below a millisecond."""
_MAX_QUERY = 65_535
"""Any datagram: a query made long by padding (RFC 7830) is answered too."""

_log = logging.getLogger(__name__)


class LabDns:
    """Authoritative for every public hosted zone and for the hosts that `locate` knows. Implements `DnsSource`.

    `start` and `stop` run on `loop`; everything else may be called from any thread.
    `is_healthy` is asked about every health check of the zones whenever `health_changed` is called, and at no other
    time: it is the state as DNS is to know it, the delay from status to DNS already applied.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        is_healthy: Callable[[str], bool],
        locate: Locate,
        latency: LatencyDatabase,
        clock: Clock,
        truth: TruthLog | None = None,
        alias_ttl_s: int = ALIAS_TTL_S,
        seed: int = 0,
    ) -> None:
        self._loop = loop
        self._address = address
        self._port = port
        self._is_healthy = is_healthy
        self._locate = locate
        self._latency = latency
        self._clock = clock
        self._truth = truth
        self._alias_ttl_s = alias_ttl_s
        self._random = Random(seed)
        self._changing = threading.RLock()
        self._zones = ZoneIndexes(ZoneSet())
        self._services: dict[ServiceKey, Service] = {}
        self._reported: set[str] = set()
        self._udp: socket.socket | None = None
        self._tcp = TcpServer(loop, lambda data, resolver: self._responder.reply(data, resolver, limit=MAX_TCP_PAYLOAD))
        self._show()

    @property
    def endpoint(self) -> tuple[str, int]:
        """(address, port), once started."""
        return self._address, self._port

    async def start(self) -> None:
        """Binds one port for UDP and TCP.

        Raises:
            LabError: the port is taken, or the address is not one of this machine.
        """
        self._udp, listener = bind_both(self._address, self._port)
        self._port = self._udp.getsockname()[1]
        await self._tcp.start(listener)
        self._loop.add_reader(self._udp, self._answer_waiting)

    async def stop(self) -> None:
        """Closes both ports and every connection; does nothing when not started."""
        if self._udp is not None:
            self._loop.remove_reader(self._udp)
            self._udp.close()
            self._udp = None
        await self._tcp.stop()

    def replace_zones(self, zone_set: ZoneSet) -> None:
        """All answers from now on are from `zone_set`. Records that cannot be answered are left out and logged."""
        zones = ZoneIndexes(zone_set)
        with self._changing:
            self._zones = zones
            self._show()
            for problem in zones.problems:
                if problem not in self._reported:
                    self._reported.add(problem)
                    _log.warning("DNS: %s", problem)

    def health_changed(self) -> None:
        """Asks `is_healthy` about every health check in use; answers from now on follow what it said."""
        with self._changing:
            self._show()

    def endpoints_changed(self) -> None:
        """To be called when `locate` may answer otherwise than before for a host it already knew."""
        self.health_changed()

    def replace_latency(self, latency: LatencyDatabase) -> None:
        """Routes by another latency database from now on: AWS's own changes over time, too."""
        with self._changing:
            self._latency = latency
            self._show()

    def answer(self, zone_id: str, name: str, record_type: str, client_subnet: str | None) -> tuple[str, list[str]]:
        """(response code, record data in presentation form), as TestDNSAnswer gives it; REFUSED for no such zone."""
        zone = self._zones.by_id(zone_id.rsplit("/", 1)[-1])
        if zone is None or not zone.holds(wire_name(name)):
            return "REFUSED", []
        client = self._latency.client_of(client_subnet or DEFAULT_RESOLVER)
        found = self._view.answer_in(zone, wire_name(name), dns.rdatatype.from_text(record_type), client)
        data = [_presented(rrset.rtype, rdata) for rrset in found.answers for rdata in rrset.rdatas]
        return dns.rcode.to_text(dns.rcode.Rcode(found.rcode)), data

    def _show(self) -> None:
        """Puts a new view and a new responder in place, and tells the truth log whom they serve otherwise."""
        unhealthy = frozenset(check for check in self._zones.health_check_ids() if not self._is_healthy(check))
        self._view = View(self._zones, unhealthy, self._locate, alias_ttl_s=self._alias_ttl_s, random=self._random)
        self._responder = Responder(self._view, self._latency)
        services = dict(self._view.services())
        if self._truth is not None:
            for change in service_changes(self._services, services, at_s=self._clock.now_s()):
                self._truth(change)
        self._services = services

    def _answer_waiting(self) -> None:
        """Answers up to a batch of datagrams; the loop calls again while there are more.

        One call for each datagram, as asyncio's own DatagramProtocol makes, costs seven times as much.
        """
        if self._udp is None:
            return
        receive, send = self._udp.recvfrom, self._udp.sendto
        for _ in range(_BATCH):
            try:
                data, peer = receive(_MAX_QUERY)
            except OSError:
                # Nothing waits any more, or an ICMP error for an earlier reply came back: UDP may lose it.
                return
            # Looked up after the query has come: a change that was made before it was sent is in its answer.
            answer = self._responder.reply(data, peer[0])
            if answer is not None:
                with contextlib.suppress(OSError):
                    send(answer, peer)


def _presented(rtype: int, rdata: bytes) -> str:
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(rtype), rdata, 0, len(rdata)).to_text()
