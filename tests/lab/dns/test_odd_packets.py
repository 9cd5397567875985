"""Truncated, oversized and random packets over real sockets: an answer or a refusal where one is due, never silence."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import dns.edns
import dns.message
import dns.rcode
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FORMERR, NOTIMP = dns.rcode.FORMERR, dns.rcode.NOTIMP
WHOLE = dns.message.make_query(
    "aPi.example.com", "A", id=0x1234, options=[dns.edns.ECSOption("3.252.0.0", 24)], payload=1232
).to_wire()
ONE_SERVER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def udp(standing_lab) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(standing_lab.dns.endpoint)
        client.settimeout(5)
        yield client


def exchanged(client: socket.socket, data: bytes) -> bytes:
    client.send(data)
    return client.recv(65_535)


def is_due(data: bytes) -> bool:
    """A header, and no reply itself."""
    return len(data) >= 12 and not data[2] & 0x80


def is_alive(client: socket.socket) -> bool:
    """The marker's answer comes, and nothing before it: what was sent earlier got nothing."""
    return exchanged(client, b"\xfe\xed" + WHOLE[2:])[:2] == b"\xfe\xed"


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_query_cut_anywhere_is_a_format_error_or_less_than_a_header(udp: socket.socket, length: int):
    if length < 12:
        udp.send(WHOLE[:length])
        assert is_alive(udp)
        return
    reply = exchanged(udp, WHOLE[:length])

    assert (reply[:2], bool(reply[2] & 0x80), reply[3] & 15) == (WHOLE[:2], True, FORMERR)


@pytest.mark.parametrize("size", [600, 1_500, 5_000, 65_000])
def test_a_long_query_is_answered_like_a_short_one(udp: socket.socket, size: int):
    """Padding (RFC 7830) makes it long; nothing forbids a query of 65,000 octets."""
    options = [dns.edns.ECSOption("3.252.0.0", 24), dns.edns.GenericOption(12, bytes(size))]
    query = dns.message.make_query("api.example.com", "A", options=options)
    reply = dns.message.from_wire(exchanged(udp, query.to_wire(max_size=65_535)))

    assert (reply.rcode(), [str(rdata) for rrset in reply.answer for rdata in rrset]) == (
        dns.rcode.NOERROR,
        ["127.20.0.1"],
    )


@pytest.mark.parametrize("size", [1, 500, 4_096, 60_000])
def test_octets_after_the_last_record_are_a_format_error(udp: socket.socket, size: int):
    assert exchanged(udp, WHOLE + bytes(size))[3] & 15 == FORMERR


@ONE_SERVER
@given(data=st.binary(max_size=1_400))
def test_random_datagrams_get_a_refusal_where_one_is_due(udp: socket.socket, data: bytes):
    if not is_due(data):
        udp.send(data)
        assert is_alive(udp)
        return
    reply = exchanged(udp, data)

    assert (reply[:2], bool(reply[2] & 0x80)) == (data[:2], True)
    dns.message.from_wire(reply)


EDIT = st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))


def edited(edits: list[tuple[int, int]]) -> bytes:
    data = bytearray(WHOLE)
    for position, octet in edits:
        data[position] = octet
    return bytes(data)


@ONE_SERVER
@given(edits=st.lists(EDIT, min_size=1, max_size=5))
def test_a_damaged_query_gets_an_answer_or_a_refusal(udp: socket.socket, edits: list[tuple[int, int]]):
    data = edited(edits)
    if not is_due(data):
        udp.send(data)
        assert is_alive(udp)
        return
    reply = exchanged(udp, data)
    message = dns.message.from_wire(reply)

    assert (reply[:2], bool(reply[2] & 0x80), len(reply) <= 1232) == (data[:2], True, True)
    if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        assert message.question == dns.message.from_wire(data, question_only=True).question


@ONE_SERVER
@given(messages=st.lists(st.lists(EDIT, max_size=3), min_size=1, max_size=20))
def test_damaged_queries_on_one_connection_are_answered_in_order_until_one_is_none(standing_lab, messages):
    """A message that is no query ends the connection, after the answers to those before it."""
    queries = [number.to_bytes(2) + edited(edits)[2:] for number, edits in enumerate(messages)]
    due = next((at for at, query in enumerate(queries) if not is_due(query)), len(queries))
    with socket.create_connection(standing_lab.dns.endpoint, timeout=5) as client, client.makefile("rb") as stream:
        client.sendall(b"".join(len(query).to_bytes(2) + query for query in queries))
        client.shutdown(socket.SHUT_WR)
        for number in range(due):
            reply = stream.read(int.from_bytes(stream.read(2)))
            assert int.from_bytes(reply[:2]) == number
        assert stream.read() == b""


@ONE_SERVER
@given(data=st.binary(min_size=1, max_size=3_000))
def test_random_octets_on_a_connection_stop_nothing(standing_lab, udp: socket.socket, data: bytes):
    """Whatever lengths they claim, the connection ends, each reply in it whole, and the server still answers."""
    with socket.create_connection(standing_lab.dns.endpoint, timeout=5) as client, client.makefile("rb") as stream:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        received = stream.read()
    while received:
        (length,) = struct.unpack_from("!H", received)
        dns.message.from_wire(received[2 : 2 + length])
        received = received[2 + length :]
    assert is_alive(udp)


def test_a_tiny_buffer_is_taken_for_512(udp: socket.socket):
    """RFC 6891, 6.2.3: values lower than 512 are treated as 512."""
    query = dns.message.make_query("big.example.com", "TXT", use_edns=0, payload=0)
    reply = exchanged(udp, query.to_wire())

    assert (len(reply) <= 512, bool(reply[2] & 0x02)) == (True, True)


def test_a_connection_reset_in_the_middle_of_a_query_stops_nothing(standing_lab, udp: socket.socket):
    with socket.create_connection(standing_lab.dns.endpoint, timeout=5) as client:
        client.sendall(len(WHOLE).to_bytes(2) + WHOLE[:20])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert is_alive(udp)
