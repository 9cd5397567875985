"""A resolver on this machine that can be cut off: it passes questions on to the stack's name servers, and then no more.

What happens to a resolver that loses its way to the name servers cannot be asked of anybody else's.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from harness.clock import Clock
from harness.nameservers import Nameserver

MESSAGE_BYTES = 4096
ANSWER_WITHIN_WALL_S = 2.0


class Forwarder:
    """Answers over UDP on a free port of 127.0.0.1, until `for_s` stack seconds after the first question; then not."""

    def __init__(self, name_server: Nameserver, clock: Clock, *, for_s: float) -> None:
        self._name_server = name_server
        self._clock = clock
        self._for_s = for_s
        self._asked_s: float | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="forwarder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A datagram of nothing wakes the thread, which then ends.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(2 * ANSWER_WITHIN_WALL_S)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(MESSAGE_BYTES)
            if not question:
                return
            if self._asked_s is None:
                self._asked_s = self._clock.now_s()
            if self._clock.now_s() < self._asked_s + self._for_s:
                with contextlib.suppress(OSError):  # No answer: the client asks again, as it would ask any resolver.
                    self._socket.sendto(self._ask(question), client)

    def _ask(self, question: bytes) -> bytes:
        family = socket.AF_INET6 if ":" in self._name_server[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(ANSWER_WITHIN_WALL_S)
            channel.connect(self._name_server)
            channel.send(question)
            return channel.recv(MESSAGE_BYTES)
