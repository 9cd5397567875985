"""The lab's recursive resolvers by HTTP: under /lab/resolvers on the control plane's port, JSON in and out.

    GET    /lab/resolvers        all of them (`ResolversPage`)
    GET    /lab/resolvers/NAME   one (`ResolverInfo`): where it listens, its settings, its counts
    PUT    /lab/resolvers/NAME   make it, or change it; the body is a `ResolverSettings`, {} is one without vices
    DELETE /lab/resolvers/NAME   end it

    PUT    /lab/levers/resolver/NAME   other settings for a while, the region may be left out; what is cached stays
    GET    /lab/levers/resolver/NAME   those, 404 when it is not turned
    DELETE /lab/levers/resolver/NAME   the settings that it was made with again

PUT and DELETE answer with what there is now. Errors are as of the levers.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.clock import Clock
from harness.errors import LabError
from harness.lab.ports import Truth, TruthLog
from harness.lab.resolvers.service import LabResolvers
from harness.lab.resolvers.settings import ResolverInfo, ResolverSettings, ResolversPage
from harness.lab.routes.requests import Refused, Request, WsgiApp, json_app

PREFIX = "/lab/resolvers"
LEVER_PREFIX = "/lab/levers/resolver"


def resolver_routes(resolvers: Callable[[], LabResolvers], clock: Clock, truth: TruthLog) -> dict[str, WsgiApp]:
    """path -> WSGI app; `resolvers` gives them once the lab has started."""
    routes = _ResolverRoutes(resolvers, clock, truth)
    return {PREFIX: json_app(PREFIX, routes.answer), LEVER_PREFIX: json_app(LEVER_PREFIX, routes.turn)}


class _ResolverRoutes:
    def __init__(self, resolvers: Callable[[], LabResolvers], clock: Clock, truth: TruthLog) -> None:
        self._resolvers = resolvers
        self._clock = clock
        self._truth = truth

    def answer(self, request: Request) -> msgspec.Struct:
        """Raises Refused."""
        resolvers = self._resolvers()
        if not request.parts and request.method == "GET":
            return ResolversPage(resolvers=resolvers.all())
        name = _one_name(request)
        if request.method == "GET":
            return _known(lambda: resolvers.get(name))
        if request.method == "PUT":
            settings = request.body(ResolverSettings)
            made = _allowed(lambda: resolvers.put(name, settings))
            self._tell("resolver-set", made)
            return made
        _known(lambda: resolvers.get(name))
        resolvers.remove(name)
        self._truth(Truth(at_s=self._clock.now_s(), what="resolver-removed", detail={"name": name}))
        return ResolversPage(resolvers=resolvers.all())

    def turn(self, request: Request) -> msgspec.Struct:
        """Raises Refused."""
        resolvers, name = self._resolvers(), _one_name(request)
        known = _known(lambda: resolvers.get(name))
        if request.method == "GET":
            if not known.overridden:
                raise Refused(404, "path", f"resolver/{name} is not turned")
            return known.settings
        if request.method == "PUT":
            settings = request.body(ResolverSettings)
            here = msgspec.structs.replace(settings, region=known.settings.region)
            changed = _allowed(lambda: resolvers.override(name, here))
        else:
            changed = resolvers.restore(name)
        self._tell("lever", changed)
        return changed

    def _tell(self, what: str, info: ResolverInfo) -> None:
        detail = {"lever": f"resolver/{info.name}", "to": msgspec.to_builtins(info.settings), "address": info.address}
        self._truth(Truth(at_s=self._clock.now_s(), what=what, region=info.settings.region, detail=detail))


def _one_name(request: Request) -> str:
    if request.method not in {"GET", "PUT", "DELETE"}:
        raise Refused(405, "method", f"{request.method}: resolvers take GET, PUT and DELETE")
    if len(request.parts) != 1:
        raise Refused(404, "path", f"name one resolver: {PREFIX}/NAME")
    return request.parts[0]


def _known(get: Callable[[], ResolverInfo]) -> ResolverInfo:
    try:
        return get()
    except LabError as error:
        raise Refused(404, "path", str(error)) from None


def _allowed(change: Callable[[], ResolverInfo]) -> ResolverInfo:
    try:
        return change()
    except LabError as error:
        raise Refused(400, "path", str(error)) from None
