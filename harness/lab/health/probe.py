"""One probe, as a Route 53 health checker makes it: a new connection, one GET, one verdict in Route 53's words.

Of the words only those for an HTTP status and for a timeout are known from AWS; the others are ours, beginning with
"Failure: " as all of AWS's do.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import msgspec

from harness.clock import Clock
from harness.lab.health.connection import Address, Connection
from harness.lab.health.reply import MalformedReply, Reply
from harness.models.health import (
    BODY_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    SEARCHED_BYTES,
    STATUS_TIMEOUT_S,
    TCP_CONNECT_TIMEOUT_S,
    HealthCheck,
    HealthCheckType,
)

AddressOf = Callable[[str, int], Address | None]
"""(host, port) of an endpoint -> where the lab has it; None when its name does not resolve."""

_TIMED_OUT = (
    "Failure: Connection timed out. The endpoint or the internet connection is down, or requests are being blocked by "
    "your firewall. See https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-router-firewall-rules.html"
)


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    report: str
    """Route 53's words, from "Success: " or "Failure: " on."""
    responded_s: float
    """Stack seconds at which the probe counts as answered; of one that timed out, when AWS would have given up."""


class Prober:
    """Makes probes; shared by all checkers of a lab.

    AWS's timeouts are stack seconds: at rate 20 the 2 s for a status are 0.1 wall seconds, which a busy machine misses
    now and then although nothing is wrong. So no timeout is shorter than `minimum_timeout_wall_s`. A probe that runs
    into that floor still counts as answered when AWS's timeout was over: the floor makes a verdict late by at most
    itself, once, and does not stretch the period between probes.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, connect_to: AddressOf, minimum_timeout_wall_s: float = 0.5
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._connect_to = connect_to
        self._minimum_timeout_wall_s = minimum_timeout_wall_s
        self._tls = _client_context()

    async def probe(self, check: HealthCheck) -> ProbeResult:
        """Probes the endpoint of `check` once. Whatever goes wrong with it is the result, never an error."""
        host = check.ip_address or check.domain_name or ""
        address = self._connect_to(host, check.port)
        if address is None:
            return self._result(f"Failure: DNS resolution failed: {host!r} has no address.")
        stage = _Stage(self._loop, self._clock, self._minimum_timeout_wall_s)
        try:
            report = await self._look(check, address, stage)
        except TimeoutError:
            return ProbeResult(success=False, report=_TIMED_OUT, responded_s=stage.ends_s)
        except (OSError, MalformedReply) as error:
            report = f"Failure: {_in_words(error)}. Resolved IP: {address[0]}"
        return self._result(report)

    async def _look(self, check: HealthCheck, address: Address, stage: _Stage) -> str:
        is_tcp = check.type is HealthCheckType.TCP
        stage.begin(TCP_CONNECT_TIMEOUT_S if is_tcp else CONNECT_TIMEOUT_S)
        connection = await Connection.open(self._loop, address, stage.deadline_s)
        try:
            if is_tcp:
                return f"Success: TCP connection established. Resolved IP: {address[0]}"
            stage.begin(STATUS_TIMEOUT_S)
            if check.type.uses_tls:
                server_name = check.domain_name if check.enable_sni else None
                await connection.secure(self._tls, server_name, stage.deadline_s)
            return await _ask(check, connection, address, stage)
        finally:
            connection.close()

    def _result(self, report: str) -> ProbeResult:
        return ProbeResult(success=report.startswith("Success"), report=report, responded_s=self._clock.now_s())


class _Stage:
    """The part of a probe that is under way, and until when it may take."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, minimum_timeout_wall_s: float) -> None:
        self._loop = loop
        self._clock = clock
        self._minimum_timeout_wall_s = minimum_timeout_wall_s
        self.ends_s = 0.0
        """By AWS's rule, in stack seconds."""
        self.deadline_s = 0.0
        """By ours, on the loop's clock: not before AWS's."""

    def begin(self, allowed_s: float) -> None:
        self.ends_s = self._clock.now_s() + allowed_s
        self.deadline_s = self._loop.time() + max(allowed_s / self._clock.rate, self._minimum_timeout_wall_s)


async def _ask(check: HealthCheck, connection: Connection, address: Address, stage: _Stage) -> str:
    reply = Reply()
    await connection.send(_request(check), stage.deadline_s)
    while not reply.has_status:
        reply.feed(await connection.receive(stage.deadline_s))
    words = f"HTTP Status Code {reply.status}, {reply.reason}. Resolved IP: {address[0]}"
    if not reply.is_ok:
        return f"Failure: {words}"
    if check.type.matches_string:
        stage.begin(BODY_TIMEOUT_S)
        while not (reply.contains(check.search_string) or reply.has_searched_bytes):
            reply.feed(await connection.receive(stage.deadline_s))
        if not reply.contains(check.search_string):
            return f"Failure: {words}. The search string is not in the first {SEARCHED_BYTES} bytes of the body"
    return f"Success: {words}"


def _request(check: HealthCheck) -> bytes:
    """Without a domain name, Route 53 puts the address into Host; a port that is not the scheme's stands beside it."""
    host = check.domain_name or check.ip_address or ""
    if check.port != (443 if check.type.uses_tls else 80):
        host = f"{host}:{check.port}"
    agent = f"Amazon-Route53-Health-Check-Service (ref {check.health_check_id}; report http://amzn.to/1vsZADi)"
    lines = (f"GET {check.path} HTTP/1.1", f"Host: {host}", "Connection: close", f"User-Agent: {agent}", "Accept: */*")
    return "\r\n".join((*lines, "", "")).encode()


def _in_words(error: OSError | MalformedReply) -> str:
    if isinstance(error, ssl.SSLError):
        _, alert, name = (error.reason or "").rpartition("ALERT_")
        # "SSL alert handshake_failure" is what AWS says of an endpoint that needs a server name and gets none.
        return f"SSL alert {name.lower()}" if alert else f"SSL error {error.reason or error}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _client_context() -> ssl.SSLContext:
    """Route 53 does not look at certificates; one context for all probes, since building one costs milliseconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
