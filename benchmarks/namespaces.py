"""Several hosts on one machine: network namespaces of our own, from which a lab on its loopback can be reached.

A namespace has a loopback of its own, so the lab's 127.x addresses are not there. A relay inside it listens on those
addresses and leads to Unix sockets, which namespaces share; a relay outside leads on to the lab. Needs root and
iproute2.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import geteuid
from pathlib import Path
from typing import cast

NETWORK = "10.77"
"""Of the wires between us and the namespaces: addresses that nobody else on this machine has."""


def why_not() -> str | None:
    """Why there can be no namespaces here; None: there can."""
    if geteuid() != 0:
        return "network namespaces need root"
    return None if shutil.which("ip") else "network namespaces need `ip` (Debian's iproute2)"


@contextmanager
def hosts(count: int, reachable: list[tuple[str, int]], dns: tuple[str, int], scratch: Path) -> Iterator[list[Host]]:
    """`count` namespaces, each with a wire to us and with relays to `reachable` (TCP) and `dns` (UDP)."""
    with ExitStack() as undo:
        outside = [sys.executable, __file__, "outside", str(scratch), json.dumps([*reachable, dns])]
        undo.enter_context(_running(outside))
        found = []
        for number in range(count):
            host = Host(number)
            undo.callback(host.remove)
            host.make()
            inside = [sys.executable, __file__, "inside", str(scratch), json.dumps([*reachable, dns])]
            undo.enter_context(_running(host.command(*inside)))
            found.append(host)
        yield found


class Host:
    def __init__(self, number: int) -> None:
        self.name = f"harness-{number}"
        self.master_address = f"{NETWORK}.{number}.1"
        """Where we are, as seen from it."""
        self._own_address = f"{NETWORK}.{number}.2"
        self._wire = f"hv{number}"

    def make(self) -> None:
        self.remove()
        inner = f"{self._wire}i"
        _ip("netns", "add", self.name)
        _ip("link", "add", self._wire, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", self.name)
        _ip("addr", "add", f"{self.master_address}/30", "dev", self._wire)
        _ip("link", "set", self._wire, "up")
        for arguments in (
            ("addr", "add", f"{self._own_address}/30", "dev", inner),
            ("link", "set", inner, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self.name, *arguments)

    def remove(self) -> None:
        """Its wire goes with it."""
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def command(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{' '.join(command)} did not start")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _path(scratch: str, address: str, port: int) -> str:
    return f"{scratch}/{address}-{port}.sock"


async def _outside(scratch: str, places: list[tuple[str, int]]) -> None:
    """Unix sockets to the lab."""
    for address, port in places:

        async def lead_on(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: tuple[str, int] = (address, port)
        ) -> None:
            await _join(reader, writer, *await asyncio.open_connection(*to))

        await asyncio.start_unix_server(lead_on, _path(scratch, address, port))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _inside(scratch: str, places: list[tuple[str, int]]) -> None:
    """The lab's addresses to Unix sockets; the last place is the name server, over UDP."""
    *served, (dns_address, dns_port) = places
    for address, port in served:

        async def lead_on(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str = _path(scratch, address, port)
        ) -> None:
            await _join(reader, writer, *await asyncio.open_unix_connection(to))

        await asyncio.start_server(lead_on, address, port)
    loop = asyncio.get_running_loop()
    path = _path(scratch, dns_address, dns_port)
    await loop.create_datagram_endpoint(lambda: _Dns(path), local_addr=(dns_address, dns_port))
    print("ready", flush=True)
    await asyncio.Event().wait()


class _Dns(asyncio.DatagramProtocol):
    """Each question goes on over TCP (RFC 7766): two octets of length, then the message."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.create_task(self._ask(data, addr))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, data: bytes, addr: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_unix_connection(self._path)
        with contextlib.closing(writer):
            writer.write(len(data).to_bytes(2, "big") + data)
            length = int.from_bytes(await reader.readexactly(2), "big")
            reply = await reader.readexactly(length)
        self._transport.sendto(reply, addr)


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    async def pump(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                drain.write(data)
                await drain.drain()
        with contextlib.suppress(OSError):
            drain.close()

    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


if __name__ == "__main__":
    side, folder, listed = sys.argv[1:]
    wanted = [(address, port) for address, port in json.loads(listed)]
    asyncio.run((_outside if side == "outside" else _inside)(folder, wanted))
