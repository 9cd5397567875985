"""The levers of a running lab by HTTP: under /lab/levers on the control plane's port, JSON in and out.

    GET    /lab/levers                               what is turned now (`Levers`)
    DELETE /lab/levers                               everything back to how the lab began
    PUT    /lab/levers/delay                         {"median_s", "sigma", "floor_s", "way_share"}: every pair
    PUT    /lab/levers/delay/ORIGIN/DESTINATION      the same, this way only
    PUT    /lab/levers/partition/REGION/REGION       nothing replicates between the two
    PUT    /lab/levers/stopped/REGION                nothing replicates into or out of this replica
    PUT    /lab/levers/throttled/REGION              {"writes_per_s"}: replicated writes that it takes
    PUT    /lab/levers/skew/REGION                   {"ahead_s"}: its clock; below 0: behind
    PUT    /lab/levers/coalescing                    {"within_s"}
    PUT    /lab/levers/outage/REGION                 {"mode"}: its endpoints "refuse" connections, or "hang"
    PUT    /lab/levers/slow-table/REGION             {"delay_s", "share"}: calls that its APIs make of their tables
    PUT    /lab/levers/resolver/NAME                 see lab/routes/resolvers.py
    GET, DELETE on each of these paths               see it (404 when it is not turned); undo it

PUT and DELETE answer with all levers. An error is {"error": {"field", "message"}} with status 400, 404 or 405.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from harness.clock import Clock
from harness.lab.ports import Truth, TruthLog
from harness.lab.replication.levers import Coalescing, Levers, Outage, PairDelay, Skew, SlowTable, Throttle
from harness.lab.routes.requests import Refused, Request, WsgiApp, json_app
from harness.models.wan import ReplicationDelay
from harness.stack import RegionName

PREFIX = "/lab/levers"

Value = TypeVar("Value")
Names = Sequence[RegionName]


class Turnable(Protocol):
    """What the levers turn: the tables and the gateways."""

    levers: Levers


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a PUT that has nothing to say: empty, or {}."""


class _Lever(NamedTuple):
    """One path."""

    body: type[msgspec.Struct]
    get: Callable[[Levers, Names], msgspec.Struct | None]
    """None: not turned."""
    set: Callable[[Levers, Names, Any], Levers]
    """With a body of None: undone."""


def lever_routes(
    tables: Turnable,
    regions: Sequence[RegionName],
    clock: Clock,
    truth: TruthLog,
    reset_others: Callable[[], None] = lambda: None,
) -> dict[str, WsgiApp]:
    """path -> WSGI app; `regions` are the lab's. `reset_others` undoes the levers that have routes of their own."""
    return {PREFIX: json_app(PREFIX, _LeverRoutes(tables, regions, clock, truth, reset_others).answer)}


class _LeverRoutes:
    def __init__(
        self,
        tables: Turnable,
        regions: Sequence[RegionName],
        clock: Clock,
        truth: TruthLog,
        reset_others: Callable[[], None],
    ) -> None:
        self._tables = tables
        self._reset_others = reset_others
        self._regions = regions
        self._clock = clock
        self._truth = truth
        self._at_first = tables.levers
        self._levers = _levers(self._at_first)
        self._turning = threading.Lock()

    def answer(self, request: Request) -> msgspec.Struct:
        """What the request's reply holds.

        Raises:
            Refused: no such lever, an unknown region, a body that is wrong.
        """
        if request.method not in {"GET", "PUT", "DELETE"}:
            raise Refused(405, "method", f"{request.method}: levers take GET, PUT and DELETE")
        if not request.parts:
            return self._all(request)
        lever, names = self._find(request.parts)
        if request.method == "GET":
            turned = lever.get(self._tables.levers, names)
            if turned is None:
                raise Refused(404, "path", f"{'/'.join(request.parts)} is not turned")
            return turned
        body = request.body(lever.body) if request.method == "PUT" else None
        with self._turning:
            return self._turn(request.parts, lever.set(self._tables.levers, names, body), body)

    def _all(self, request: Request) -> Levers:
        if request.method == "PUT":
            raise Refused(405, "method", "turn one lever at a time: PUT /lab/levers/NAME")
        if request.method == "DELETE":
            self._reset_others()
            with self._turning:
                return self._turn((), self._at_first, None)
        return self._tables.levers

    def _turn(self, parts: Sequence[str], levers: Levers, body: msgspec.Struct | None) -> Levers:
        self._tables.levers = levers
        detail = {"lever": "/".join(parts) or "all", "to": msgspec.to_builtins(body)}
        self._truth(Truth(at_s=self._clock.now_s(), what="lever", detail=detail))
        return levers

    def _find(self, parts: Sequence[str]) -> tuple[_Lever, Names]:
        name, *names = parts
        lever = self._levers.get((name, len(names)))
        if lever is None:
            known = ", ".join("/".join((name, *["REGION"] * count)) for name, count in self._levers)
            raise Refused(404, "path", f"no lever {'/'.join(parts)}; there are {known}")
        for region in names:
            if region not in self._regions:
                raise Refused(
                    400, "path", f"region {region!r} is not in this lab; choose from {', '.join(self._regions)}"
                )
        if len(set(names)) != len(names):
            raise Refused(400, "path", f"{'/'.join(parts)}: the regions must be two different ones")
        return lever, names


