"""The lab whole: control plane, tables, health checkers, DNS and gateways in one process, joined here and only here.

The data plane does what the control plane says: every change there is read back through boto3 and put into force.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.aws import Aws
from harness.clock import ScaledClock
from harness.errors import HarnessError
from harness.lab.addresses import allocate
from harness.lab.api import TruthRecord, lab_routes
from harness.lab.certificates import Certificates
from harness.lab.controlplane import ControlPlane, deployed_snapshot
from harness.lab.dns import LabDns, LatencyDatabase, read_zones
from harness.lab.gateway.reading import read_api_config
from harness.lab.gateway.server import LabGateway
from harness.lab.health import LabHealth
from harness.lab.ports import Change
from harness.lab.reload import Reloader
from harness.lab.replication.levers import Levers
from harness.lab.resolvers import LabResolvers
from harness.lab.routes.defects import defect_routes
from harness.lab.routes.levers import PREFIX as LEVERS_PREFIX
from harness.lab.routes.levers import lever_routes
from harness.lab.routes.replication import replication_routes
from harness.lab.routes.resolvers import resolver_routes
from harness.lab.routes.routing import RoutingFaults
from harness.lab.settings import LabSettings
from harness.lab.spawn import ERROR, is_gone
from harness.lab.state import LabFolder, LabInfo
from harness.lab.tables import LabTables, ReplicationParameters, install
from harness.stack import Endpoints, RegionName

T = TypeVar("T")

_log = logging.getLogger(__name__)

STOP_WITHIN_WALL_S = 10.0
SERVED_PER_WALL_S = 3000.0
"""GET /data over kept connections, from one core, while another makes the load: benchmarks/gateway.py prints more."""
OWNER_LOOKED_AT_EVERY_WALL_S = 1.0


class Lab:
    """Everything running from `start` to `stop`. One a process: moto's state belongs to the process."""

    def __init__(self, settings: LabSettings, folder: LabFolder) -> None:
        self._settings = settings
        self.clock = ScaledClock(settings.rate)
        self._started = self.clock.started
        self.truth = TruthRecord()
        self._certificates = Certificates(folder.path / "ca")
        self._addresses, self._https_port = allocate(
            settings.regions, port=settings.https_port or None, seed=settings.seed
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="data-plane", daemon=True)
        self._tables = install(
            clock=self.clock,
            seed=settings.seed,
            parameters=ReplicationParameters(delay=settings.replication_delay),
            truth=self.truth.add,
        )
        self._latency = LatencyDatabase.load(seed=settings.seed)
        routing = RoutingFaults(self._latency, self._use_latency, self.clock, self.truth.add)
        self.control_plane = ControlPlane(
            clock=self.clock,
            seed=settings.seed,
            lab_routes={
                **lab_routes(lambda: self.info, self.clock, self.truth, self._defects_on),
                **lever_routes(
                    _Turned(self._tables, self._tell_gateways),
                    settings.regions,
                    self.clock,
                    self.truth.add,
                    reset_others=self._restore_resolvers,
                ),
                **defect_routes(self._tables, settings.regions, self.clock, self.truth.add),
                **replication_routes(self._tables.replicated_since),
                **resolver_routes(lambda: self._resolvers, self.clock, self.truth.add),
                **routing.routes(),
            },
            port=settings.port,
        )
        self._gateways: dict[RegionName, LabGateway] = {}
        self._reloader = Reloader(self._reload)

    def start(self) -> LabInfo:
        """Returns when every part serves; when one cannot, those started before it are ended again.

        Raises:
            LabError: a port is taken, or loopback addresses cannot be had.
        """
        with ExitStack() as parts:
            self._start_control_plane(parts)
            self._start_data_plane(parts)
            self._reload_zones()
            self.control_plane.on_change(self._reloader.ask)
            self._reloader.start()
            parts.callback(self._reloader.stop)
            self._started_parts = parts.pop_all()
        self.info = self._describe()
        return self.info

    def stop(self) -> None:
        """Ends every part, the last started first; the others also when one fails."""
        self._started_parts.close()

    def _start_control_plane(self, parts: ExitStack) -> None:
        self._thread.start()
        parts.callback(self._end_loop)
        parts.callback(self._tables.uninstall)
        self.control_plane.start()
        parts.callback(self.control_plane.stop)
        self._aws = Aws(self.control_plane.url)
        self._hosted_zone_id = self._own_a_domain()

    def _start_data_plane(self, parts: ExitStack) -> None:
        for region in self._settings.regions:
            self._gateways[region] = self._on_loop(self._start_gateway(region))
            parts.callback(self._stop_part, self._gateways[region])
        self._health = LabHealth(
            self._loop,
            clock=self.clock,
            aws_url=self.control_plane.url,
            connect_to=self._connect_to,
            seed=self._settings.seed,
            on_dns_change=self._health_changed,
            truth=self.truth.add,
        )
        self._dns = LabDns(
            self._loop,
            port=self._settings.dns_port,
            is_healthy=self._health.is_healthy_in_dns,
            locate=self._locate,
            latency=self._latency,
            clock=self.clock,
            truth=self.truth.add,
            seed=self._settings.seed,
        )
        self._on_loop(self._dns.start())
        parts.callback(self._stop_part, self._dns)
        self._resolvers = LabResolvers(
            self._loop,
            name_server=self._dns.endpoint,
            clock=self.clock,
            latency=self._latency,
            seed=self._settings.seed,
        )
        parts.callback(self._stop_part, self._resolvers)
        self._on_loop(self._health.start())
        parts.callback(self._stop_part, self._health)
        self.control_plane.health = self._health
        self.control_plane.dns = self._dns

    def _stop_part(self, part: LabGateway | LabDns | LabHealth | LabResolvers) -> None:
        try:
            self._on_loop(part.stop())
        except Exception:  # noqa: BLE001  # a lab that ends has nobody to tell but its log
            _log.exception("stopping %s", type(part).__name__)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_WITHIN_WALL_S)

    def _own_a_domain(self) -> str:
        """The zone that an account would have before anything is deployed."""
        created = self._aws.route53().create_hosted_zone(Name=self._settings.zone, CallerReference="lab")
        return created["HostedZone"]["Id"].rsplit("/", 1)[-1]

    def _defects_on(self) -> tuple[str, ...]:
        return tuple(defect.name for defect in self._tables.defects)

    def _use_latency(self, latency: LatencyDatabase) -> None:
        self._dns.replace_latency(latency)

    async def _start_gateway(self, region: RegionName) -> LabGateway:
        gateway = LabGateway(
            self._loop,
            region=region,
            address=self._addresses[region],
            port=self._https_port,
            certificates=self._certificates,
            tables=self._tables,
            clock=self.clock,
            truth=self.truth.add,
        )
        await gateway.start()
        return gateway

    def _tell_gateways(self, levers: Levers) -> None:
        """Regions that are not named serve, and at once."""
        for region, gateway in self._gateways.items():
            outage = levers.outages.get(region)
            self._on_loop(gateway.set_outage(outage.mode if outage else None))
            gateway.set_slow_table(levers.slow_tables.get(region))

    def _locate(self, host: str) -> tuple[str, ...] | None:
        """Addresses of an AWS host of ours: the gateway that serves it."""
        for gateway in self._gateways.values():
            if host in gateway.hosts():
                return (gateway.address,)
        return None

    def _connect_to(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a checker's connection to host:port leads. AWS's port 443 is the gateways' one here."""
        found = self._locate(host)
        return (found[0], self._https_port if port == 443 else port) if found else None

    def _reload(self, changes: list[Change]) -> None:
        """Reads back what may have changed, gateways first: DNS may only name hosts that are served."""
        services = {change.service for change in changes}
        regions = {change.region for change in changes if change.service in ("apigateway", "cloudformation", "acm")}
        for region in regions & self._gateways.keys():
            config = read_api_config(self.control_plane.url, region, deployed=deployed_snapshot)
            self._gateways[region].replace_config(config)
        if services & {"route53", "cloudformation", "apigateway"}:
            self._reload_zones()
        if services & {"route53", "cloudformation"}:
            self._health.reload().result(STOP_WITHIN_WALL_S)

    def _reload_zones(self) -> None:
        self._dns.replace_zones(read_zones(self._aws.route53()))
        self._dns.endpoints_changed()

    def _restore_resolvers(self) -> None:
        self._resolvers.restore_all()

    def _health_changed(self) -> None:
        self._dns.health_changed()

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_WITHIN_WALL_S)

    def _describe(self) -> LabInfo:
        address, port = self._dns.endpoint
        return LabInfo(
            name=self._settings.name,
            pid=os.getpid(),
            started_at=self._started.isoformat(),
            regions=self._settings.regions,
            seed=self._settings.seed,
            endpoints=Endpoints(
                aws_url=self.control_plane.url,
                levers_url=f"{self.control_plane.url}{LEVERS_PREFIX}",
                nameservers=(f"{address}:{port}",),
                https_port=self._https_port,
                ca_file=str(self._certificates.ca_file),
                requests_per_s=SERVED_PER_WALL_S,
                clock_rate=self.clock.rate,
                clock_origin_at=self._started.isoformat(),
            ),
            domain_name=self._settings.domain_name,
            hosted_zone_id=self._hosted_zone_id,
            addresses=self._addresses,
        )


