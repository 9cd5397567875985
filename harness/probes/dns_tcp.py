"""One DNS question over TCP (RFC 7766): two octets of length, then the message, each way."""

from __future__ import annotations

import socket
import time

from harness.nameservers import Nameserver


def exchange(message: bytes, server: Nameserver, *, within_wall_s: float) -> bytes:
    """The reply as it came.

    Raises:
        OSError: no connection, no reply in time (TimeoutError), or one that was cut short.
    """
    deadline_s = time.monotonic() + within_wall_s
    with socket.create_connection(server, within_wall_s) as stream:
        stream.sendall(len(message).to_bytes(2) + message)
        length = int.from_bytes(_receive(stream, 2, deadline_s))
        return _receive(stream, length, deadline_s)


def _receive(stream: socket.socket, count: int, deadline_s: float) -> bytes:
    received = b""
    while len(received) < count:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        stream.settimeout(left_s)
        data = stream.recv(count - len(received))
        if not data:
            raise ConnectionError(f"closed after {len(received)} of {count} bytes")
        received += data
    return received
