"""A client of the lab's own API, for people, tests and benchmarks. Faults and checkers never use it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TypeVar
from urllib.parse import quote

import msgspec

from harness.errors import LabError
from harness.lab.api import Status, TruthPage
from harness.lab.replication.defects import Defect
from harness.lab.replication.levers import Coalescing, Levers, Outage, OutageMode, Skew, SlowTable, Throttle
from harness.lab.replication.record import ReplicatedPage
from harness.lab.resolvers.settings import ResolverInfo, ResolverSettings, ResolversPage
from harness.lab.routes.defects import DefectsPage
from harness.lab.routes.routing import MovedSubnet, MovedSubnets
from harness.models.wan import ReplicationDelay
from harness.stack import RegionName

T = TypeVar("T")

REPLY_WITHIN_WALL_S = 10.0


class LabClient:
    """`aws_url` is the lab's control plane: `LabInfo.endpoints.aws_url`. All levers after a change are returned.

    Raises:
        LabError: the lab refuses (the message names the field), or does not answer.
    """

    def __init__(self, aws_url: str) -> None:
        self._url = aws_url.rstrip("/")
        # The lab is on loopback: no proxy of the environment is asked.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def levers(self) -> Levers:
        return self._ask("GET", "levers", Levers)

    def reset(self) -> Levers:
        """Everything back to how the lab began."""
        return self._ask("DELETE", "levers", Levers)

    def set_delay(
        self,
        delay: ReplicationDelay,
        origin: RegionName | None = None,
        destination: RegionName | None = None,
    ) -> Levers:
        """For every pair of regions, or for one way between two; `ReplicationDelay.constant(0.15)` for a constant."""
        return self._put(_path("delay", origin, destination), delay)

    def undo_delay(self, origin: RegionName | None = None, destination: RegionName | None = None) -> Levers:
        return self._delete(_path("delay", origin, destination))

    def partition(self, one: RegionName, other: RegionName) -> Levers:
        return self._put(_path("partition", one, other), None)

    def heal_partition(self, one: RegionName, other: RegionName) -> Levers:
        return self._delete(_path("partition", one, other))

    def stop_replica(self, region: RegionName) -> Levers:
        return self._put(_path("stopped", region), None)

    def resume_replica(self, region: RegionName) -> Levers:
        return self._delete(_path("stopped", region))

    def throttle(self, region: RegionName, writes_per_s: float) -> Levers:
        return self._put(_path("throttled", region), Throttle(writes_per_s=writes_per_s))

    def unthrottle(self, region: RegionName) -> Levers:
        return self._delete(_path("throttled", region))

    def skew_clock(self, region: RegionName, ahead_s: float) -> Levers:
        return self._put(_path("skew", region), Skew(ahead_s=ahead_s))

    def unskew_clock(self, region: RegionName) -> Levers:
        return self._delete(_path("skew", region))

    def cut_off(self, region: RegionName, mode: OutageMode) -> Levers:
        """Its HTTPS endpoints refuse connections, or answer nothing at all."""
        return self._put(_path("outage", region), Outage(mode=mode))

    def end_outage(self, region: RegionName) -> Levers:
        return self._delete(_path("outage", region))

    def slow_table(self, region: RegionName, delay_s: float, share: float = 1.0) -> Levers:
        """This share of the calls that the region's APIs make of their tables takes so much longer."""
        return self._put(_path("slow-table", region), SlowTable(delay_s=delay_s, share=share))

    def hasten_table(self, region: RegionName) -> Levers:
        return self._delete(_path("slow-table", region))

    def coalesce(self, within_s: float) -> Levers:
        return self._put(_path("coalescing"), Coalescing(within_s=within_s))

    def stop_coalescing(self) -> Levers:
        return self._delete(_path("coalescing"))

    def defects(self) -> DefectsPage:
        return self._ask("GET", "defects", DefectsPage)

    def plant(self, defect: Defect) -> DefectsPage:
        """Puts a defect on, or changes its numbers: `DropReplications(share=0.5)`."""
        return self._ask("PUT", f"defects/{defect.name}", DefectsPage, defect)

    def plant_by_name(self, name: str) -> DefectsPage:
        """Puts it on with its default numbers: "drop-replications"."""
        return self._ask("PUT", f"defects/{quote(name, safe='')}", DefectsPage)

    def take_off(self, name: str) -> DefectsPage:
        return self._ask("DELETE", f"defects/{quote(name, safe='')}", DefectsPage)

    def take_off_all(self) -> DefectsPage:
        return self._ask("DELETE", "defects", DefectsPage)

    def resolvers(self) -> ResolversPage:
        return self._ask("GET", "resolvers", ResolversPage)

    def put_resolver(self, name: str, settings: ResolverSettings | None = None) -> ResolverInfo:
        """Makes a recursive resolver, or changes the one of that name; the reply says where it listens."""
        return self._ask("PUT", f"resolvers/{quote(name, safe='')}", ResolverInfo, settings or ResolverSettings())

    def remove_resolver(self, name: str) -> ResolversPage:
        return self._ask("DELETE", f"resolvers/{quote(name, safe='')}", ResolversPage)

    def turn_resolver(self, name: str, settings: ResolverSettings) -> ResolverInfo:
        """Other settings until `restore_resolver`; it stays where it stands, and keeps what it has cached."""
        return self._ask("PUT", f"levers/resolver/{quote(name, safe='')}", ResolverInfo, settings)

    def restore_resolver(self, name: str) -> ResolverInfo:
        return self._ask("DELETE", f"levers/resolver/{quote(name, safe='')}", ResolverInfo)

    def move_subnet(self, subnet: str, region: RegionName) -> MovedSubnets:
        """Users of the subnet are routed as if they were in that region: a wrong line in the latency database."""
        return self._ask("PUT", "routing", MovedSubnets, MovedSubnet(subnet=subnet, region=region))

    def moved_subnets(self) -> MovedSubnets:
        return self._ask("GET", "routing", MovedSubnets)

    def move_no_subnets(self) -> MovedSubnets:
        return self._ask("DELETE", "routing", MovedSubnets)

    def replicated(self, since: int = 0) -> ReplicatedPage:
        """True delays of the writes that have arrived, a page of them; ask again with its `next`."""
        return self._ask("GET", f"replication?since={since}", ReplicatedPage)

    def status(self) -> Status:
        return self._ask("GET", "status", Status)

    def truth(self, since: int = 0) -> TruthPage:
        return self._ask("GET", f"truth?since={since}", TruthPage)

    def _put(self, path: str, body: msgspec.Struct | None) -> Levers:
        return self._ask("PUT", f"levers/{path}", Levers, body)

    def _delete(self, path: str) -> Levers:
        return self._ask("DELETE", f"levers/{path}", Levers)

    def _ask(self, method: str, path: str, reply: type[T], body: msgspec.Struct | None = None) -> T:
        url = f"{self._url}/lab/{path}"
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(url, data, method=method, headers={"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=REPLY_WITHIN_WALL_S) as response:
                return msgspec.json.decode(response.read(), type=reply)
        except urllib.error.HTTPError as error:
            raise LabError(f"the lab refuses {method} /lab/{path}: {_message(error.read())}") from error
        except OSError as error:
            raise LabError(f"the lab at {self._url} does not answer ({error}): is it running?") from error


def _path(name: str, *regions: RegionName | None) -> str:
    return "/".join((name, *(quote(region, safe="") for region in regions if region is not None)))


def _message(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return f"{error['field']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
