"""The lab's record of true replication delays by HTTP, for benchmarks: GET /lab/replication?since=N.

The reply is a `ReplicatedPage` of at most 20,000 lines, each an array (origin, destination, key, written_at_s,
visible_at_s, won, table); go on with `since` = its `next`. The last 200,000 are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.lab.replication.record import ReplicatedPage
from harness.lab.routes.requests import Refused, Request, WsgiApp, json_app

PREFIX = "/lab/replication"


def replication_routes(since: Callable[[int], ReplicatedPage]) -> dict[str, WsgiApp]:
    """path -> WSGI app."""

    def answer(request: Request) -> msgspec.Struct:
        if request.method != "GET" or request.parts:
            raise Refused(405, "method", f"GET {PREFIX}?since=N is all that there is")
        return since(request.number("since", 0))

    return {PREFIX: json_app(PREFIX, answer)}
