"""The two sockets of a name server: UDP and TCP on the same address and port."""

from __future__ import annotations

import errno
import socket

from harness.errors import LabError

_RECEIVE_BUFFER = 4 * 1024 * 1024
"""A burst of queries from all vantages waits here; the kernel cuts it down to its own limit."""
_BACKLOG = 256
_ATTEMPTS = 20


def bind_both(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """(UDP socket, listening TCP socket), not blocking; port 0 is one that is free for both.

    Raises:
        LabError: the port is taken, or the address is not one of this machine.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _bind(address, port)
        except OSError as error:
            # A port free for UDP may be taken for TCP: then another one is tried.
            if port == 0 and error.errno == errno.EADDRINUSE and attempt < _ATTEMPTS - 1:
                continue
            raise LabError(
                f"name server: {address} port {port or 'any'} cannot be bound, {error.strerror}; "
                "name another address or port, or end whatever uses it"
            ) from error
    raise AssertionError("the last attempt returned or raised")


def _bind(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        udp.bind((address, port))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, udp.getsockname()[1]))
        tcp.listen(_BACKLOG)
    except BaseException:
        udp.close()
        tcp.close()
        raise
    udp.setblocking(False)
    tcp.setblocking(False)
    return udp, tcp
