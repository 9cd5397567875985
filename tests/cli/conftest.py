"""The command as a shell runs it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.cli import main


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    exit_code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _in_an_empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lab, no target, no journal, no AWS account: whatever the machine has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HOSTED_ZONE_ID", "DOMAIN_NAME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """harness("lab", "status") -> exit code, stdout, stderr."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Ended(exit_code=code if isinstance(code, int) else 0, out=captured.out, err=captured.err)

    return run


def one_line(ended: Ended) -> str:
    """The error, which must be one line and the only thing said."""
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    return ended.err


@pytest.fixture
def refusal(harness: Callable[..., Ended]) -> Callable[..., str]:
    """The one line on stderr with which a command is refused, exit code 2."""

    def run(*arguments: str) -> str:
        ended = harness(*arguments)
        assert ended.exit_code == 2
        return one_line(ended)

    return run
