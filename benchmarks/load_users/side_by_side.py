"""Locustfile of benchmarks/load.py: bare FastHttpUsers and ours, against the same servers, as fast as they can.

HARNESS_BENCH: "bare" (verified TLS, one kept connection, nothing else), "ours", or "ours-unrecorded" (no events).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import gevent.socket
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import SSLConnectionPool
from locust import constant, events
from locust.contrib.fasthttp import FastHttpUser

from harness.target import Target, load_target

KIND = os.environ["HARNESS_BENCH"]
TARGET = os.environ["HARNESS_BENCH_TARGET"]
ADDRESS = os.environ["HARNESS_BENCH_ADDRESS"]
ITEM = os.environ["HARNESS_BENCH_ITEM"]


def target() -> Target:
    return load_target(Path(TARGET))


class _Pool(SSLConnectionPool):  # type: ignore[misc]
    def _resolve(self) -> list[Any]:
        tcp = gevent.socket.SOL_TCP
        return [(gevent.socket.AF_INET, gevent.socket.SOCK_STREAM, tcp, "", (ADDRESS, self._request_port))]


class _Clients(HTTPClientPool):  # type: ignore[misc]
    """As locust's own, but that the name leads to the lab's address."""

    def get_client(self, _url: Any) -> HTTPClient:
        if not self.clients:
            stack_target = target()
            client = HTTPClient(stack_target.stack.domain_name, 443, ssl=False)
            client.ssl = True
            client._connection_pool = _Pool(
                stack_target.stack.domain_name,
                443,
                stack_target.stack.domain_name,
                stack_target.https_port,
                ssl_context_factory=lambda **_: stack_target.tls_context(),
            )
            client._base_url_string = f"https://{stack_target.stack.domain_name}/"
            self.clients["one", 443] = client
        return self.clients["one", 443]


def _note_cpu(**_: Any) -> None:
    """CPU seconds of this process and its requests, both since the users began."""
    asked = sum(entry.num_requests for entry in _environment.stats.entries.values() if entry.method == "GET")
    Path(os.environ["HARNESS_BENCH_CPU"]).write_text(json.dumps([time.process_time() - _began_s[0], asked]))


def _begin(**_: Any) -> None:
    _began_s.append(time.process_time())


def _know(environment: Any, **_: Any) -> None:
    global _environment  # noqa: PLW0603  # a locustfile has no other place
    _environment = environment


_environment: Any = None
_began_s: list[float] = []
events.init.add_listener(_know)
events.spawning_complete.add_listener(_begin)
events.test_stopping.add_listener(_note_cpu)

if KIND == "bare":

    class BareUser(FastHttpUser):  # type: ignore[misc]
        host = f"https://{target().stack.domain_name}"
        insecure = False
        wait_time = constant(0)

        def __init__(self, environment: Any) -> None:
            self.client_pool = _Clients()
            super().__init__(environment)

        def get(self) -> None:
            self.client.get(ITEM, name="/data/{pk}")

        tasks = (get,)

else:
    # Imported here: locust runs every class of users that it finds in a locustfile.
    from harness.load import generator as generators
    from harness.load.session import join_locust
    from harness.load.users import ReaderUser

    join_locust(lambda _text, _lab: target())

    if KIND == "ours-unrecorded":
        generators.Generator.record = lambda *_: None  # type: ignore[method-assign]

    __all__ = ["ReaderUser"]
