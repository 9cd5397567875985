"""A port that swallows connections: no answer to a SYN, as behind a router that drops packets.

Nothing below the kernel is needed: Linux drops SYNs for a listener whose queue of accepted connections is full, so this
is a listener with the shortest queue, filled by ourselves and never emptied. A client that is still trying when the
port serves again gets through with its next SYN.
"""

from __future__ import annotations

import contextlib
import socket

_FILLERS = 2
"""A backlog of 0 takes one connection; the second shows the kernel that the queue is full."""


class BlackHole:
    """From now until `close()`. Raises OSError when the address or port cannot be taken."""

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.create_server((address, port), backlog=0)
        self._fillers = [self._fill(address, port) for _ in range(_FILLERS)]

    @staticmethod
    def _fill(address: str, port: int) -> socket.socket:
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect((address, port))
        return filler

    def close(self) -> None:
        for one in (self._listener, *self._fillers):
            one.close()
