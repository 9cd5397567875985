"""Entries of undo journals for tests."""

from __future__ import annotations

from builders import EU, a_stack

from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal, Opened
from harness.stack import Endpoints


def opened(journal: Journal, region: str = EU) -> Opened:
    return journal.open(
        HealthBroken(region=region), {"HEALTH": "200"}, target="lab", stack=a_stack(), endpoints=Endpoints()
    )
