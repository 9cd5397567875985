"""One probe over real connections, and what Route 53 would say of it."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading

import pytest

from harness.clock import ScaledClock
from harness.lab.health.probe import Prober
from harness.models.health import HealthCheck, HealthCheckType

RATE = 100.0
FLOOR_WALL_S = 0.05


@pytest.fixture
def probe(loop):
    """Probes a port of loopback; keyword arguments are the health check's."""

    def run(listening_at: int, *, floor_wall_s: float = 5.0, rate: float = RATE, **config: object):
        prober = Prober(loop.loop, ScaledClock(rate), lambda _host, _port: ("127.0.0.1", listening_at), floor_wall_s)
        settings = {"type": HealthCheckType.HTTP, "domain_name": "api.example.com", "path": "/prod/health"} | config
        return loop.run(prober.probe(HealthCheck(health_check_id="hc-1", **settings)))

    return run


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
    return head.encode() + b"\r\n\r\n" + body


def test_a_good_reply_is_a_success_in_route_53s_words(probe, endpoint):
    result = probe(endpoint.port)

    assert result.success
    assert result.report == "Success: HTTP Status Code 200, OK. Resolved IP: 127.0.0.1"


def test_a_503_is_a_failure_in_route_53s_words(probe, endpoint):
    endpoint.answer = reply("503 Service Temporarily Unavailable")

    result = probe(endpoint.port)

    assert not result.success
    assert result.report == "Failure: HTTP Status Code 503, Service Temporarily Unavailable. Resolved IP: 127.0.0.1"


@pytest.mark.parametrize(("status", "success"), [("204 No Content", True), ("302 Found", True), ("399 X", True)])
def test_status_200_to_399_is_healthy_and_redirects_are_not_followed(probe, endpoint, status, success):
    endpoint.answer = reply(status, b"", "Location: /elsewhere")

    assert probe(endpoint.port).success is success
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Internal Server Error"])
def test_status_400_and_above_is_unhealthy(probe, endpoint, status):
    endpoint.answer = reply(status)

    assert not probe(endpoint.port).success


def test_the_request_names_host_path_and_health_check(probe, endpoint):
    probe(endpoint.port, port=80)

    lines = endpoint.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /prod/health HTTP/1.1"
    assert "Host: api.example.com" in lines
    assert "User-Agent: Amazon-Route53-Health-Check-Service (ref hc-1; report http://amzn.to/1vsZADi)" in lines


def test_a_port_that_is_not_the_schemes_stands_in_the_host_header(probe, endpoint):
    probe(endpoint.port, port=8080)

    assert b"Host: api.example.com:8080\r\n" in endpoint.requests[0]


def test_without_a_domain_name_the_address_is_the_host(probe, endpoint):
    probe(endpoint.port, port=80, domain_name=None, ip_address="192.0.2.7")

    assert b"Host: 192.0.2.7\r\n" in endpoint.requests[0]


def test_https_takes_any_certificate_and_sends_the_domain_name_as_server_name(probe, tls_endpoint):
    """The endpoint's certificate is for another name and of an unknown authority."""
    result = probe(tls_endpoint.port, type=HealthCheckType.HTTPS)

    assert result.report == "Success: HTTP Status Code 200, OK. Resolved IP: 127.0.0.1"
    assert tls_endpoint.server_names == ["api.example.com"]


def test_without_sni_the_client_hello_names_no_host(probe, tls_endpoint):
    assert probe(tls_endpoint.port, type=HealthCheckType.HTTPS, enable_sni=False).success
    assert tls_endpoint.server_names == [None]


def test_an_endpoint_that_needs_a_server_name_and_gets_none_fails_with_its_tls_alert(probe, tls):
    """A server of its own: asyncio's drops the alert with the connection."""
    tls.sni_callback = lambda _socket, name, _context: None if name else ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse_once() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ssl.SSLError):
                tls.wrap_socket(connection, server_side=True)

        refusing = threading.Thread(target=refuse_once)
        refusing.start()
        result = probe(server.getsockname()[1], type=HealthCheckType.HTTPS, enable_sni=False)
        refusing.join()

    assert result.report == "Failure: SSL alert handshake_failure. Resolved IP: 127.0.0.1"


def test_a_server_that_does_not_speak_tls_fails(probe, endpoint):
    assert not probe(endpoint.port, type=HealthCheckType.HTTPS, floor_wall_s=FLOOR_WALL_S).success


