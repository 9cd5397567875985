"""Every fault there is, as one tagged union: plans and the undo journal are typed by it."""

from __future__ import annotations

from typing import get_args

from harness.faults.capacity_capped import CapacityCapped
from harness.faults.clock_skewed import ClockSkewed
from harness.faults.domain_detached import DomainDetached
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.faults.health_broken import HealthBroken
from harness.faults.health_check_disabled import HealthCheckDisabled
from harness.faults.health_check_inverted import HealthCheckInverted
from harness.faults.health_check_repointed import HealthCheckRepointed
from harness.faults.partition import Partition
from harness.faults.protocol import Fault
from harness.faults.record_removed import RecordRemoved
from harness.faults.record_weighted import RecordWeighted
from harness.faults.region_outage import RegionOutage
from harness.faults.replication_paused import ReplicationPaused
from harness.faults.replication_paused_by_fis import ReplicationPausedByFis
from harness.faults.resolver_stale import ResolverStale
from harness.faults.table_denied import TableDenied
from harness.faults.table_slow import TableSlow
from harness.faults.throttled import MethodThrottled, StageThrottled
from harness.faults.wan_delayed import WanDelayed

AnyFault = (
    CapacityCapped
    | ClockSkewed
    | DomainDetached
    | EndpointDisabled
    | HealthBroken
    | HealthCheckDisabled
    | HealthCheckInverted
    | HealthCheckRepointed
    | MethodThrottled
    | Partition
    | RecordRemoved
    | RecordWeighted
    | RegionOutage
    | ReplicationPaused
    | ReplicationPausedByFis
    | ResolverStale
    | StageThrottled
    | TableDenied
    | TableSlow
    | WanDelayed
)


def kinds() -> dict[str, type[AnyFault]]:
    """name -> kind of fault, in order of name."""
    return {kind.name: kind for kind in sorted(get_args(AnyFault), key=lambda kind: str(kind.name))}


def as_fault(fault: AnyFault) -> Fault:
    """The same: the type checker sees here that each kind has what inject() needs."""
    return fault
