"""A tab in locust's own page: which region served how much, over time, and what was broken meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import msgspec
from flask import request

from harness.errors import InvalidEvent
from harness.events import AnyEvent, FaultEvent
from harness.history import decode_lines
from harness.load.master import Master
from harness.load.options import Setup
from harness.load.shares import NOBODY, Shares, broken_windows, rows
from harness.run import HISTORY_FILE

if TYPE_CHECKING:
    from flask import Response
    from locust.env import Environment

KEY = "regions"
LOOKED_AT_EVERY_WALL_S = 0.5
SLICE_WALL_S = 2.0


def add_tab(environment: Environment, master: Master, setup: Setup) -> None:
    """Does nothing when locust serves no page."""
    page: Any = environment.web_ui
    if page is None:
        return
    rate = setup.target.endpoints.clock_rate
    shares = Shares(SLICE_WALL_S * rate)
    regions = setup.target.stack.region_names
    faults = _Faults(setup.events_file.with_name(HISTORY_FILE) if setup.events_file else None)

    def look_often() -> None:
        while True:
            now_s = master.now_s
            if now_s is not None:
                shares.look(now_s, _served(environment))
            gevent.sleep(LOOKED_AT_EVERY_WALL_S)

    def with_shares(response: Response) -> Response:
        if request.path.endswith("/stats/requests"):
            data = rows(shares.slices, regions, broken_windows(faults.read()))
            told = [*(response.json or {}).get("extended_stats", []), {"key": KEY, "data": data}]
            response.set_data(json.dumps({**(response.json or {}), "extended_stats": told}))
        return response

    gevent.spawn(look_often)
    page.app.after_request(with_shares)
    columns = {"time": "stack seconds", "requests": "requests", **{name: name for name in (*regions, NOBODY)}}
    structure = [{"key": key, "title": title} for key, title in {**columns, "broken": "broken meanwhile"}.items()]
    page.template_args["extended_tabs"] = [{"title": "Regions over time", "key": KEY}]
    page.template_args["extended_tables"] = [{"key": KEY, "structure": structure}]


def _served(environment: Environment) -> Counter[str]:
    """Of all workers: locust's own counters, whose names end with the region."""
    served: Counter[str] = Counter()
    for (name, method), entry in environment.stats.entries.items():
        if method != "DNS":
            served[name.rpartition(" · ")[2]] += entry.num_requests
    return served


class _Faults:
    """Those of the run that keeps the history; read along."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._offset = 0
        self._found: list[FaultEvent] = []

    def read(self) -> list[FaultEvent]:
        if self._path and self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole + newline)
            lines = (line for line in whole.splitlines(keepends=True) if b'"kind":"fault"' in line)
            self._found += [event for line in lines for event in _decoded(line) if isinstance(event, FaultEvent)]
        return self._found


def _decoded(line: bytes) -> list[AnyEvent]:
    try:
        return decode_lines(line)
    except (msgspec.MsgspecError, InvalidEvent):
        return []  # of another version: its faults are not shown
