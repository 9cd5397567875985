"""What users of the stack do: one placed item for failover runs, seeded traffic on items for data runs."""

from __future__ import annotations

from harness.workload.ending import Removal, clean_up, keys_written, read_everything, remove_items
from harness.workload.placing import place_item
from harness.workload.plan import KeySpace, Mix, SessionPlan, Workload
from harness.workload.preflight import check_table
from harness.workload.session import SessionClient
from harness.workload.traffic import Traffic

__all__ = [
    "KeySpace",
    "Mix",
    "Removal",
    "SessionClient",
    "SessionPlan",
    "Traffic",
    "Workload",
    "check_table",
    "clean_up",
    "keys_written",
    "place_item",
    "read_everything",
    "remove_items",
]
