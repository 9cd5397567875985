"""A resolver on the network: UDP and TCP on one loopback address and port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.lab.dns.sockets import bind_both

IDLE_TIMEOUT_WALL_S = 10.0
MOST_AT_ONCE = 1024
"""Questions being answered; datagrams beyond are dropped, as a full buffer would drop them."""
MOST_CONNECTIONS = 128

Reply = Callable[[bytes, bool], Awaitable[bytes | None]]
"""(question, over TCP) -> reply; None: none is sent."""


class ResolverServer(asyncio.DatagramProtocol):
    """Runs on the loop that starts it."""

    def __init__(self, address: str, reply: Reply) -> None:
        self._reply = reply
        udp, listener = bind_both(address, 0)
        self._udp, self._listener = udp, listener
        self.endpoint: tuple[str, int] = udp.getsockname()
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._udp)
        self._server = await asyncio.start_server(self._connected, sock=self._listener)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        tasks = [*self._answering, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._answering) < MOST_AT_ONCE:
            task = asyncio.create_task(self._answer(data, addr))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def error_received(self, exc: Exception) -> None:
        """A client that has gone away: its loss."""

    async def _answer(self, data: bytes, client: tuple[str, int]) -> None:
        reply = await self._reply(data, False)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, client)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MOST_CONNECTIONS:
                await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # The client went away or fell silent.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers in order (RFC 7766), until the client closes or says nothing for a while."""
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_WALL_S):
                length = int.from_bytes(await reader.readexactly(2))
                data = await reader.readexactly(length)
            reply = await self._reply(data, True)
            if reply is None:
                return
            writer.write(len(reply).to_bytes(2) + reply)
            await writer.drain()
