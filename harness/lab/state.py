"""What a running lab leaves on disk so that others find it: one folder a lab, and a lock that dies with the process.

The lock is an advisory one held by the lab's process, so a lab that was killed blocks nothing: its folder is taken
over by the next one.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

import msgspec

from harness.errors import LabAlreadyRunning, LabNotRunning, UsageError
from harness.stack import Endpoints, RegionName

DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class LabInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a running lab."""

    name: str
    pid: int
    started_at: str
    """RFC 3339, UTC."""
    regions: tuple[RegionName, ...]
    seed: int
    endpoints: Endpoints
    domain_name: str
    hosted_zone_id: str
    addresses: dict[RegionName, str]
    """Loopback address of each region's gateway."""


def labs_folder() -> Path:
    """HARNESS_HOME/labs, else the user's state folder (XDG_STATE_HOME, default ~/.local/state)."""
    home = os.environ.get("HARNESS_HOME")
    if home:
        return Path(home) / "labs"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "multi-region-harness" / "labs"


class LabFolder:
    """The folder of the lab called `name`.

    Raises:
        UsageError: the name would not do as that of a folder and of a target.
    """

    def __init__(self, name: str = DEFAULT_NAME, *, root: Path | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"lab name {name!r}: use 1 to 40 letters, digits, '-' and '_', the first no sign")
        self.name = name
        self.path = (root or labs_folder()) / name
        self._lock_fd = -1

    @property
    def log(self) -> Path:
        return self.path / "lab.log"

    def take(self) -> None:
        """Makes the folder this process's own until it ends.

        Raises:
            LabAlreadyRunning: another process has it.
            UsageError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(
                f"lab folder {self.path} cannot be written: {error.strerror}; set HARNESS_HOME to one that can"
            ) from error
        try:
            _lock(fd)
        except BlockingIOError as error:
            os.close(fd)
            info = self._read()
            who = f"as process {info.pid} since {info.started_at}" if info else "and is starting or stopping"
            raise LabAlreadyRunning(
                f"lab {self.name!r} runs already {who}: use it, end it with `harness lab down`, or start another with "
                "`--name`"
            ) from error
        self._lock_fd = fd
        self._info_path.unlink(missing_ok=True)  # left by one that crashed

    def publish(self, info: LabInfo) -> None:
        """From now on `running()` finds the lab; it never reads half a file."""
        partial = self._info_path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(info), indent=2))
        partial.replace(self._info_path)

    def give_back(self) -> None:
        self._info_path.unlink(missing_ok=True)
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def running(self) -> LabInfo:
        """Raises LabNotRunning when no live process holds the folder."""
        info = self._read() if self._is_locked() else None
        if info is None:
            raise LabNotRunning(f"no lab {self.name!r} is running: start one with `harness lab up --detach`")
        return info

    def is_running(self) -> bool:
        return self._is_locked()

    @property
    def _info_path(self) -> Path:
        return self.path / "lab.json"

    @property
    def _lock_path(self) -> Path:
        return self.path / "lock"

    def _read(self) -> LabInfo | None:
        try:
            return msgspec.json.decode(self._info_path.read_bytes(), type=LabInfo)
        except (OSError, msgspec.MsgspecError):
            return None

    def _is_locked(self) -> bool:
        if not self._lock_path.exists():
            return False
        fd = os.open(self._lock_path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False


def _lock(fd: int) -> None:
    """Raises BlockingIOError when a lab holds it. Somebody who only looks holds it for microseconds: try again."""
    for _ in range(9):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
