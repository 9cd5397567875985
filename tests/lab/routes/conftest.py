"""Requests to the lab's routes without a server, and one real server for their client."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from cheroot.wsgi import Server


@pytest.fixture
def truth() -> list:
    """What the routes told the truth log."""
    return []


@pytest.fixture
def asking() -> Callable[..., Callable[..., tuple[int, dict]]]:
    """Of an application and its prefix: a function that gives (status, decoded reply) of a request below it."""

    def of(app, prefix: str):
        def request(method: str, path: str = "", body: object = None, query: str = "") -> tuple[int, dict]:
            raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            environ = {
                "REQUEST_METHOD": method,
                "PATH_INFO": f"{prefix}/{path}".rstrip("/"),
                "QUERY_STRING": query,
                "CONTENT_LENGTH": str(len(raw)),
                "wsgi.input": io.BytesIO(raw),
            }
            statuses: list[str] = []
            reply = b"".join(app(environ, lambda status, _headers: statuses.append(status)))
            return int(statuses[0].split()[0]), json.loads(reply)

        return request

    return of


@pytest.fixture(scope="session")
def served() -> Iterator[dict]:
    """A real server for whatever application stands under "app"; its "url"."""
    holder: dict = {}

    def app(environ, start_response):
        return holder["app"](environ, start_response)

    server = Server(("127.0.0.1", 0), app, numthreads=1)
    server.shutdown_timeout = 0
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    holder["url"] = f"http://127.0.0.1:{server.bind_addr[1]}"
    yield holder
    server.stop()
    thread.join(timeout=5)
