"""A region's endpoints in an outage: connections refused, or swallowed; and afterwards everything is as before."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def healthy(running, build):
    method = build.mock(template='{"statusCode": 200}')
    running.serve(build.Resource(path="/health", methods=(method,)))
    return running


def connecting(running, within_s: float = 0.3) -> str:
    try:
        with socket.create_connection(("127.0.0.1", running.gateway.port), within_s):
            return "connected"
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "refused"


@pytest.mark.parametrize(("mode", "what"), [("refuse", "refused"), ("hang", "no answer")])
def test_connections_are_refused_or_swallowed_until_it_is_over(healthy, mode, what):
    healthy.run(healthy.gateway.set_outage(mode))
    assert [connecting(healthy) for _ in range(4)] == [what] * 4

    healthy.run(healthy.gateway.set_outage(None))
    assert healthy.get("/prod/health").status == 200


def test_one_kind_of_outage_can_become_the_other(healthy):
    for mode, what in (("refuse", "refused"), ("hang", "no answer"), ("refuse", "refused"), ("refuse", "refused")):
        healthy.run(healthy.gateway.set_outage(mode))
        assert connecting(healthy) == what


def ask(connection, host: str) -> bytes:
    connection.sendall(f"GET /prod/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection.recv(4096)


def test_a_connection_that_is_open_when_a_region_hangs_hears_nothing_more(healthy, build):
    """Not even that it was closed: its client waits for its own timeout."""
    with healthy.connect() as connection:
        assert ask(connection, build.HOST).startswith(b"HTTP/1.1 200")
        healthy.run(healthy.gateway.set_outage("hang"))
        connection.settimeout(0.3)

        with pytest.raises(TimeoutError):
            ask(connection, build.HOST)
        healthy.run(healthy.gateway.set_outage(None))


def test_a_connection_that_is_open_when_a_region_refuses_is_closed(healthy, build):
    with healthy.connect() as connection:
        assert ask(connection, build.HOST).startswith(b"HTTP/1.1 200")
        healthy.run(healthy.gateway.set_outage("refuse"))
        connection.settimeout(2)

        assert connection.recv(4096) == b""


def test_a_gateway_is_stopped_in_the_middle_of_an_outage(healthy):
    healthy.run(healthy.gateway.set_outage("hang"))
    healthy.run(healthy.gateway.stop())

    assert connecting(healthy) == "refused"
