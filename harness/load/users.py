"""Locust users who live at vantages: they resolve as people there do, and each of their requests is in the history."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
from locust import constant_pacing
from locust.contrib.fasthttp import FastHttpUser
from locust.exception import StopTest

from harness.events import HttpReply, Outcome, RegionFrom
from harness.load.connections import Route, RoutePool
from harness.load.generator import Generator, generator_of
from harness.probes.https import TIMEOUT_FLOOR_WALL_S, TIMEOUT_S
from harness.probes.resolve import Unresolved
from harness.stack import RegionName

if TYPE_CHECKING:
    from locust.env import Environment

SOURCE = "load"
NOWHERE = "no region"
"""In a request's name, where nobody served it."""


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    path: str
    named: str
    """What locust counts it as, before the region is known."""
    start_s: float
    start_at: float
    """Wall time, for locust."""


class VantageUser(FastHttpUser):  # type: ignore[misc]  # locust is not typed to our standard
    """A user at a vantage. `ask` is all that its tasks need.

    Connects to the address that the vantage's resolver gives, with SNI and a verified certificate. Request names end
    with the region that served, so that locust's own tables and charts tell regions apart.
    """

    abstract = True
    host = ""

    def __init__(self, environment: Environment) -> None:
        generator = generator_of(environment)
        if generator is None:
            raise StopTest("this worker has not been told by its master what to do: are both of one version?")
        self.generator: Generator = generator
        self.host = f"https://{generator.target.stack.domain_name}"
        self.place = generator.places.next()
        timeout_s = max(TIMEOUT_S, TIMEOUT_FLOOR_WALL_S * generator.clock.rate)
        self.route = Route(generator.target, self.place, generator.clock, generator.connections, timeout_s)
        self._pace = constant_pacing(generator.every_wall_s)
        self.client_pool = RoutePool(self.route)
        self.insecure = False
        super().__init__(environment)

    def wait_time(self) -> float:
        """So that requests of a user begin `--every` seconds apart, as long as the stack is quick enough."""
        return float(self._pace(self))

    def context(self) -> dict[str, str]:
        """What other listeners of locust's `request` event get; `region` is added once it is known."""
        return {"vantage": self.place.vantage.name}

    def ask(self, method: str, path: str, *, name: str | None = None, json: Mapping[str, str] | None = None) -> Any:
        """One request; returns locust's FastResponse, None when the name could not be resolved.

        `name` is what it is counted as, absent: the path.
        """
        request = _Request(
            method=method, path=path, named=name or path, start_s=self.generator.clock.now_s(), start_at=time.time()
        )
        try:
            self.route.prepare()
        except Unresolved as failure:
            self._unresolved(request, failure)
            return None
        with self.client.request(method, path, name=request.named, json=json, catch_response=True) as response:
            region, told_by = self._served_by(response)
            response.request_meta["name"] = f"{request.named} · {region or NOWHERE}"
            response.request_meta["context"] = {**response.request_meta["context"], "region": region or ""}
            error = _error_of(response)
            if error:
                response.failure(error)
            self.generator.record(self._reply(request, response.status_code or None, error, region, told_by))
        return response

    def on_stop(self) -> None:
        self.route.close()

    def _served_by(self, response: Any) -> tuple[RegionName | None, RegionFrom | None]:
        region = response.headers.get(self.generator.target.served_region.header) if response.headers else None
        if region:
            return str(region), RegionFrom.HEADER
        opened = self.route.opened
        if response.status_code and opened:
            region = self.generator.target.address_ranges().region_of(opened.address)
        return (region, RegionFrom.ADDRESS) if region else (None, None)

    def _reply(
        self,
        request: _Request,
        status: int | None,
        error: str | None,
        region: RegionName | None,
        told_by: RegionFrom | None,
    ) -> HttpReply:
        route, opened, use = self.route, self.route.opened, self.route.use
        new = opened if opened and not route.kept else None
        beyond_ttl, because = route.beyond_ttl(request.start_s)
        asked = route.resolution.asked if route.resolution else None
        dns_s = asked.end_s - request.start_s if asked else None
        sent_s = request.start_s + (dns_s or 0.0) + (new.connect_s + new.tls_s if new else 0.0)
        head_s = route.client.head_s
        return HttpReply(
            start_s=request.start_s,
            end_s=self.generator.clock.now_s(),
            source=SOURCE,
            vantage=self.place.vantage.name,
            method=request.method,
            path=request.path,
            outcome=Outcome.FAIL if error else Outcome.OK,
            address=opened.address if opened else None,
            resolved_s=use.answer.resolved_s if use else None,
            ttl_s=use.answer.ttl_s if use else None,
            beyond_ttl=beyond_ttl,
            beyond_ttl_because=because,
            subnet=use.answer.value.subnet if use else None,
            connection_age_s=request.start_s - opened.opened_s if opened and route.kept else None,
            status=status,
            region=region,
            region_from=told_by,
            dns_s=dns_s,
            connect_s=new.connect_s if new else None,
            tls_s=new.tls_s if new else None,
            first_byte_s=max(0.0, head_s - sent_s) if head_s is not None else None,
            error=error,
        )

    def _unresolved(self, request: _Request, failure: Unresolved) -> None:
        """No request was made; locust counts it as one that failed, and so do we."""
        end_s = self.generator.clock.now_s()
        self.environment.events.request.fire(
            request_type=request.method,
            name=f"{request.named} · {NOWHERE}",
            response_time=(time.time() - request.start_at) * 1000,
            response_length=0,
            context=self.context(),
            exception=failure,
            start_time=request.start_at,
        )
        self.generator.record(
            HttpReply(
                start_s=request.start_s,
                end_s=end_s,
                source=SOURCE,
                vantage=self.place.vantage.name,
                method=request.method,
                path=request.path,
                outcome=Outcome.FAIL,
                dns_s=end_s - request.start_s,
                error=str(failure),
            )
        )


_numbers = count(1)
_process = uuid.uuid4().hex[:8]


def read(user: VantageUser) -> None:
    """GET of the item that every region serves."""
    user.ask("GET", user.generator.item_path, name="/data/{pk}")


def write(user: VantageUser) -> None:
    """POST of a value that no other write carries; what was made is removed when the test ends."""
    response = user.ask("POST", "/data", json={"name": f"load {_process} {next(_numbers)}"})
    if response is not None and response.ok:
        user.generator.made(response)


class ReaderUser(VantageUser):
    weight = 4
    tasks = (read,)


class WriterUser(VantageUser):
    weight = 1
    tasks = (write,)


class MixedUser(VantageUser):
    """Nine reads for a write."""

    weight = 1
    tasks = (*(read,) * 9, write)


def _error_of(response: Any) -> str | None:
    """None when a whole reply with status 200 to 399 came."""
    if 200 <= response.status_code < 400:
        return None
    failure = getattr(response, "error", None)
    return f"status {response.status_code}" if response.status_code else f"{type(failure).__name__}: {failure}"
