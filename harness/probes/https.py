"""One HTTPS request as a user at a vantage would make it: resolve through a cache, connect, verify, ask, read.

Every look is a new connection with a full TLS handshake: no keep-alive, no session resumption. A pooled connection
would go on talking to the region that it was opened to, and so hide what DNS says now.
"""

from __future__ import annotations

import socket
import ssl

import httptools

from harness.clock import Clock
from harness.events import HttpReply, Outcome
from harness.models.resolver import CachedAnswer, TtlCache
from harness.probes.dns import ask
from harness.probes.reply import CutShort, ReplyReader
from harness.target import Target
from harness.vantages import Vantage

TIMEOUT_S = 10.0
TIMEOUT_FLOOR_WALL_S = 1.0
"""A fast clock does not make the machine faster: a look gets this much real time, whatever `timeout_s` says."""


class _Unresolved(Exception):
    """The message is what the name server said or did not say."""


def look(
    target: Target,
    vantage: Vantage,
    cache: TtlCache,
    *,
    clock: Clock,
    path: str,
    method: str = "GET",
    timeout_s: float = TIMEOUT_S,
    due_s: float | None = None,
) -> HttpReply:
    """One look. Whatever goes wrong is in the reply: outcome FAIL and a short `error`.

    `cache` is the vantage's own resolver cache. `due_s`: when the look was due, for `late_s`.
    """
    start_s = clock.now_s()
    attempt = _Attempt(target, vantage, cache, clock, start_s + max(timeout_s, TIMEOUT_FLOOR_WALL_S * clock.rate))
    error = attempt.make(method, path)
    return HttpReply(
        start_s=start_s,
        end_s=clock.now_s(),
        source="https",
        vantage=vantage.name,
        method=method,
        path=path,
        outcome=Outcome.FAIL if error else Outcome.OK,
        address=attempt.address,
        resolved_s=attempt.resolved_s,
        status=attempt.reply.status,
        region=attempt.reply.region,
        dns_s=attempt.dns_s,
        connect_s=attempt.connect_s,
        tls_s=attempt.tls_s,
        first_byte_s=attempt.first_byte_s,
        late_s=max(0.0, start_s - due_s) if due_s is not None else 0.0,
        error=error,
    )


class _Attempt:
    """What is known of a look so far: it may end at any step."""

    def __init__(self, target: Target, vantage: Vantage, cache: TtlCache, clock: Clock, deadline_s: float) -> None:
        self._target = target
        self._vantage = vantage
        self._cache = cache
        self._clock = clock
        self._started_s = clock.now_s()
        self._deadline_s = deadline_s
        self._waiting_for = "a name server"
        self.reply = ReplyReader()
        self.address: str | None = None
        self.resolved_s: float | None = None
        self.dns_s: float | None = None
        self.connect_s: float | None = None
        self.tls_s: float | None = None
        self.first_byte_s: float | None = None

    def make(self, method: str, path: str) -> str | None:
        """Goes as far as it can. None when a whole reply with status 200 to 399 came, else what went wrong."""
        try:
            self._ask(method, path)
        except TimeoutError:
            waited_s = self._clock.now_s() - self._started_s
            return f"timed out after {waited_s:.3g} s waiting for {self._waiting_for}"
        except ConnectionRefusedError:
            return f"connect refused by {self.address}:{self._target.https_port}"
        except ssl.SSLCertVerificationError as error:
            return f"certificate: {error.verify_message}"
        except ssl.SSLError as error:
            return f"TLS: {error.reason or error} while waiting for {self._waiting_for}"
        except OSError as error:
            return f"{error.strerror or error} while waiting for {self._waiting_for}"
        except (_Unresolved, CutShort) as error:
            return str(error)
        except httptools.HttpParserError as error:
            return f"malformed reply: {error}"
        status = self.reply.status or 0
        return None if 200 <= status < 400 else f"status {status}"

    def _ask(self, method: str, path: str) -> None:
        answer = self._resolve()
        self.resolved_s = answer.resolved_s
        with self._connect(answer.addresses) as raw, self._handshake(raw) as connection:
            asked_s = self._clock.now_s()
            self._waiting_for = "the first byte"
            connection.sendall(_request(method, self._target.stack.domain_name, path))
            while not self.reply.complete:
                data = self._receive(connection)
                if self.first_byte_s is None and data:
                    self.first_byte_s = self._clock.now_s() - asked_s
                    self._waiting_for = "the rest of the reply"
                self.reply.feed(data)

    def _resolve(self) -> CachedAnswer:
        """The cached answer while its TTL lasts, else one asked of the first name server that has one."""
        domain_name = self._target.stack.domain_name
        asked_s = self._clock.now_s()
        cached = self._cache.fresh(domain_name, asked_s)
        if cached is not None:
            return cached
        for server in self._target.nameservers():
            self._wall_s_left()
            answer = ask(self._target, self._vantage, server, clock=self._clock)
            self.dns_s = answer.end_s - asked_s
            if answer.addresses:
                ttl_s = answer.ttl_s or 0.0
                return self._cache.store(domain_name, answer.addresses, ttl_s=ttl_s, now_s=answer.end_s)
            if answer.rcode in {"NOERROR", "NXDOMAIN"}:
                break
        raise _Unresolved(f"DNS: {answer.error}")

    def _connect(self, addresses: tuple[str, ...]) -> socket.socket:
        """To the first address that accepts, in the order of the answer, as browsers do."""
        started_s = self._clock.now_s()
        failure: OSError | None = None
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            self.address = address
            self._waiting_for = f"a connection to {address}:{self._target.https_port}"
            try:
                raw = socket.create_connection((address, self._target.https_port), self._wall_s_left() / untried)
            except OSError as error:
                failure = error
                continue
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connect_s = self._clock.now_s() - started_s
            return raw
        raise failure or _Unresolved("DNS: no address")

    def _handshake(self, raw: socket.socket) -> ssl.SSLSocket:
        started_s = self._clock.now_s()
        self._waiting_for = "the TLS handshake"
        raw.settimeout(self._wall_s_left())
        connection = self._target.tls_context().wrap_socket(raw, server_hostname=self._target.stack.domain_name)
        self.tls_s = self._clock.now_s() - started_s
        return connection

    def _receive(self, connection: ssl.SSLSocket) -> bytes:
        # Set anew for each read: a server that drips one byte at a time would otherwise hold the look for ever.
        connection.settimeout(self._wall_s_left())
        return connection.recv(65536)

    def _wall_s_left(self) -> float:
        left_s = self._deadline_s - self._clock.now_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s / self._clock.rate


def _request(method: str, host: str, path: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: multi-region-harness", "Accept: */*")
    return "\r\n".join((*lines, "Connection: close", "\r\n")).encode("ascii")
