"""The lab's control plane: the AWS API on loopback. It holds what is deployed; the rest of the lab obeys it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from cheroot import wsgi
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_api._internal import mock_random

from harness.clock import ScaledClock
from harness.errors import LabError
from harness.lab.controlplane.cloudformation.api import LabCloudFormation
from harness.lab.controlplane.cloudformation.service import Regions
from harness.lab.controlplane.dispatch import Dispatcher, WsgiApp, preload
from harness.lab.controlplane.services.route53 import SOURCES
from harness.lab.ports import Change, ChangeListener, DnsSource, HealthSource

_THREADS = 12
_STOP_WITHIN_WALL_S = 5.0


class ControlPlane:
    """One a process: moto's state is the process's.

    `lab_routes` maps path prefixes under /lab/ to WSGI applications that are asked before any AWS service. `health`
    and `dns` may be plugged at any time; until then GetHealthCheckStatus is empty and TestDNSAnswer says SERVFAIL.
    """

    def __init__(
        self,
        *,
        clock: ScaledClock,
        seed: int,
        lab_routes: Mapping[str, WsgiApp] | None = None,
        port: int = 0,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._port = port
        self._listeners: list[ChangeListener] = []
        self._app = Dispatcher(lab_routes or {}, self._tell)
        self._server: wsgi.Server | None = None
        self._thread: threading.Thread | None = None
        self._begin()

    @property
    def url(self) -> str:
        """By name: the CDK CLI and moto take an address for a bucket's host."""
        return f"http://localhost:{self._port}"

    @property
    def health(self) -> HealthSource | None:
        return SOURCES.health

    @health.setter
    def health(self, source: HealthSource | None) -> None:
        SOURCES.health = source

    @property
    def dns(self) -> DnsSource | None:
        return SOURCES.dns

    @dns.setter
    def dns(self, source: DnsSource | None) -> None:
        SOURCES.dns = source

    def on_change(self, listener: ChangeListener) -> None:
        """Calls `listener` on the request's thread after each successful call that may have changed configuration.

        A CloudFormation call is one change of service "cloudformation": everything in its region, and Route 53 and
        IAM, may have changed by it.
        """
        self._listeners.append(listener)

    def start(self) -> None:
        """Returns when requests are served.

        Raises:
            LabError: the port is taken.
        """
        preload()
        server = wsgi.Server(("127.0.0.1", self._port), self._app, numthreads=_THREADS, request_queue_size=128)
        # cheroot closes idle connections above ten, which costs boto3 clients a reconnect for each call.
        server.keep_alive_conn_limit = 1000
        server.shutdown_timeout = 1
        try:
            server.prepare()
        except OSError as error:
            raise LabError(f"control plane: port {self._port} of 127.0.0.1 cannot be had ({error}); choose another")  # noqa: B904
        self._server = server
        self._port = server.bind_addr[1]
        self._thread = threading.Thread(target=server.serve, name="control-plane", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(_STOP_WITHIN_WALL_S)
            self._server = self._thread = None
        SOURCES.health = SOURCES.dns = None

    def reset(self) -> None:
        """Forgets everything that was deployed, in every region; listeners are told nothing."""
        for backends in BackendDict._instances:
            backends.reset()
        reset_model_data()
        self._begin()

    def _begin(self) -> None:
        mock_random.seed(self._seed)
        LabCloudFormation.regions = Regions(self._clock)

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)
