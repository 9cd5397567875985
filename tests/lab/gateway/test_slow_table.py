"""A table that answers late: the reply is held, in order, and API Gateway gives up after the integration's timeout."""

from __future__ import annotations

import http.client
import time

import pytest

from harness.lab.replication.levers import SlowTable

READ = '{"TableName": "t", "Key": {"pk": {"S": "health"}}}'


@pytest.fixture
def serving(running, build):
    """GET /data asks the table, GET /health does not."""

    def serve(**options):
        found = build.response(200, "{}", pattern="200")
        running.serve(
            build.Resource(path="/data", methods=(build.dynamodb("GET", "GetItem", READ, (found,), **options),)),
            build.Resource(path="/health", methods=(build.mock(),)),
        )
        return running

    return serve


def timed(running, path):
    began = time.monotonic()
    reply = running.get(path)
    return reply.status, time.monotonic() - began


def test_what_asks_the_table_is_late_and_nothing_else(serving):
    running = serving()
    running.gateway.set_slow_table(SlowTable(delay_s=0.3))

    (health, at_once_s), (data, late_s) = timed(running, "/prod/health"), timed(running, "/prod/data")

    assert (health, data) == (200, 200)
    assert at_once_s < 0.3 <= late_s


def test_one_that_takes_too_long_is_given_up(serving):
    """The integration's timeout is 0.2 s: 504 after that, not after the 5 s that the table would take."""
    running = serving(timeout_ms=200)
    running.gateway.set_slow_table(SlowTable(delay_s=5.0))

    status, took_s = timed(running, "/prod/data")

    assert status == 504
    assert 0.2 <= took_s < 5


def test_a_share_is_slow(serving):
    running = serving(timeout_ms=100)
    running.gateway.set_slow_table(SlowTable(delay_s=5.0, share=0.25))

    assert [running.get("/prod/data").status for _ in range(8)] == [200, 200, 200, 504] * 2


def test_it_is_over_when_the_lever_is_undone(serving):
    running = serving(timeout_ms=100)
    running.gateway.set_slow_table(SlowTable(delay_s=5.0))
    running.gateway.set_slow_table(None)

    assert running.get("/prod/data").status == 200


def test_pipelined_replies_keep_their_order(serving, build):
    """The first asks the table, which is slow; the second, behind it, does not wait for anything but its turn."""
    running = serving()
    running.gateway.set_slow_table(SlowTable(delay_s=0.3))
    one, last = (f"GET /prod/{path} HTTP/1.1\r\nHost: {build.HOST}\r\n" for path in ("data", "health"))
    began = time.monotonic()
    with running.connect() as connection:
        connection.sendall(f"{one}\r\n{last}Connection: close\r\n\r\n".encode())
        received = b""
        while data := connection.recv(65_536):
            received += data

    assert time.monotonic() - began >= 0.3
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.endswith(b"\r\n\r\n{}")


def test_a_client_that_does_not_wait_leaves_nothing_behind(serving, build):
    running = serving()
    running.gateway.set_slow_table(SlowTable(delay_s=0.2))
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = running.connect()
    connection.request("GET", "/prod/data", headers={"Host": build.HOST})
    connection.close()

    # By the time that the next one has its reply, the time of the first one's has come, and nobody took it.
    assert running.get("/prod/data").status == 200
    assert running.get("/prod/health").status == 200
