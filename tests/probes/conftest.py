"""A Route 53 API of four calls on loopback, for probes that ask it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from harness.aws import Aws
from harness.events import RunHeader
from harness.recorder import Recorder
from harness.target import Target
from harness.vantages import choose

_NAMESPACE = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'


class Route53:
    """Answers GetHealthCheckStatus, GetHealthCheck, GetHostedZone and TestDNSAnswer as set here.

    `paths` keeps what was asked.
    """

    def __init__(self) -> None:
        self.reset()
        route53 = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                route53.paths.append(self.path)
                body = route53.body(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        self.statuses: list[str] = ["Success: HTTP Status Code 200, OK."] * 16
        self.checked: dict[int, int] = {}
        """Checker's number -> second of the first minute of 2026 at which it looked; 0 when absent."""
        self.inverted = False
        self.disabled = False
        self.zone_name = "example.com."
        self.tested = ("NOERROR", ("127.0.0.1",))
        self.paths: list[str] = []

    def body(self, path: str) -> str:
        if path.endswith("/status"):
            observations = "".join(
                f"<HealthCheckObservation><Region>us-east-1</Region><IPAddress>192.0.2.{n}</IPAddress><StatusReport>"
                f"<Status>{status}</Status><CheckedTime>2026-01-01T00:00:{self.checked.get(n, 0):02}Z</CheckedTime>"
                "</StatusReport></HealthCheckObservation>"
                for n, status in enumerate(self.statuses)
            )
            return (
                f"<GetHealthCheckStatusResponse {_NAMESPACE}><HealthCheckObservations>{observations}"
                "</HealthCheckObservations></GetHealthCheckStatusResponse>"
            )
        if "/testdnsanswer" in path:
            rcode, addresses = self.tested
            data = "".join(f"<RecordDataEntry>{address}</RecordDataEntry>" for address in addresses)
            return (
                f"<TestDNSAnswerResponse {_NAMESPACE}><Nameserver>ns</Nameserver><RecordName>x</RecordName>"
                f"<RecordType>A</RecordType><RecordData>{data}</RecordData><ResponseCode>{rcode}</ResponseCode>"
                "<Protocol>UDP</Protocol></TestDNSAnswerResponse>"
            )
        if "/hostedzone/" in path:
            return (
                f"<GetHostedZoneResponse {_NAMESPACE}><HostedZone><Id>/hostedzone/Z123</Id>"
                f"<Name>{self.zone_name}</Name><CallerReference>x</CallerReference></HostedZone></GetHostedZoneResponse>"
            )
        inverted, disabled = str(self.inverted).lower(), str(self.disabled).lower()
        return (
            f"<GetHealthCheckResponse {_NAMESPACE}><HealthCheck><Id>c</Id><CallerReference>x</CallerReference>"
            f"<HealthCheckConfig><Type>HTTPS</Type><Inverted>{inverted}</Inverted><Disabled>{disabled}</Disabled>"
            "</HealthCheckConfig><HealthCheckVersion>1</HealthCheckVersion></HealthCheck></GetHealthCheckResponse>"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture(scope="session")
def _route53_server() -> Iterator[Route53]:
    server = Route53()
    yield server
    server.close()


@pytest.fixture
def route53(_route53_server: Route53) -> Route53:
    _route53_server.reset()
    return _route53_server


@pytest.fixture(scope="session")
def _route53_door(_route53_server: Route53) -> Aws:
    """Shared, since making a client costs 0.2 s of CPU."""
    return Aws(_route53_server.url)


@pytest.fixture
def make_whole_target(route53, _route53_door, make_target) -> Callable[..., Target]:
    """Endpoints' fields -> a target whose AWS door is `route53`."""

    def make(**fields) -> Target:
        target = make_target(aws_url=route53.url, **fields)
        target.aws = _route53_door
        return target

    return make


@pytest.fixture
def whole_target(make_whole_target, name_server, https_server, ca_file) -> Target:
    """A target with all three doors, its clock 20 times as fast as the wall's."""
    return make_whole_target(
        nameservers=(name_server.text,), https_port=https_server.port, ca_file=str(ca_file), clock_rate=20.0
    )


@pytest.fixture
def ireland():
    return choose(["eu-west-1"])[0]


@pytest.fixture
def make_recorder(two_region_stack):
    """A clock -> a recorder in memory whose header belongs to the two-region stack."""

    def make(clock) -> Recorder:
        header = RunHeader(
            start_s=0,
            end_s=0,
            source="test",
            name="test",
            started_at="2026-01-01T00:00:00Z",
            target="test",
            clock_rate=clock.rate,
            seed=1,
            stack=two_region_stack,
            harness_version="0",
        )
        return Recorder(clock, header)

    return make
