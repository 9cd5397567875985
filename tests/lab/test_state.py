"""A running lab is found by its folder; a crashed one blocks nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import LabAlreadyRunning, LabNotRunning
from harness.lab.state import LabFolder, LabInfo
from harness.stack import Endpoints


def info(pid: int = 1234) -> LabInfo:
    return LabInfo(
        name="a",
        pid=pid,
        started_at="2026-01-01T00:00:00Z",
        regions=("us-east-1",),
        seed=1,
        endpoints=Endpoints(),
        domain_name="api.example.test",
        hosted_zone_id="Z1",
        addresses={"us-east-1": "127.1.2.3"},
    )


def test_a_published_lab_is_found(tmp_path: Path) -> None:
    folder = LabFolder("a", root=tmp_path)
    folder.take()
    folder.publish(info())

    assert LabFolder("a", root=tmp_path).running() == info()
    folder.give_back()


def test_a_second_lab_of_that_name_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    first = LabFolder("a", root=tmp_path)
    first.take()
    first.publish(info())
    with pytest.raises(LabAlreadyRunning, match="runs already as process 1234"):
        LabFolder("a", root=tmp_path).take()
    first.give_back()


def test_looking_at_a_lab_does_not_take_it(tmp_path: Path) -> None:
    folder = LabFolder("a", root=tmp_path)
    assert not folder.is_running()
    folder.take()
    assert LabFolder("a", root=tmp_path).is_running()
    folder.give_back()
    assert not folder.is_running()


def test_a_killed_lab_is_not_running_and_blocks_nothing(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from harness.lab.state import LabFolder\n"
        "LabFolder('a', root=pathlib.Path(sys.argv[1])).take()\n"
        "pathlib.Path(sys.argv[1], 'a', 'lab.json').write_text('{}')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    folder = LabFolder("a", root=tmp_path)

    with pytest.raises(LabNotRunning, match="harness lab up"):
        folder.running()
    folder.take()
    folder.give_back()
