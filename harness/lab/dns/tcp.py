"""DNS over TCP (RFC 7766): many queries on one connection, answered in order, and no connection kept for nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

Reply = Callable[[bytes, str], bytes | None]

IDLE_TIMEOUT_S = 10.0
"""Wall seconds without a whole query after which a connection is closed."""
_MAX_CONNECTIONS = 512
_BATCH = 64
"""Queries answered before other work of the loop, and other connections, get their turn."""


class TcpServer:
    def __init__(self, loop: asyncio.AbstractEventLoop, reply: Reply) -> None:
        self.loop = loop
        self.reply = reply
        self.connections: set[TcpConnection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        self._server = await self.loop.create_server(lambda: TcpConnection(self), sock=listener)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.close()
            await self._server.wait_closed()
            self._server = None


class TcpConnection(asyncio.Protocol):
    """Reads length-prefixed queries, and reads on only when all are answered: a greedy client costs no memory."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._answering = False
        self._client_is_slow = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._resolver: str = transport.get_extra_info("peername")[0]
        self._server.connections.add(self)
        self._idle = self._server.loop.call_later(IDLE_TIMEOUT_S, self.close)
        if len(self._server.connections) > _MAX_CONNECTIONS:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        self._idle.cancel()
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._answering:
            self._answer_some()

    def pause_writing(self) -> None:
        self._client_is_slow = True

    def resume_writing(self) -> None:
        self._client_is_slow = False
        if not self._answering:
            self._answer_some()

    def close(self) -> None:
        self._transport.abort()

    def _answer_some(self) -> None:
        """Answers a batch, then comes back for the rest; reads on only when nothing whole is left."""
        self._answering = False
        if self._transport.is_closing():
            return
        answered = 0
        while answered < _BATCH and not self._client_is_slow and (query := self._next_query()) is not None:
            reply = self._server.reply(query, self._resolver)
            if reply is None:
                # What cannot be a query means that the two sides disagree about where messages begin.
                self.close()
                return
            self._transport.write(len(reply).to_bytes(2) + reply)
            answered += 1
        if answered:
            self._restart_idle_timer()
        if answered == _BATCH:
            self._answering = True
            self._server.loop.call_soon(self._answer_some)
        self._read_on(wanted=not (self._answering or self._client_is_slow))

    def _next_query(self) -> bytes | None:
        length = int.from_bytes(self._buffer[:2])
        if len(self._buffer) < 2 or len(self._buffer) < 2 + length:
            return None
        query = bytes(self._buffer[2 : 2 + length])
        del self._buffer[: 2 + length]
        return query

    def _read_on(self, *, wanted: bool) -> None:
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _restart_idle_timer(self) -> None:
        self._idle.cancel()
        self._idle = self._server.loop.call_later(IDLE_TIMEOUT_S, self.close)
