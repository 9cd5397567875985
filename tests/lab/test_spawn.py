"""A lab in a process of its own: what stops it from starting is told, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import LabAlreadyRunning, LabError, UsageError
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, is_gone, spawn
from harness.lab.state import LabFolder, LabInfo
from harness.stack import Endpoints

ENDED_WITHIN_S = 30.0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENDED_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def settings(**changes: int) -> LabSettings:
    return LabSettings(regions=("us-east-1",), owner_pid=os.getpid(), **changes)  # type: ignore[arg-type]


@pytest.mark.lab
def test_a_lab_that_cannot_have_its_port_says_so_in_one_line_and_ends(tmp_path: Path) -> None:
    """The name server is the last part to start: all those before it must be ended again for the process to go."""
    folder = LabFolder("a", root=tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        with pytest.raises(LabError, match=rf"^name server: 127\.0\.0\.1 port {port} cannot be bound[^\n]*$"):
            spawn(settings(dns_port=port), folder)

    assert not folder.is_running()
    assert not (folder.path / "lab.json").exists()


OWNER = """
import os, pathlib, sys, time
from harness.lab.settings import LabSettings
from harness.lab.spawn import spawn
from harness.lab.state import LabFolder

folder = pathlib.Path(sys.argv[1])
settings = LabSettings(regions=("us-east-1",), owner_pid=os.getpid())
print(spawn(settings, LabFolder(folder.name, root=folder.parent)).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.lab
def test_a_lab_ends_with_the_process_that_owns_it_even_after_kill_9_and_clears_its_folder(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path / "owned")], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()

    wait_until(lambda: is_gone(pid))
    assert not (tmp_path / "owned").exists()


def test_a_lab_that_runs_is_not_started_again(tmp_path: Path) -> None:
    folder = LabFolder("a", root=tmp_path)
    folder.take()

    with pytest.raises(LabAlreadyRunning):
        spawn(settings(), LabFolder("a", root=tmp_path))
    folder.give_back()


def test_a_crash_is_told_with_the_end_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "planted"))
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "moto.py").write_text("raise RuntimeError('no moto today')\n")

    with pytest.raises(LabError, match=r"(?s)lab 'default' crashed while starting; .*lab\.log:.*no moto today"):
        spawn(settings(), LabFolder("a", root=tmp_path))


def info(pid: int) -> LabInfo:
    return LabInfo(
        name="a",
        pid=pid,
        started_at="",
        regions=(),
        seed=1,
        endpoints=Endpoints(),
        domain_name="",
        hosted_zone_id="",
        addresses={},
    )


def test_a_lab_that_ignores_its_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the folder's lock and ignores SIGTERM, as one that hangs would."""
    monkeypatch.setattr("harness.lab.spawn.ENDED_WITHIN_WALL_S", 0.2)
    code = (
        "import pathlib, signal, sys, time\n"
        "from harness.lab.state import LabFolder\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "folder = LabFolder('a', root=pathlib.Path(sys.argv[1]))\n"
        "folder.take()\n"
        "print('taken', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    end(LabFolder("a", root=tmp_path), info(process.pid))

    assert is_gone(process.pid)


def test_a_lab_that_has_ended_already_needs_no_ending(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    end(LabFolder("a", root=tmp_path), info(process.pid))


def test_a_process_that_ended_and_was_not_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert not is_gone(process.pid)

    process.send_signal(signal.SIGKILL)

    wait_until(lambda: is_gone(process.pid))


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "-rf"])
def test_a_name_that_would_not_do_as_a_folders_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use 1 to 40 letters"):
        LabFolder(name, root=tmp_path)
