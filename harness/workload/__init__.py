"""What users of the stack do: one placed item for failover runs, seeded traffic on items for data runs."""

from __future__ import annotations

from harness.workload.placing import place_item
from harness.workload.plan import KeySpace, Mix, SessionPlan, Workload

__all__ = ["KeySpace", "Mix", "SessionPlan", "Workload", "place_item"]
