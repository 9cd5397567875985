"""Planted routing faults by HTTP: under /lab/routing on the control plane's port, JSON in and out.

    GET    /lab/routing   which subnets the latency database gets wrong (`MovedSubnets`)
    PUT    /lab/routing   {"subnet": "54.220.0.0/16", "region": "us-west-2"}: its users are routed as if they were there
    DELETE /lab/routing   the database as the lab began with

PUT and DELETE answer with all of them; errors are as of the levers. Route 53 has no such call: its latency database is
AWS's own, and changes over time. Everything else that is planted in DNS is a change of records or health checks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from ipaddress import IPv4Network

import msgspec

from harness.clock import Clock
from harness.errors import UnknownRegion
from harness.lab.dns import LatencyDatabase
from harness.lab.ports import Truth, TruthLog
from harness.lab.routes.requests import Refused, Request, WsgiApp, json_app
from harness.stack import RegionName

PREFIX = "/lab/routing"

MOST_SUBNETS = 1000


class MovedSubnet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subnet: str
    """IPv4, "54.220.0.0/16"."""
    region: RegionName
    """Any region with measured round trips: users of the subnet are routed as if they were there."""

    def __post_init__(self) -> None:
        try:
            IPv4Network(self.subnet)
        except ValueError as error:
            raise ValueError(f"subnet = {self.subnet!r}: {error}") from None


class MovedSubnets(msgspec.Struct, frozen=True, kw_only=True):
    moved: tuple[MovedSubnet, ...] = ()


class RoutingFaults:
    """`at_first` is the database without faults; `use` puts another one into force."""

    def __init__(
        self,
        at_first: LatencyDatabase,
        use: Callable[[LatencyDatabase], None],
        clock: Clock,
        truth: TruthLog,
    ) -> None:
        self._at_first = at_first
        self._use = use
        self._clock = clock
        self._truth = truth
        self._moved = MovedSubnets()
        self._changing = threading.Lock()

    def routes(self) -> dict[str, WsgiApp]:
        """path -> WSGI app."""
        return {PREFIX: json_app(PREFIX, self.answer)}

    def answer(self, request: Request) -> MovedSubnets:
        """What the request's reply holds.

        Raises:
            Refused: a path below, another method, a body that is wrong, an unknown region.
        """
        if request.parts:
            raise Refused(404, "path", f"{PREFIX}/{'/'.join(request.parts)}: there is nothing below {PREFIX}")
        if request.method == "GET":
            return self._moved
        if request.method == "DELETE":
            return self._plant(None)
        if request.method != "PUT":
            raise Refused(405, "method", f"{request.method}: {PREFIX} takes GET, PUT and DELETE")
        return self._plant(request.body(MovedSubnet))

    def _plant(self, wanted: MovedSubnet | None) -> MovedSubnets:
        with self._changing:
            faults = self._with(wanted) if wanted else MovedSubnets()
            latency = self._at_first
            try:
                for moved in faults.moved:
                    latency = latency.moved(moved.subnet, moved.region)
            except UnknownRegion as error:
                raise Refused(400, "region", str(error)) from None
            self._use(latency)
            self._moved = faults
        detail = msgspec.to_builtins(faults)
        self._truth(Truth(at_s=self._clock.now_s(), what="routing-fault", detail=detail))
        return faults

    def _with(self, wanted: MovedSubnet) -> MovedSubnets:
        others = tuple(moved for moved in self._moved.moved if moved.subnet != wanted.subnet)
        if len(others) >= MOST_SUBNETS:
            raise Refused(400, "subnet", f"{len(others)} subnets are moved, at most {MOST_SUBNETS} may be")
        return MovedSubnets(moved=(*others, wanted))
