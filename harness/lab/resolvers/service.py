"""All resolvers of a lab, by name: made, changed and ended while it runs."""

from __future__ import annotations

import asyncio
import functools
import zlib
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from harness.clock import Clock
from harness.errors import LabError
from harness.lab.dns.latency import LatencyDatabase
from harness.lab.resolvers.answering import Resolver
from harness.lab.resolvers.recursion import Recursion
from harness.lab.resolvers.serving import ResolverServer
from harness.lab.resolvers.settings import ResolverInfo, ResolverSettings, is_resolver_name
from harness.stack import RegionName

T = TypeVar("T")

MOST_RESOLVERS = 32
_WITHIN_WALL_S = 5.0


class _Running:
    """One resolver and its sockets."""

    def __init__(self, name: str, made: ResolverSettings, resolver: Resolver, server: ResolverServer) -> None:
        self.name = name
        self.made = made
        self.overridden = False
        self.resolver = resolver
        self.server = server

    @property
    def info(self) -> ResolverInfo:
        address, port = self.server.endpoint
        return ResolverInfo(
            name=self.name,
            address=f"{address}:{port}",
            settings=self.resolver.settings,
            overridden=self.overridden,
            asked=self.resolver.asked,
            refreshed=self.resolver.refreshed,
            served_stale=self.resolver.served_stale,
        )


class LabResolvers:
    """Everything but `stop` may be called from any thread but the loop's own; `stop` runs on the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        name_server: tuple[str, int],
        clock: Clock,
        latency: LatencyDatabase,
        seed: int,
    ) -> None:
        self._loop = loop
        self._name_server = name_server
        self._clock = clock
        self._latency = latency
        self._seed = seed
        self._running: dict[str, _Running] = {}

    def all(self) -> tuple[ResolverInfo, ...]:
        return tuple(running.info for _, running in sorted(self._running.items()))

    def get(self, name: str) -> ResolverInfo:
        """Raises LabError when there is no such resolver."""
        return self._find(name).info

    def put(self, name: str, settings: ResolverSettings) -> ResolverInfo:
        """Makes it, or changes it: what it has cached stays, and its lever counts as undone.

        Raises:
            LabError: a name that will not do, too many, or another region than it stands in.
        """
        return self._on_loop(self._put(name, settings))

    def override(self, name: str, settings: ResolverSettings) -> ResolverInfo:
        """Other settings until `restore`. Raises LabError as `put`, and when there is no such resolver."""
        return self._on_loop(self._override(name, settings))

    def restore(self, name: str) -> ResolverInfo:
        """Back to the settings that it was made with. Raises LabError when there is no such resolver."""
        return self._on_loop(self._restore(name))

    def restore_all(self) -> None:
        for running in list(self._running.values()):
            if running.overridden:
                self.restore(running.name)

    def remove(self, name: str) -> None:
        """Ends it; what does not exist is gone already."""
        self._on_loop(self._remove(name))

    async def stop(self) -> None:
        for name in list(self._running):
            await self._remove(name)

    async def _put(self, name: str, settings: ResolverSettings) -> ResolverInfo:
        running = self._running.get(name) or await self._start(name, settings)
        self._change(running, settings, overridden=False)
        running.made = settings
        return running.info

    async def _override(self, name: str, settings: ResolverSettings) -> ResolverInfo:
        running = self._find(name)
        self._change(running, settings, overridden=True)
        return running.info

    async def _restore(self, name: str) -> ResolverInfo:
        running = self._find(name)
        self._change(running, running.made, overridden=False)
        return running.info

    async def _remove(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is not None:
            await running.server.stop()
            await running.resolver.stop()

    async def _start(self, name: str, settings: ResolverSettings) -> _Running:
        if not is_resolver_name(name):
            raise LabError(f"resolver name {name!r}: use 1 to 40 small letters, digits and '-', the first no '-'")
        if len(self._running) >= MOST_RESOLVERS:
            raise LabError(f"a lab has at most {MOST_RESOLVERS} resolvers; remove one first")
        address = self._address_in(settings.region, name)
        seed = zlib.crc32(f"{self._seed}/{name}".encode())
        resolver = Resolver(settings, Recursion(self._name_server, address), self._clock, seed=seed)
        server = ResolverServer(address, lambda data, over_tcp: resolver.reply(data, over_tcp=over_tcp))
        await server.start()
        running = self._running[name] = _Running(name, settings, resolver, server)
        return running

    def _change(self, running: _Running, settings: ResolverSettings, *, overridden: bool) -> None:
        if settings.region != running.made.region:
            raise LabError(
                f"resolver {running.name!r} stands in {running.made.region}, not in {settings.region}: its address "
                "says so, and cannot be changed; remove it and make another"
            )
        running.resolver.settings = settings
        running.overridden = overridden

    def _find(self, name: str) -> _Running:
        if name not in self._running:
            known = ", ".join(sorted(self._running)) or "none"
            raise LabError(f"no resolver {name!r} in this lab; there are: {known}")
        return self._running[name]

    def _address_in(self, region: RegionName, name: str) -> str:
        """A loopback address that the lab's name server takes to be in `region`: it goes by the /16."""
        octets = _octets_in(self._latency, region)
        if not octets:
            raise LabError(f"no loopback address stands for {region!r}; regions are {', '.join(self._latency.regions)}")
        choose = Random(f"{self._seed}/{name}")
        return f"127.{choose.choice(octets)}.{choose.randrange(256)}.{choose.randrange(1, 255)}"

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN_WALL_S)


@functools.lru_cache(maxsize=64)
def _octets_in(latency: LatencyDatabase, region: RegionName) -> tuple[int, ...]:
    """Second octets; from 2, as of the gateways' addresses."""
    return tuple(octet for octet in range(2, 255) if latency.region_of(f"127.{octet}.0.1") == region)
