"""kill -9 at every step, and Ctrl-C at any line: the stack is as before, to the byte, and the journal says so."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import EU
from fault_looks import read_back

from harness.faults.catalogue import AnyFault
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.faults.recover import recover
from harness.target import Target, save_target

pytestmark = pytest.mark.lab

STEPS = (
    "the entry is about to be written",
    "the entry is written and not yet flushed",
    "the entry is on the disk",
    "the first call is about to be made",
    "the first call was made",
    "every call was made",
    "it was proven",
    "it is held",
    "the rollback is about to begin",
    "the first undoing call is about to be made",
    "the first undoing call was made",
    "it was rolled back and read back",
    "the closing line is about to be written",
    "the closing line is written and not yet flushed",
    "the entry is closed",
)
OF_SEVERAL_CALLS = ("the first call was made", "every call was made", "the first undoing call was made")
LINES_TRIED = 6

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def ask(lab_target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Sends a request to the process that forks those who die; returns how that one ended."""
    path = tmp_path_factory.mktemp("dying") / "target.json"
    save_target(lab_target, path)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("dying_child.py")), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers, requests = process.stdout, process.stdin

    def asked(fault: AnyFault, journal: Path, **what: Any) -> dict[str, Any]:
        requests.write(json.dumps({"fault": msgspec.to_builtins(fault), "journal": str(journal), **what}) + "\n")
        requests.flush()
        answer: dict[str, Any] = {}
        while "ended" not in answer:
            answer |= json.loads(answers.readline())
        return answer

    yield asked
    process.stdin.close()
    process.wait(20)


@pytest.mark.parametrize(
    ("fault", "step"),
    [(HealthBroken(region=EU), step) for step in STEPS]
    + [(EndpointDisabled(region=EU), step) for step in OF_SEVERAL_CALLS],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_kill_9_at_any_step_leaves_what_recover_undoes(
    fault: AnyFault, step: str, ask: Ask, lab_target: Target, tmp_path: Path
) -> None:
    before, path = read_back(lab_target), tmp_path / "journal.jsonl"

    assert ask(fault, path, step=step) == {"ended": -9}

    recover(path, lambda _result: None)
    assert read_back(lab_target) == before
    assert recover(path, lambda _result: None) == []
    with Journal(path, run="next") as journal:
        journal.refuse_if_open()


def test_ctrl_c_at_any_line_of_the_door_leaves_nothing_broken(ask: Ask, lab_target: Target, tmp_path: Path) -> None:
    """A signal at the nth line that runs in fault.py, signals.py, journal.py or contextlib, for a few n.

    Python may deliver a signal between any two lines, also between the end of a block and the start of what undoes it.
    """
    seed = random.randrange(1_000_000)
    fault, before = HealthBroken(region=EU), read_back(lab_target)
    lines = ask(fault, tmp_path / "counted.jsonl", line=0)["lines"]
    tried = sorted(random.Random(seed).sample(range(1, lines), LINES_TRIED))
    for line in tried:
        path = tmp_path / f"{line}.jsonl"
        answer = ask(fault, path, line=line)

        assert answer["ended"] in (0, 1), (seed, line, answer)
        assert read_back(lab_target) == before, (seed, line)
        if path.exists():
            with Journal(path, run="next") as journal:
                assert journal.open_entries() == [], (seed, line)