def _levers(at_first: Levers) -> dict[tuple[str, int], _Lever]:
    """(name, number of regions in the path) -> lever."""
    return {
        ("delay", 0): _Lever(
            ReplicationDelay,
            lambda levers, _: levers.delay,
            lambda levers, _, body: replace(levers, delay=body or at_first.delay),
        ),
        ("delay", 2): _Lever(ReplicationDelay, _pair_delay, _set_pair_delay),
        ("partition", 2): _Lever(
            NoBody,
            lambda levers, names: NoBody() if _pair(names) in levers.partitions else None,
            lambda levers, names, body: replace(
                levers, partitions=_with(levers.partitions, _pair(names), present=body is not None)
            ),
        ),
        ("stopped", 1): _Lever(
            NoBody,
            lambda levers, names: NoBody() if names[0] in levers.stopped else None,
            lambda levers, names, body: replace(
                levers, stopped=_with(levers.stopped, names[0], present=body is not None)
            ),
        ),
        ("throttled", 1): _Lever(
            Throttle,
            lambda levers, names: levers.throttled.get(names[0]),
            lambda levers, names, body: replace(levers, throttled=_having(levers.throttled, names[0], body)),
        ),
        ("skew", 1): _Lever(
            Skew,
            lambda levers, names: levers.skews.get(names[0]),
            lambda levers, names, body: replace(levers, skews=_having(levers.skews, names[0], body)),
        ),
        ("outage", 1): _Lever(
            Outage,
            lambda levers, names: levers.outages.get(names[0]),
            lambda levers, names, body: replace(levers, outages=_having(levers.outages, names[0], body)),
        ),
        ("slow-table", 1): _Lever(
            SlowTable,
            lambda levers, names: levers.slow_tables.get(names[0]),
            lambda levers, names, body: replace(levers, slow_tables=_having(levers.slow_tables, names[0], body)),
        ),
        ("coalescing", 0): _Lever(
            Coalescing,
            lambda levers, _: levers.coalescing,
            lambda levers, _, body: replace(levers, coalescing=body),
        ),
    }


def _pair(names: Names) -> tuple[RegionName, RegionName]:
    """A partition has no direction."""
    one, other = sorted(names)
    return one, other


def _pair_delay(levers: Levers, names: Names) -> ReplicationDelay | None:
    return next((pair.delay for pair in levers.delays if [pair.origin, pair.destination] == list(names)), None)


def _set_pair_delay(levers: Levers, names: Names, body: ReplicationDelay | None) -> Levers:
    origin, destination = names
    others = tuple(pair for pair in levers.delays if (pair.origin, pair.destination) != (origin, destination))
    here = (PairDelay(origin=origin, destination=destination, delay=body),) if body is not None else ()
    return replace(levers, delays=others + here)


def _with(values: tuple[Value, ...], value: Value, *, present: bool) -> tuple[Value, ...]:
    others = tuple(other for other in values if other != value)
    return (*others, value) if present else others


def _having(values: Mapping[RegionName, Value], region: RegionName, value: Value | None) -> dict[RegionName, Value]:
    others = {name: other for name, other in values.items() if name != region}
    return others if value is None else {**others, region: value}
