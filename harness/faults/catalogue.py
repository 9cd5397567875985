"""Every fault there is, as one tagged union: plans and the undo journal are typed by it."""

from __future__ import annotations

from harness.faults.health_broken import HealthBroken
from harness.faults.replication_paused import ReplicationPaused

AnyFault = HealthBroken | ReplicationPaused
