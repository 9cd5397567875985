"""One event loop and one set of resolvers, recursing to the small name server of the tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import dns.edns
import dns.message
import dns.query
import pytest

from harness.clock import VirtualClock
from harness.lab.dns.latency import LatencyDatabase
from harness.lab.resolvers import LabResolvers, ResolverSettings


class FastClock(VirtualClock):
    """Its time is told by the test; what the resolver waits for in wall time is short."""

    rate = 50.0


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture(scope="session")
def latency() -> LatencyDatabase:
    return LatencyDatabase.load()


@pytest.fixture
def resolvers(loop, clock, latency, name_server) -> Iterator[LabResolvers]:
    resolvers = LabResolvers(loop, name_server=name_server.server, clock=clock, latency=latency, seed=1)
    yield resolvers
    asyncio.run_coroutine_threadsafe(resolvers.stop(), loop).result(5)


@pytest.fixture
def ask(resolvers) -> Callable[..., dns.message.Message]:
    """Asks the resolver of that name over UDP, or TCP."""

    def ask(
        name: str, host: str = "api.example.com", *, subnet: str | None = None, tcp: bool = False, **options
    ) -> dns.message.Message:
        sent = [dns.edns.ECSOption(subnet, 24)] if subnet else []
        query = dns.message.make_query(host, options.pop("rdtype", "A"), use_edns=0, options=sent, **options)
        address, _, port = resolvers.get(name).address.partition(":")
        exchange = dns.query.tcp if tcp else dns.query.udp
        return exchange(query, address, port=int(port), timeout=5)

    return ask


@pytest.fixture
def make(resolvers) -> Callable[..., str]:
    """A resolver with these settings; its name."""

    def make(name: str = "one", **settings) -> str:
        resolvers.put(name, ResolverSettings(**settings))
        return name

    return make
