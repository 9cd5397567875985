"""Which routes between replicas are held at this moment, and why: by resource policies and by levers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from moto.dynamodb.models import dynamodb_backends

from harness.clock import Clock
from harness.lab.ports import Truth, TruthLog
from harness.lab.replication.levers import Levers
from harness.lab.tables.authorization import denies_reading, denies_writing, policy_arns
from harness.lab.tables.members import GlobalTable
from harness.lab.tables.replicator import Route
from harness.stack import RegionName

_GOOD_FOR_WALL_S = 0.01
"""How long an answer is good when nothing was changed: policies have dates."""


class Gates:
    """The replicator's `Flow`. Tells the truth log of every route that is paused and healed."""

    def __init__(
        self,
        clock: Clock,
        levers: Levers,
        global_tables: Callable[[], Iterable[GlobalTable]],
        truth: TruthLog | None,
        written_per_s: Callable[[RegionName], float | None] = lambda _region: None,
    ) -> None:
        self._clock = clock
        self._levers = levers
        self._global_tables = global_tables
        self._truth = truth
        self._written_per_s = written_per_s
        """What a region's tables take a second; None: as much as comes."""
        self._held: dict[Route, str] = {}
        self._has_policies = False
        self._is_stale = True
        self._good_until_s = 0.0

    @property
    def levers(self) -> Levers:
        return self._levers

    @levers.setter
    def levers(self, levers: Levers) -> None:
        self._levers = levers
        self.changed()

    def changed(self) -> None:
        """Whatever was known before is looked at again: a policy, a replica or a lever has changed."""
        self._is_stale = True

    def look(self) -> None:
        self._refresh()

    def is_restless(self) -> bool:
        return self._has_policies

    def is_held(self, route: Route) -> bool:
        self._refresh()
        return route in self._held

    def most_per_s(self, destination: RegionName) -> float | None:
        throttle = self._levers.throttled.get(destination)
        limits = [throttle.writes_per_s if throttle else None, self._written_per_s(destination)]
        return min((limit for limit in limits if limit is not None), default=None)

    def coalesced_within_s(self) -> float | None:
        coalescing = self._levers.coalescing
        return coalescing.within_s if coalescing else None

    def _refresh(self) -> None:
        now_s = self._clock.now_s()
        if not self._is_stale and (not self._has_policies or now_s < self._good_until_s):
            return
        self._is_stale = False
        self._good_until_s = now_s + _GOOD_FOR_WALL_S * self._clock.rate
        before, self._has_policies = self._held, False
        self._held = {route: why for table in self._global_tables() for route, why in self._held_of(table)}
        self._tell(now_s, before)

    def _held_of(self, table: GlobalTable) -> Iterator[tuple[Route, str]]:
        unread, unwritten = self._denied(table)
        for origin, destination in itertools.permutations(table.regions, 2):
            why = self._levers.holds(origin, destination)
            if why is None and origin in unread:
                why = f"policy in {origin} denies reading"
            if why is None and destination in unwritten:
                why = f"policy in {destination} denies writing"
            if why is not None:
                yield Route(origin, destination, table.id), why

    def _denied(self, table: GlobalTable) -> tuple[set[RegionName], set[RegionName]]:
        """Regions whose policies let nothing out, and nothing in."""
        unread, unwritten = set(), set()
        at = self._clock.calendar()
        for region in table.regions:
            backend = dynamodb_backends[table.account][region]
            replica = backend.tables.get(table.name) if backend.resource_policies else None
            if replica is None or not any(policy_arns(backend, replica)):
                continue
            self._has_policies = True
            if denies_reading(backend, replica, at):
                unread.add(region)
            if denies_writing(backend, replica, at):
                unwritten.add(region)
        return unread, unwritten

    def _tell(self, now_s: float, before: dict[Route, str]) -> None:
        if self._truth is None:
            return
        for what, routes, others in (("paused", self._held, before), ("healed", before, self._held)):
            for route, why in routes.items():
                if route not in others:
                    detail = {"origin": route.origin, "destination": route.destination, "why": why}
                    self._truth(Truth(at_s=now_s, what=what, region=route.origin, detail=detail))
