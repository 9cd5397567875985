"""The lab's planted defects by HTTP: under /lab/defects on the control plane's port, JSON in and out.

    GET    /lab/defects          all there are, with their numbers, and which are on (`DefectsPage`)
    GET    /lab/defects/NAME     one of them
    PUT    /lab/defects/NAME     put it on; the body may change its numbers, {} or nothing leaves them
    DELETE /lab/defects/NAME     take it off: what it has done stays done
    DELETE /lab/defects          take all off

PUT and DELETE answer with all of them; errors are as of the levers. Several may be on at once.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from harness.clock import Clock
from harness.lab.ports import Truth, TruthLog
from harness.lab.replication.defects import DEFECTS, Defect
from harness.lab.routes.requests import Refused, Request, WsgiApp, json_app
from harness.stack import RegionName

PREFIX = "/lab/defects"


class Plantable(Protocol):
    """Where defects are planted: the tables."""

    @property
    def defects(self) -> tuple[Defect, ...]: ...

    @defects.setter
    def defects(self, defects: tuple[Defect, ...]) -> None: ...


class DefectInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    what: str
    """What goes wrong, in a sentence."""
    on: bool
    numbers: dict[str, Any]
    """JSON values: what it is on with, else its defaults."""


class DefectsPage(msgspec.Struct, frozen=True, kw_only=True):
    on: tuple[str, ...]
    defects: tuple[DefectInfo, ...]


def defect_routes(
    tables: Plantable, regions: Sequence[RegionName], clock: Clock, truth: TruthLog
) -> dict[str, WsgiApp]:
    """path -> WSGI app; `regions` are the lab's."""
    return {PREFIX: json_app(PREFIX, _DefectRoutes(tables, regions, clock, truth).answer)}


class _DefectRoutes:
    def __init__(self, tables: Plantable, regions: Sequence[RegionName], clock: Clock, truth: TruthLog) -> None:
        self._tables = tables
        self._regions = regions
        self._clock = clock
        self._truth = truth
        self._planting = threading.Lock()

    def answer(self, request: Request) -> msgspec.Struct:
        """What the request's reply holds.

        Raises:
            Refused: no such defect, a number that cannot be, an unknown region.
        """
        kind = self._find(request.parts) if request.parts else None
        if request.method == "GET":
            return self._info(kind) if kind else self._page()
        if request.method == "PUT" and kind is not None:
            defect = self._checked(request.body(kind))
            return self._plant(lambda others: (*others, defect), kind, request)
        if request.method == "DELETE":
            return self._plant(lambda others: others if kind else (), kind, request)
        raise Refused(405, "method", f"{request.method} {PREFIX}: put one defect on at a time, PUT {PREFIX}/NAME")

    def _plant(
        self,
        change: Callable[[tuple[Defect, ...]], tuple[Defect, ...]],
        kind: type[Defect] | None,
        request: Request,
    ) -> DefectsPage:
        with self._planting:
            others = tuple(defect for defect in self._tables.defects if type(defect) is not kind)
            self._tables.defects = change(others)
        on = [defect.name for defect in self._tables.defects]
        what = "defect-on" if request.method == "PUT" else "defect-off"
        detail = {"defect": kind.name if kind else "all", "on": on}
        self._truth(Truth(at_s=self._clock.now_s(), what=what, detail=detail))
        return self._page()

    def _find(self, parts: Sequence[str]) -> type[Defect]:
        kind = DEFECTS.get("/".join(parts))
        if kind is None:
            raise Refused(404, "path", f"no defect {'/'.join(parts)!r}; there are {', '.join(DEFECTS)}")
        return kind

    def _checked(self, defect: Defect) -> Defect:
        region = getattr(defect, "region", None)
        if region is not None and region not in self._regions:
            known = ", ".join(self._regions)
            raise Refused(400, "region", f"region {region!r} is not in this lab; choose from {known}")
        return defect

    def _page(self) -> DefectsPage:
        on = tuple(defect.name for defect in self._tables.defects)
        return DefectsPage(on=on, defects=tuple(self._info(kind) for kind in DEFECTS.values()))

    def _info(self, kind: type[Defect]) -> DefectInfo:
        planted = next((defect for defect in self._tables.defects if type(defect) is kind), None)
        numbers = msgspec.to_builtins(planted or kind())
        return DefectInfo(name=kind.name, what=inspect.getdoc(kind) or "", on=planted is not None, numbers=numbers)
