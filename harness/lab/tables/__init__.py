"""The lab's DynamoDB: moto's tables, made into global tables by hooks in this process.

`install` once per process, before requests come in; `LabTables` is the in-process port (harness/lab/ports.py) and the
handle to what the lab may turn: it is also what `uninstall` takes away again.
"""

from __future__ import annotations

import logging
import threading

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table

from harness.clock import Clock
from harness.errors import LabError
from harness.events import Json
from harness.lab.ports import TruthLog
from harness.lab.replication.defects import Defect
from harness.lab.replication.levers import Levers
from harness.lab.replication.record import ReplicatedPage
from harness.lab.tables import calls
from harness.lab.tables.cloudformation import install_cloudformation, uninstall_cloudformation
from harness.lab.tables.control import install_control
from harness.lab.tables.endpoint import install_endpoint
from harness.lab.tables.fis import install_fis
from harness.lab.tables.items import Forgetful, unhooked_table
from harness.lab.tables.patches import Patches
from harness.lab.tables.reads import install_reads
from harness.lab.tables.replication import Replication, ReplicationParameters
from harness.lab.tables.resource_policies import install_resource_policies
from harness.lab.tables.writes import install_writes
from harness.stack import RegionName

__all__ = ["LabTables", "ReplicationParameters", "install"]

_log = logging.getLogger(__name__)

_installing = threading.Lock()
_installed: list[LabTables] = []


class LabTables:
    """The tables of one lab. Made by `install`."""

    def __init__(self, clock: Clock, seed: int, parameters: ReplicationParameters, truth: TruthLog | None) -> None:
        self._clock = clock
        self._patches = Patches()
        self._replication = Replication(clock, seed, parameters, truth)

    def call(
        self, region: RegionName, action: str, request: dict[str, Json], principal_arn: str
    ) -> tuple[int, dict[str, Json]]:
        """(HTTP status, response body) of one DynamoDB operation by `principal_arn`; never raises for AWS's errors."""
        return calls.call(self._clock, region, action, request, principal_arn)

    @property
    def pending_replications(self) -> int:
        """Writes that were accepted in one region and have not yet arrived at another."""
        return self._replication.replicator.pending

    def deliver_due(self) -> int:
        """Delivers what is due now and says how much: for clocks that stand still until told."""
        return self._replication.replicator.deliver_due()

    @property
    def levers(self) -> Levers:
        """What is turned now; assign a whole new document to turn something."""
        return self._replication.gates.levers

    @levers.setter
    def levers(self, levers: Levers) -> None:
        self._replication.set_levers(levers)

    @property
    def defects(self) -> tuple[Defect, ...]:
        """The planted defects that are on: none at first."""
        return self._replication.conduct.defects

    @defects.setter
    def defects(self, defects: tuple[Defect, ...]) -> None:
        self._replication.conduct.defects = defects
        _log.warning("planted defects that are on: %s", ", ".join(map(repr, defects)) or "none")

    def replicated_since(self, number: int) -> ReplicatedPage:
        """True delays of the writes that have arrived, from the record's line `number` on."""
        return self._replication.latencies.record.since(number)

    def uninstall(self) -> None:
        """Ends replication and puts moto back as it was. moto's own tables stay; writes on their way are lost."""
        with _installing:
            if self in _installed:
                self._replication.replicator.stop()
                uninstall_cloudformation()
                self._patches.undo()
                _installed.remove(self)

    def _hook_in(self) -> None:
        unhooked = unhooked_table()
        install_writes(self._patches, self._replication, unhooked)
        install_reads(self._patches, self._replication, unhooked)
        install_control(self._patches, self._replication)
        policies = install_resource_policies(self._patches, self._replication)
        install_fis(self._patches, self._replication, policies)
        install_endpoint(self._patches, self._clock)
        install_cloudformation(self._replication)
        for model in (Table, Item, StreamRecord, StreamShard):
            self._patches.set(model, "instances_tracked", Forgetful())
        self._replication.replicator.start()


def install(
    clock: Clock, seed: int, parameters: ReplicationParameters | None = None, truth: TruthLog | None = None
) -> LabTables:
    """Hooks global tables into moto's DynamoDB in this process and starts replication on `clock`.

    Raises:
        LabError: already installed; moto is one per process, so the lab is too.
    """
    with _installing:
        if _installed:
            raise LabError("the lab's tables are installed in this process already: call uninstall() first")
        tables = LabTables(clock, seed, parameters or ReplicationParameters(), truth)
        tables._hook_in()
        _installed.append(tables)
        return tables
