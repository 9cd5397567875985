"""The lab's own small HTTP API, under /lab/ on the control plane's port: what it is and what truly happened.

For people, benchmarks and tests. Probes and checkers never ask it: the harness does not know that it is in a lab.

    GET /lab/status          LabInfo and the lab's clock
    GET /lab/truth?since=N   the record of the truth from its N-th line on
    /lab/levers ...          see lab/routes/levers.py
    /lab/defects ...         see lab/routes/defects.py
    /lab/resolvers ...       see lab/routes/resolvers.py
    /lab/routing ...         see lab/routes/routing.py
    /lab/replication?since=N true replication delays, see lab/routes/replication.py
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from harness.clock import Clock
from harness.lab.ports import Truth
from harness.lab.state import LabInfo

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

TRUTH_KEPT = 100_000
"""Lines kept: at the default rate some hours of failovers. Older ones are dropped, and their numbers with them."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    info: LabInfo
    now_s: float
    calendar: str
    """The lab's date and time, RFC 3339."""
    defects: tuple[str, ...] = ()
    """Names of the planted defects that are on."""


class TruthPage(msgspec.Struct, frozen=True, kw_only=True):
    first: int
    """Number of the first line below."""
    lines: tuple[Truth, ...]


class TruthRecord:
    """What truly happened, in order. Any thread may add."""

    def __init__(self) -> None:
        self._lines: list[Truth] = []
        self._dropped = 0
        self._lock = threading.Lock()

    def add(self, truth: Truth) -> None:
        with self._lock:
            self._lines.append(truth)
            if len(self._lines) > TRUTH_KEPT:
                drop = TRUTH_KEPT // 10
                del self._lines[:drop]
                self._dropped += drop

    def since(self, number: int) -> TruthPage:
        with self._lock:
            first = max(number, self._dropped)
            return TruthPage(first=first, lines=tuple(self._lines[first - self._dropped :]))


def lab_routes(
    info: Callable[[], LabInfo],
    clock: Clock,
    truth: TruthRecord,
    defects: Callable[[], tuple[str, ...]] = tuple,
) -> dict[str, WsgiApp]:
    """path -> WSGI app."""

    def status(_environ: dict[str, Any]) -> msgspec.Struct:
        return Status(info=info(), now_s=clock.now_s(), calendar=clock.calendar().isoformat(), defects=defects())

    def truth_page(environ: dict[str, Any]) -> msgspec.Struct:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        since = query.get("since", ["0"])[0]
        return truth.since(int(since) if since.isdigit() else 0)

    return {"/lab/status": _json_app(status), "/lab/truth": _json_app(truth_page)}


def _json_app(answer: Callable[[dict[str, Any]], msgspec.Struct]) -> WsgiApp:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = msgspec.json.encode(answer(environ))
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app
