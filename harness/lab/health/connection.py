"""A non-blocking TCP or TLS connection, each of whose waits has a deadline.

Not asyncio's streams, for two reasons. A lab opens some 30 TLS connections per wall second, and watching a plain
socket costs a fifth less processor time than a transport, a protocol and two streams. And when this process was held
up past a deadline although the answer had arrived meanwhile, the answer counts: the loop looks at its sockets before
its timers, whereas `asyncio.timeout` would cancel.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from typing import Self, TypeVar

Address = tuple[str, int]

_T = TypeVar("_T")
_Watch = Callable[..., object]


class Connection:
    """One connection. Waits raise TimeoutError once `deadline_s`, on the loop's own clock, has passed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._socket = sock

    @classmethod
    async def open(cls, loop: asyncio.AbstractEventLoop, address: Address, deadline_s: float) -> Self:
        """Raises OSError when the connection is refused, TimeoutError when nobody answers."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        connection = cls(loop, socket.socket(family, socket.SOCK_STREAM))
        try:
            await connection._connect(address, deadline_s)
        except BaseException:
            connection.close()
            raise
        return connection

    async def secure(self, context: ssl.SSLContext, server_name: str | None, deadline_s: float) -> None:
        """Does the TLS handshake; without `server_name` the client hello names no host."""
        try:
            wrapped = context.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
        except ValueError as error:
            raise ssl.SSLError(f"{server_name!r} cannot be sent as a server name: {error}") from error
        self._socket = wrapped
        await self._retried(wrapped.do_handshake, deadline_s)

    async def send(self, data: bytes, deadline_s: float) -> None:
        rest = data
        while rest:
            sent = await self._retried(lambda: self._socket.send(rest), deadline_s)  # noqa: B023 (runs within this turn)
            rest = rest[sent:]

    async def receive(self, deadline_s: float) -> bytes:
        """What has arrived, at least one byte; empty when the other side has closed."""
        return await self._retried(lambda: self._socket.recv(16384), deadline_s)

    def close(self) -> None:
        """Says goodbye in TLS, so that no server logs a broken connection, but does not wait for the answer."""
        if isinstance(self._socket, ssl.SSLSocket):
            # Usually "want read", which means that the goodbye is out; else the connection is already gone.
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        self._socket.close()

    async def _connect(self, address: Address, deadline_s: float) -> None:
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.connect(address)
        except BlockingIOError:
            await self._until(self._loop.add_writer, self._loop.remove_writer, deadline_s)
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    async def _retried(self, attempt: Callable[[], _T], deadline_s: float) -> _T:
        while True:
            try:
                return attempt()
            except (ssl.SSLWantReadError, BlockingIOError):
                await self._until(self._loop.add_reader, self._loop.remove_reader, deadline_s)
            except ssl.SSLWantWriteError:
                await self._until(self._loop.add_writer, self._loop.remove_writer, deadline_s)

    async def _until(self, watch: _Watch, unwatch: _Watch, deadline_s: float) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        watch(self._socket, _settle, ready)
        timer = self._loop.call_at(deadline_s, _expire, ready)
        try:
            await ready
        finally:
            timer.cancel()
            unwatch(self._socket)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _expire(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_exception(TimeoutError())
