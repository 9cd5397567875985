"""An endpoint to probe, a control plane to obey, and the health checkers between them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import boto3
import pytest
import trustme
from moto.server import ThreadedMotoServer

from harness.clock import ScaledClock
from harness.lab.health import LabHealth
from harness.lab.ports import Truth

RATE = 200.0
DOMAIN_NAME = "abc.execute-api.eu-west-1.amazonaws.com"

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

T = TypeVar("T")


class Endpoint:
    """A server on loopback that answers every request with `answer`, or, when that is None, never.

    It counts the requests in `requests`, and the server names that TLS clients sent in `server_names`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: bytes | None = OK
        self.requests: list[bytes] = []
        self.accepted_at_wall_s: list[float] = []
        self.server_names: list[str | None] = []
        self.open_connections = 0
        self._tls = tls
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.server_names.append(name)

    def last_requests_are_all_of(self, check_id: str) -> bool:
        """Of two intervals: 32, when 16 checkers probe for one check. Two checks that are probed take turns."""
        last = self.requests[-32:]
        return len(last) == 32 and all(f"ref {check_id};".encode() in request for request in last)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        self.accepted_at_wall_s.append(time.monotonic())
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answer is None:
                    await reader.read()
                else:
                    writer.write(self.answer)
        finally:
            self.open_connections -= 1
            writer.close()


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self.errors.append(context))
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self) -> None:
        self.run(_end_all_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def _end_all_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class HealthWorld:
    """Health checkers at `RATE` against a control plane and one endpoint, with all that they told."""

    def __init__(self, loop: Loop, aws_url: str, endpoint: Endpoint, session: boto3.Session) -> None:
        self.loop = loop
        self.aws_url = aws_url
        self.endpoint = endpoint
        self.clock = ScaledClock(RATE)
        self.is_stopped = False
        self.created: list[str] = []
        self.truths: list[Truth] = []
        self.dns_changes: list[float] = []
        self.session = session
        self.route53 = session.client("route53", endpoint_url=aws_url)
        self.health = LabHealth(
            loop.loop,
            clock=self.clock,
            aws_url=aws_url,
            connect_to=lambda host, _port: ("127.0.0.1", endpoint.port) if host == DOMAIN_NAME else None,
            seed=11,
            on_dns_change=lambda: self.dns_changes.append(self.clock.now_s()),
            truth=self.truths.append,
        )

    def create(self, **config: Any) -> str:
        """Creates a health check on the endpoint, as quick as Route 53 allows; its id."""
        defaults = {
            "Type": "HTTP",
            "FullyQualifiedDomainName": DOMAIN_NAME,
            "Port": 80,
            "ResourcePath": "/prod/health",
            "RequestInterval": 10,
            "FailureThreshold": 1,
        }
        if config.get("Type") == "CALCULATED":
            defaults = {}
        created = self.route53.create_health_check(
            CallerReference=str(time.monotonic_ns()), HealthCheckConfig={**defaults, **config}
        )
        self.created.append(created["HealthCheck"]["Id"])
        return self.created[-1]

    def start(self) -> None:
        self.loop.run(self.health.start())

    def stop(self) -> None:
        if not self.is_stopped:
            self.is_stopped = True
            self.loop.run(self.health.stop())

    def reload(self) -> None:
        self.health.reload().result(10)

    def configure(self, check_id: str, **config: Any) -> None:
        """Changes a health check, and waits until the checkers follow it."""
        self.route53.update_health_check(HealthCheckId=check_id, **config)
        self.reload()

    def told(self, what: str, check_id: str) -> list[Truth]:
        return [truth for truth in self.truths if truth.what == what and truth.detail["health_check_id"] == check_id]

    def break_endpoint(self) -> float:
        """Stack second at which the endpoint began to answer 503."""
        self.endpoint.answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        return self.clock.now_s()

    def mend_endpoint(self) -> float:
        self.endpoint.answer = OK
        return self.clock.now_s()

    def tear_down(self) -> None:
        self.stop()
        for check_id in self.created:
            with contextlib.suppress(self.route53.exceptions.NoSuchHealthCheck):
                self.route53.delete_health_check(HealthCheckId=check_id)
        self.route53.close()


def wait_until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    """Returns as soon as `condition` holds; fails when it does not within so many wall seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.002)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    return wait_until


@pytest.fixture(scope="session")
def certificate() -> trustme.LeafCert:
    return trustme.CA().issue_cert("some-other-name.example")


@pytest.fixture
def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()
    assert loop.errors == []


@pytest.fixture
def endpoint(loop: Loop) -> Iterator[Endpoint]:
    endpoint = Endpoint()
    loop.run(endpoint.start())
    yield endpoint
    loop.run(endpoint.stop())


@pytest.fixture
def tls_endpoint(loop: Loop, tls: ssl.SSLContext) -> Iterator[Endpoint]:
    endpoint = Endpoint(tls)
    loop.run(endpoint.start())
    yield endpoint
    loop.run(endpoint.stop())


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """A stock moto server; its health checks outlive a test, so each test deletes its own."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", region_name="us-east-1")


@pytest.fixture
def world(loop: Loop, aws_url: str, endpoint: Endpoint, session: boto3.Session) -> Iterator[HealthWorld]:
    """Started by the test, when its health checks exist."""
    world = HealthWorld(loop, aws_url, endpoint, session)
    yield world
    world.tear_down()


@pytest.fixture
def tls_world(loop: Loop, aws_url: str, tls_endpoint: Endpoint, session: boto3.Session) -> Iterator[HealthWorld]:
    """The same with an endpoint that speaks TLS."""
    world = HealthWorld(loop, aws_url, tls_endpoint, session)
    yield world
    world.tear_down()
