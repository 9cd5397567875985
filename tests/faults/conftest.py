"""A recorder and a journal for faults on the lab's stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from builders import a_header

from harness.faults.journal import Journal
from harness.recorder import Recorder
from harness.target import Target


@pytest.fixture
def recorder(lab_target: Target) -> Recorder:
    header = msgspec.structs.replace(a_header(), stack=lab_target.stack)
    return Recorder(lab_target.new_clock(), header)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl", run="test") as journal:
        yield journal