class _Turned:
    """What the levers turn: the tables look at them by themselves, the gateways are told."""

    def __init__(self, tables: LabTables, tell_gateways: Callable[[Levers], None]) -> None:
        self._tables = tables
        self._tell_gateways = tell_gateways

    @property
    def levers(self) -> Levers:
        return self._tables.levers

    @levers.setter
    def levers(self, levers: Levers) -> None:
        self._tell_gateways(levers)
        self._tables.levers = levers


def run_lab(settings: LabSettings, folder: LabFolder, ready: Callable[[LabInfo], None]) -> None:
    """Runs a lab on this process until SIGINT, SIGTERM or SIGHUP, or until its owner is gone.

    Raises:
        LabAlreadyRunning: one of that name runs.
    """
    ending = threading.Event()
    orphaned = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: ending.set())
    folder.take()
    try:
        lab = Lab(settings, folder)
        info = lab.start()
        try:
            folder.publish(info)
            ready(info)
            while not orphaned and not ending.wait(OWNER_LOOKED_AT_EVERY_WALL_S):
                orphaned = settings.owner_pid is not None and is_gone(settings.owner_pid)
        finally:
            lab.stop()
    finally:
        folder.give_back()
    if orphaned:
        # Its owner made the folder for itself alone and cannot clear it away any more.
        shutil.rmtree(folder.path, ignore_errors=True)


def main(arguments: list[str]) -> None:
    """python -m harness.lab.world FOLDER SETTINGS: what spawn() starts."""
    path = Path(arguments[0])
    settings = msgspec.json.decode(arguments[1], type=LabSettings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        run_lab(settings, LabFolder(path.name, root=path.parent), lambda info: print(f"ready: {info}", flush=True))
    except HarnessError as error:
        sys.exit(f"{ERROR}{error}")


if __name__ == "__main__":
    main(sys.argv[1:])