def test_a_refused_connection_is_a_failure(probe):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert probe(port).report == "Failure: Connection refused. Resolved IP: 127.0.0.1"


def test_a_name_without_an_address_is_a_failure_to_resolve(loop):
    prober = Prober(loop.loop, ScaledClock(RATE), lambda _host, _port: None)

    result = loop.run(
        prober.probe(HealthCheck(health_check_id="hc-1", type=HealthCheckType.HTTPS, domain_name="gone.example"))
    )

    assert not result.success
    assert result.report.startswith("Failure: DNS resolution failed")


@pytest.mark.parametrize("kind", [HealthCheckType.HTTP, HealthCheckType.HTTPS])
def test_an_endpoint_that_accepts_and_never_answers_times_out(probe, endpoint, kind):
    endpoint.answer = None

    assert probe(endpoint.port, type=kind, floor_wall_s=FLOOR_WALL_S).report.startswith(
        "Failure: Connection timed out."
    )


def test_a_probe_that_hits_the_floor_counts_as_answered_when_aws_would_have_given_up(probe, endpoint):
    """At rate 100 the floor of 0.3 wall s is 30 stack s, but AWS waits 2 s for a status: the next probe is due then."""
    endpoint.answer = None

    assert 2.0 <= probe(endpoint.port, floor_wall_s=0.3).responded_s < 25.0


def test_nobody_accepting_the_connection_is_a_timeout(probe):
    """A full backlog drops connection requests, as a firewall does."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())

        result = probe(server.getsockname()[1], floor_wall_s=FLOOR_WALL_S)

    assert result.report.startswith("Failure: Connection timed out.")


def test_a_tcp_check_is_content_with_a_connection(probe, endpoint):
    endpoint.answer = None

    assert probe(endpoint.port, type=HealthCheckType.TCP).success
    assert endpoint.requests == []


def test_the_search_string_must_lie_entirely_in_the_first_5120_bytes(probe, endpoint):
    """ "needle" ends at byte 5,120 in the first body and at byte 5,121 in the second."""
    results = []
    for padding in (5114, 5115):
        endpoint.answer = reply("200 OK", b"." * padding + b"needle" + b"." * 9000)
        results.append(probe(endpoint.port, type=HealthCheckType.HTTP_STR_MATCH, search_string="needle").success)

    assert results == [True, False]


def test_the_search_is_case_sensitive(probe, endpoint):
    endpoint.answer = reply("200 OK", b"All Good")

    result = probe(endpoint.port, type=HealthCheckType.HTTP_STR_MATCH, search_string="all good")

    assert not result.success
    assert "search string" in result.report


def test_the_string_is_found_over_tls_in_a_compressed_body(probe, tls_endpoint):
    tls_endpoint.answer = reply("200 OK", gzip.compress(b"all good"), "Content-Encoding: gzip")

    assert probe(tls_endpoint.port, type=HealthCheckType.HTTPS_STR_MATCH, search_string="all good").success


def test_a_bad_status_is_unhealthy_even_when_the_string_is_there(probe, endpoint):
    endpoint.answer = reply("500 Internal Server Error", b"all good")

    assert not probe(endpoint.port, type=HealthCheckType.HTTP_STR_MATCH, search_string="all good").success


def test_a_body_that_stops_before_the_string_times_out(probe, endpoint):
    endpoint.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n"

    result = probe(endpoint.port, type=HealthCheckType.HTTP_STR_MATCH, search_string="all good")

    assert not result.success


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 17_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=["not-http", "closed", "large-header", "upgrade"],
)
def test_a_reply_that_is_no_reply_is_a_failure_and_no_error(probe, endpoint, garbage):
    endpoint.answer = garbage

    result = probe(endpoint.port)

    assert not result.success
    assert result.report.startswith("Failure: ")


def test_a_body_that_is_not_compressed_as_it_says_is_a_failure(probe, endpoint):
    endpoint.answer = reply("200 OK", b"all good", "Content-Encoding: gzip")

    assert not probe(endpoint.port, type=HealthCheckType.HTTP_STR_MATCH, search_string="all good").success


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunfinish"])
def test_a_probe_closes_its_connection(probe, tls_endpoint, eventually, answer):
    tls_endpoint.answer = answer
    probe(tls_endpoint.port, type=HealthCheckType.HTTPS, floor_wall_s=FLOOR_WALL_S)

    assert len(tls_endpoint.requests) == 1
    eventually(lambda: tls_endpoint.open_connections == 0)
