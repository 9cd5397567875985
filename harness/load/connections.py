"""FastHttpUser's connections, led to where the vantage's resolver says; name, SNI and verification stay as they are.

Two kinds of client are real. One drops its connection when the answer by which it was opened has expired and the new
one leads elsewhere; the other keeps it for as long as the server does, and stays with its region whatever DNS says.
"""

from __future__ import annotations

import enum
import socket
import ssl
from typing import Any

import gevent.socket
import msgspec
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool

from harness.clock import Clock
from harness.load.places import Place
from harness.models.resolver import Use
from harness.probes.resolve import Resolution, Resolved, Unresolved
from harness.resolving import BeyondTtl
from harness.target import Target


class Connections(enum.Enum):
    DROP = "drop"
    KEEP = "keep"


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as it was opened."""

    address: str
    opened_s: float
    connect_s: float
    tls_s: float
    use: Use[Resolved]


class Route:
    """One user's way to the stack: which answer it goes by, and the connection that it has."""

    def __init__(self, target: Target, place: Place, clock: Clock, policy: Connections, timeout_s: float) -> None:
        self.place = place
        self._clock = clock
        self._policy = policy
        self._timeout_s = timeout_s
        self._pool = _Pool(self, target, clock, timeout_s / clock.rate)
        self.client = _Client(target.stack.domain_name, self._pool, clock)
        self.resolution: Resolution | None = None
        """What was looked up for the request under way; None: it goes over a connection that was there."""
        self.opened: Opened | None = None
        """The connection of the request under way, or of the one before."""
        self.kept = False
        """The request under way goes over a connection that was there."""

    def prepare(self) -> None:
        """Before each request: looks up the name when it must, and lets go of a connection that leads elsewhere.

        Raises:
            Unresolved: the resolver gave no address.
        """
        now_s = self._clock.now_s()
        self.resolution, self.kept = None, self._pool.has_connection() and not self._is_too_old(now_s)
        if self.kept and self.opened and not self._must_look(self.opened, now_s):
            return
        self.resolution = self.place.resolve(now_s + self._timeout_s)
        if self.resolution.use is None:
            raise Unresolved(f"DNS: {self.resolution.error}")
        addresses = self.resolution.use.answer.value.addresses
        self.kept = self.kept and self.opened is not None and self.opened.address in addresses
        if self.kept and self.opened:
            self.opened = msgspec.structs.replace(self.opened, use=self.resolution.use)
        else:
            self._pool.drop()

    @property
    def use(self) -> Use[Resolved] | None:
        """The answer that the request went by."""
        if self.resolution is not None:
            return self.resolution.use
        return self.opened.use if self.opened else None

    def beyond_ttl(self, at_s: float) -> tuple[BeyondTtl | None, str | None]:
        """Why the answer was used although its TTL had passed, and what is known of that."""
        if self.resolution is not None:
            return self.resolution.beyond_ttl, self.resolution.because
        if self.kept and self.opened and at_s - self.opened.use.answer.resolved_s >= self.opened.use.answer.ttl_s:
            return BeyondTtl.PINNED, "the client kept its connection"
        return None, None

    def close(self) -> None:
        self._pool.close()

    def _must_look(self, opened: Opened, now_s: float) -> bool:
        return self._policy is Connections.DROP and now_s >= opened.use.answer.expires_s

    def _is_too_old(self, now_s: float) -> bool:
        longest_s = self.place.vantage.connection_max_age_s
        return self.opened is not None and longest_s is not None and now_s - self.opened.opened_s >= longest_s


class RoutePool(HTTPClientPool):  # type: ignore[misc]  # not typed to our standard
    """What FastHttpSession asks for a client: there is one, whatever the URL."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self._route = route

    def get_client(self, url: Any) -> HTTPClient:  # noqa: ARG002
        return self._route.client


class _Pool(SSLConnectionPool):  # type: ignore[misc]  # not typed to our standard
    """One connection, to the first address of the answer that accepts."""

    def __init__(self, route: Route, target: Target, clock: Clock, timeout_wall_s: float) -> None:
        self._route = route
        self._clock = clock
        self._port = target.https_port
        domain_name = target.stack.domain_name
        super().__init__(
            domain_name,
            443,
            domain_name,
            443,
            # Called with a `cafile`, which the target's context has already.
            ssl_context_factory=lambda cafile=None: target.tls_context(),  # noqa: ARG005
            size=1,
            connection_timeout=timeout_wall_s,
            network_timeout=timeout_wall_s,
        )

    def has_connection(self) -> bool:
        return not self._socket_queue.empty()

    def drop(self) -> None:
        """Closes the idle connection, if there is one."""
        while not self._socket_queue.empty():
            self._socket_queue.get(block=False).close()

    def _resolve(self) -> list[tuple[Any, ...]]:
        if self._route.resolution is None:
            # The connection that was there had just been closed by the server: this one is opened by today's answer.
            self._route.resolution = self._route.place.resolve(self._clock.now_s() + self.connection_timeout)
        use = self._route.resolution.use
        if use is None:
            raise ConnectionError(f"DNS: {self._route.resolution.error}")
        kind = gevent.socket.SOCK_STREAM
        return [
            (_family(address), kind, socket.IPPROTO_TCP, "", (address, self._port))
            for address in use.answer.value.addresses
        ]

    def _connect_socket(self, sock: Any, address: Any) -> ssl.SSLSocket:
        opened_s = self._clock.now_s()
        # Not SSLConnectionPool's: connect and handshake are timed apart.
        ConnectionPool._connect_socket(self, sock, address)
        connected_s = self._clock.now_s()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured: ssl.SSLSocket = self.ssl_context.wrap_socket(sock, server_hostname=self._request_host)
        use = self._route.use
        if use is None:
            raise ConnectionError("connected without an answer to connect by")
        self._route.kept = False
        self._route.opened = Opened(
            address=address[0],
            opened_s=opened_s,
            connect_s=connected_s - opened_s,
            tls_s=self._clock.now_s() - connected_s,
            use=use,
        )
        return secured


class _Client(HTTPClient):  # type: ignore[misc]  # not typed to our standard
    """Speaks to the domain by name, over the pool's connection."""

    def __init__(self, domain_name: str, pool: _Pool, clock: Clock) -> None:
        super().__init__(domain_name, 443, ssl=False)
        self.ssl = True
        self._connection_pool = pool
        self._base_url_string = f"https://{domain_name}/"
        self._clock = clock
        self.head_s: float | None = None
        """When the head of the last reply had come."""

    def request(self, *arguments: Any, **named: Any) -> Any:
        self.head_s = None
        reply = super().request(*arguments, **named)
        self.head_s = self._clock.now_s()
        return reply


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
