"""One HTTPS request as a user at a vantage would make it: resolve through a cache, connect, verify, ask, read.

Unless the vantage's client keeps its connection, every look is a new one with a full TLS handshake: no keep-alive, no
session resumption. A kept connection goes on talking to the region that it was opened to, and so hides what DNS says.
"""

from __future__ import annotations

import socket
import ssl

import httptools

from harness.clock import Clock
from harness.events import HttpReply, Outcome, RegionFrom
from harness.models.resolver import Use
from harness.probes.reply import CutShort, ReplyReader
from harness.probes.resolve import Resolution, Resolved, Unresolved, resolve
from harness.probes.user import KeptConnection, User
from harness.resolving import BeyondTtl
from harness.target import Target

TIMEOUT_S = 10.0
TIMEOUT_FLOOR_WALL_S = 1.0
"""A fast clock does not make the machine faster: a look gets this much real time, whatever `timeout_s` says."""


def look(
    target: Target,
    user: User,
    *,
    clock: Clock,
    path: str,
    method: str = "GET",
    timeout_s: float = TIMEOUT_S,
    due_s: float | None = None,
) -> HttpReply:
    """One look. Whatever goes wrong is in the reply: outcome FAIL and a short `error`.

    `due_s`: when the look was due, for `late_s`.
    """
    start_s = clock.now_s()
    attempt = _Attempt(target, user, clock, start_s + max(timeout_s, TIMEOUT_FLOOR_WALL_S * clock.rate))
    error = attempt.make(method, path)
    reply, used = attempt.reply, attempt.use
    beyond_ttl, because = attempt.beyond_ttl(start_s)
    return HttpReply(
        start_s=start_s,
        end_s=clock.now_s(),
        source="https",
        vantage=user.vantage.name,
        method=method,
        path=path,
        outcome=Outcome.FAIL if error else Outcome.OK,
        address=attempt.address,
        refused=tuple(attempt.refused),
        resolved_s=used.answer.resolved_s if used else None,
        ttl_s=used.answer.ttl_s if used else None,
        beyond_ttl=beyond_ttl,
        beyond_ttl_because=because,
        subnet=used.answer.value.subnet if used else None,
        cache=used.cache if used and user.cache.behaviour.caches > 1 else None,
        connection_age_s=start_s - attempt.kept.opened_s if attempt.kept else None,
        status=reply.status,
        region=reply.region or attempt.region_of_address(),
        region_from=reply.region_from or (RegionFrom.ADDRESS if attempt.region_of_address() else None),
        dns_s=attempt.dns_s,
        connect_s=attempt.connect_s,
        tls_s=attempt.tls_s,
        first_byte_s=attempt.first_byte_s,
        late_s=max(0.0, start_s - due_s) if due_s is not None else 0.0,
        error=error,
    )


