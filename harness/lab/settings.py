"""What a lab is asked to be."""

from __future__ import annotations

import msgspec

from harness.lab.state import DEFAULT_NAME
from harness.models.wan import ReplicationDelay
from harness.stack import RegionName


class LabSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Ports of 0 are chosen free. The zone stands for the domain that an AWS account would own already."""

    regions: tuple[RegionName, ...]
    name: str = DEFAULT_NAME
    rate: float = 20.0
    seed: int = 1
    zone: str = "example.test"
    domain_name: str = "api.example.test"
    port: int = 0
    dns_port: int = 0
    https_port: int = 0
    replication_delay: ReplicationDelay = ReplicationDelay()
    """Between every two regions, until a lever changes it."""
    owner_pid: int | None = None
    """The lab ends itself when this process is gone; for labs that a test run starts. Absent: nobody's."""
