from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import dns.message
import pytest

from harness.lab.dns.tcp import TcpConnection, TcpServer


@pytest.fixture
def connection(lab) -> Iterator[socket.socket]:
    with socket.create_connection(lab.dns.endpoint, timeout=5) as client:
        yield client


def framed(number: int, name: str = "plain.example.com", rtype: str = "A") -> bytes:
    query = dns.message.make_query(name, rtype, id=number).to_wire()
    return len(query).to_bytes(2) + query


def reply_ids(client: socket.socket, count: int) -> list[int]:
    with client.makefile("rb") as stream:
        replies = [stream.read(int.from_bytes(stream.read(2))) for _ in range(count)]
    return [int.from_bytes(reply[:2]) for reply in replies]


def test_many_queries_sent_at_once_are_answered_in_order(connection: socket.socket):
    """500 are more than one batch of the server."""
    connection.sendall(b"".join(framed(number) for number in range(500)))

    assert reply_ids(connection, 500) == list(range(500))


def test_a_query_may_arrive_octet_by_octet(connection: socket.socket):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in framed(7):
        connection.send(bytes([octet]))

    assert reply_ids(connection, 1) == [7]


def test_a_client_that_does_not_read_stops_being_read(connection: socket.socket):
    """Its own sending blocks before 16 MB: the server keeps neither its queries nor their answers without end."""
    connection.settimeout(0.3)
    burst = framed(1, "big.example.com", "TXT") * 5_000
    with pytest.raises(TimeoutError):
        connection.sendall(burst * (16_000_000 // len(burst)))


def test_a_client_that_has_said_all_still_gets_every_answer(connection: socket.socket):
    """As `cat queries | nc`: it ends its side at once, with 500 queries waiting, and reads until the server ends."""
    connection.sendall(b"".join(framed(number) for number in range(500)))
    connection.shutdown(socket.SHUT_WR)

    assert reply_ids(connection, 500) == list(range(500))
    assert connection.recv(1) == b""


def test_a_client_that_ends_in_the_middle_of_a_query_gets_the_answers_to_the_whole_ones(connection: socket.socket):
    connection.sendall(framed(1) + framed(2)[:-1])
    connection.shutdown(socket.SHUT_WR)

    assert reply_ids(connection, 1) == [1]
    assert connection.recv(1) == b""


class FullTransport(asyncio.Transport):
    """Says at its first write that the other side is slow, as asyncio does once its buffer is full."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written: list[bytes] = []
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.protocol.pause_writing()

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def test_queries_of_a_slow_client_wait_until_it_has_taken_an_answer():
    loop = asyncio.new_event_loop()
    transport = FullTransport()
    transport.protocol = TcpConnection(TcpServer(loop, lambda query, _: query))
    transport.protocol.connection_made(transport)
    transport.protocol.data_received(framed(1) + framed(2))

    assert (transport.written, transport.reading) == ([framed(1)], False)
    transport.protocol.resume_writing()
    assert transport.written == [framed(1), framed(2)]
    loop.close()


def test_a_message_that_is_no_query_ends_the_connection(connection: socket.socket):
    connection.sendall(b"\x00\x03abc")

    assert connection.recv(1) == b""


def test_an_idle_connection_is_closed(lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.lab.dns.tcp.IDLE_TIMEOUT_S", 0.05)
    with socket.create_connection(lab.dns.endpoint, timeout=5) as client:
        client.sendall(framed(1)[:-1])

        assert client.recv(1) == b""


def test_a_slow_reader_gets_every_answer_in_the_end(connection: socket.socket):
    """2,000 answers of 4,300 octets: more than the buffers between the two hold."""
    connection.sendall(b"".join(framed(number, "big.example.com", "TXT") for number in range(2_000)))

    assert reply_ids(connection, 2_000) == list(range(2_000))