class _Attempt:
    """What is known of a look so far: it may end at any step."""

    def __init__(self, target: Target, user: User, clock: Clock, deadline_s: float) -> None:
        self._target = target
        self._user = user
        self._clock = clock
        self._started_s = clock.now_s()
        self._deadline_s = deadline_s
        self._waiting_for = "a name server"
        self._resolution: Resolution | None = None
        self.kept: KeptConnection | None = None
        self.reply = ReplyReader(target.served_region)
        self.address: str | None = None
        self.refused: list[str] = []
        self.dns_s: float | None = None
        self.connect_s: float | None = None
        self.tls_s: float | None = None
        self.first_byte_s: float | None = None

    @property
    def use(self) -> Use[Resolved] | None:
        """The answer by which the connection was opened."""
        if self.kept:
            return self.kept.use
        return self._resolution.use if self._resolution else None

    def beyond_ttl(self, at_s: float) -> tuple[BeyondTtl | None, str | None]:
        """Why the answer was used although its TTL had passed, and what is known of that."""
        if self.kept:
            answer = self.kept.use.answer
            pinned = at_s - answer.resolved_s >= answer.ttl_s
            return (BeyondTtl.PINNED, "the client kept its connection") if pinned else (None, None)
        return (self._resolution.beyond_ttl, self._resolution.because) if self._resolution else (None, None)

    def region_of_address(self) -> str | None:
        """Where a reply that says nothing of its region came from, when the target has a list of ranges."""
        if self.reply.region or self.reply.status is None or not self.address:
            return None
        return self._target.address_ranges().region_of(self.address)

    def make(self, method: str, path: str) -> str | None:
        """Goes as far as it can. None when a whole reply with status 200 to 399 came, else what went wrong."""
        try:
            self._ask(_request(method, self._target.stack.domain_name, path, keep=self._user.vantage.keeps_connection))
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
        except (Unresolved, CutShort) as error:
            return str(error)
        except httptools.HttpParserError as error:
            return f"malformed reply: {error}"
        status = self.reply.status or 0
        return None if 200 <= status < 400 else f"status {status}"

    def _ask(self, request: bytes) -> None:
        self.kept = self._user.take_connection(self._clock.now_s())
        if self.kept and self._ask_over_kept(self.kept, request):
            return
        used = self._resolve()
        with self._connect(used.answer.value.addresses) as raw:
            channel = self._handshake(raw)
            opened_s = self._clock.now_s()
            try:
                self._exchange(channel, request)
            except BaseException:
                channel.close()
                raise
        self._keep_or_close(KeptConnection(channel, self.address or "", opened_s, used))

    def _ask_over_kept(self, kept: KeptConnection, request: bytes) -> bool:
        """False when the server had closed it meanwhile: then clients open another, and so does this one."""
        self.address = kept.address
        try:
            self._exchange(kept.channel, request)
        except (OSError, CutShort) as error:
            kept.channel.close()
            if self.reply.has_begun or isinstance(error, TimeoutError):
                raise
            self.kept = None
            self.reply = ReplyReader(self._target.served_region)
            return False
        except BaseException:
            kept.channel.close()
            raise
        self._keep_or_close(kept)
        return True

    def _keep_or_close(self, connection: KeptConnection) -> None:
        if self._user.vantage.keeps_connection and self.reply.can_be_followed:
            self._user.keep(connection)
        else:
            connection.channel.close()

    def _exchange(self, channel: ssl.SSLSocket, request: bytes) -> None:
        asked_s = self._clock.now_s()
        self._waiting_for = "the first byte"
        channel.settimeout(self._wall_s_left())
        channel.sendall(request)
        while not self.reply.complete:
            data = self._receive(channel)
            if self.first_byte_s is None and data:
                self.first_byte_s = self._clock.now_s() - asked_s
                self._waiting_for = "the rest of the reply"
            self.reply.feed(data)

    def _resolve(self) -> Use[Resolved]:
        """The cached answer while its TTL lasts, else what the vantage's resolver gives now."""
        self._waiting_for = "a name server"
        asked_s = self._clock.now_s()
        found = resolve(self._target, self._user.vantage, self._user.cache, clock=self._clock, until_s=self._deadline_s)
        self._resolution = found
        if found.asked is not None:
            self.dns_s = found.asked.end_s - asked_s
        if found.use is None:
            raise Unresolved(f"DNS: {found.error}")
        return found.use

    def _connect(self, addresses: tuple[str, ...]) -> socket.socket:
        """To the first address that accepts, in the order of the answer, as browsers do."""
        started_s = self._clock.now_s()
        failure: OSError | None = None
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            if failure is not None:
                self.refused.append(self.address or "")
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
        raise failure or Unresolved("DNS: no address")

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


def _request(method: str, host: str, path: str, *, keep: bool) -> bytes:
    connection = "keep-alive" if keep else "close"
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: multi-region-harness", "Accept: */*")
    return "\r\n".join((*lines, f"Connection: {connection}", "\r\n")).encode("ascii")
