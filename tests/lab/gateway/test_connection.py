from __future__ import annotations

import random
import socket

import pytest

MIB = 1024 * 1024


@pytest.fixture
def echo(running, build):
    """A method that answers with the request's body."""
    running.serve(
        build.Resource(
            path="/echo",
            methods=(
                build.mock(
                    "POST",
                    template='#set($context.responseOverride.header.Length = $input.body.length()){"statusCode": 200}',
                    responses=(build.response(200, "$context.responseOverride.header.Length"),),
                ),
                build.mock("GET", responses=(build.response(200, "$input.params('n')"),)),
                build.mock("HEAD"),
            ),
        )
    )
    return running


def request(host, target="/prod/echo", method="GET", headers=(), body=b""):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_reply(sock):
    """(status, body) of one reply with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(1)
    head = data.decode("latin-1")
    length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
    body = b""
    while len(body) < length:
        body += sock.recv(length - len(body))
    return int(head.split()[1]), body.decode()


def test_a_connection_is_kept_for_the_next_request(echo, build):
    with echo.connect() as sock:
        for number in ("1", "2", "3"):
            sock.sendall(request(build.HOST, f"/prod/echo?n={number}"))
            assert read_reply(sock) == (200, number)


def test_pipelined_requests_are_answered_in_order(echo, build):
    with echo.connect() as sock:
        sock.sendall(b"".join(request(build.HOST, f"/prod/echo?n={number}") for number in range(50)))

        assert [read_reply(sock)[1] for _ in range(50)] == [str(number) for number in range(50)]


def test_a_request_may_come_in_single_bytes(echo, build):
    with echo.connect() as sock:
        for byte in request(build.HOST, "/prod/echo?n=7"):
            sock.send(bytes([byte]))

        assert read_reply(sock) == (200, "7")


def test_a_client_that_asks_to_close_is_closed_after_its_reply(echo, build):
    with echo.connect() as sock:
        sock.sendall(request(build.HOST, headers=("Connection: close",)) + request(build.HOST))

        assert read_reply(sock)[0] == 200
        assert sock.recv(1) == b""


def test_a_chunked_body_arrives_whole(echo, build):
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    with echo.connect() as sock:
        sock.sendall(request(build.HOST, method="POST", headers=("Transfer-Encoding: chunked",), body=chunks))

        assert read_reply(sock) == (200, "11")


def test_a_client_that_waits_for_100_continue_gets_it(echo, build):
    with echo.connect() as sock:
        sock.sendall(request(build.HOST, method="POST", headers=("Content-Length: 2", "Expect: 100-continue")))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        sock.sendall(b"hi")
        assert read_reply(sock) == (200, "2")


def test_a_body_of_10_mib_passes(echo):
    assert echo.get("/prod/echo", method="POST", body=b"x" * 10 * MIB).body == str(10 * MIB)


def test_a_longer_body_is_413(echo):
    reply = echo.get("/prod/echo", method="POST", body=b"x" * (10 * MIB + 1))

    assert (reply.status, reply.body) == (413, '{"message":"Request Too Long"}')


def test_a_chunked_body_that_grows_too_long_is_413(echo, build):
    chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
    with echo.connect() as sock:
        sock.sendall(request(build.HOST, method="POST", headers=("Transfer-Encoding: chunked",)) + chunk * 11)

        assert read_reply(sock)[0] == 413


def test_headers_above_10240_bytes_are_431(echo):
    assert echo.get("/prod/echo", headers={"X-Long": "x" * 10_300}).status == 431


def test_a_header_without_end_is_431(echo, build):
    with echo.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)

        assert read_reply(sock)[0] == 431


def test_a_reply_to_head_has_no_body(echo, build):
    with echo.connect() as sock:
        sock.sendall(request(build.HOST, method="HEAD", headers=("Connection: close",)))
        data = b""
        while piece := sock.recv(1000):
            data += piece

    assert data.endswith(b"Content-Length: 2\r\n\r\n")


def test_a_client_that_reads_late_gets_everything(running, build):
    """40 replies of 1 MiB exceed what the kernel buffers, so the server must hold back until we read."""
    body = "x" * MIB
    running.serve(build.Resource(path="/large", methods=(build.mock(responses=(build.response(200, body),)),)))
    with running.connect() as sock:
        sock.sendall(request(build.HOST, "/prod/large") * 40)
        replies = [read_reply(sock) for _ in range(40)]

    assert replies == [(200, body)] * 40


def test_garbage_is_400_and_the_gateway_goes_on(echo, build):
    with echo.connect() as sock:
        sock.sendall(b"\x00\x01garbage\r\n\r\n")
        assert read_reply(sock)[0] == 400

    assert echo.get("/prod/echo?n=1").status == 200


def test_random_bytes_before_and_inside_tls_never_stop_it(echo):
    seed = random.SystemRandom().getrandbits(32)
    noise = random.Random(seed)
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", echo.gateway.port), 5)
        raw.sendall(noise.randbytes(300))
        raw.close()
        with echo.connect() as sock:
            sock.sendall(noise.randbytes(300))

    assert echo.get("/prod/echo?n=1").status == 200, f"seed {seed}"
