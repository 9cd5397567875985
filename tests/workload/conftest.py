"""Recorders of a given clock and stack, and item events with plain defaults."""

from __future__ import annotations

import pytest

from harness.events import ItemRead, ItemWrite, Operation, Outcome, RunHeader
from harness.recorder import Recorder


@pytest.fixture
def make_recorder(two_region_stack):
    """(clock, stack) -> a recorder in memory."""

    def make(clock, stack=two_region_stack):
        header = RunHeader(
            start_s=0,
            end_s=0,
            source="test",
            name="test",
            started_at="2026-01-01T00:00:00Z",
            target="test",
            clock_rate=clock.rate,
            seed=1,
            stack=stack,
            harness_version="0",
        )
        return Recorder(clock, header)

    return make


@pytest.fixture
def a_write():
    """(value, ...) -> an acknowledged put of key "k" from 1 to 2 s."""

    def make(value, **fields):
        plain = {
            "start_s": 1,
            "end_s": 2,
            "source": "items",
            "client": "c",
            "region": "eu-west-1",
            "operation": Operation.PUT,
            "key": "k",
            "outcome": Outcome.OK,
        }
        return ItemWrite(**{**plain, "value": value, **fields})

    return make


@pytest.fixture
def a_read():
    """(values of the item, ...) -> a read of key "k" from 3 to 4 s; no values: no item."""

    def make(*values, **fields):
        plain = {
            "start_s": 3,
            "end_s": 4,
            "source": "items",
            "client": "p",
            "region": "us-east-1",
            "key": "k",
            "item": dict(zip("ab", values, strict=False)) or None,
            "outcome": Outcome.OK,
        }
        return ItemRead(**{**plain, **fields})

    return make
