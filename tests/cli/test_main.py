"""The command line: errors are one line and an exit code, and help costs nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import COMMANDS, cli
from harness.errors import HarnessError


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_listed_can_be_helped(command: str, harness: Callable[..., Any]) -> None:
    ended = harness(command, "--help")

    assert ended.exit_code == 0
    assert f"harness {command}" in ended.out


def test_help_imports_nothing_that_takes_time() -> None:
    heavy = ("boto3", "dns", "jinja2", "moto", "msgspec", "plotly", "pytest", "requests", "rich")
    code = (
        "import sys; sys.argv = ['harness', '--help']\n"
        "from harness.cli import main\n"
        "try: main()\n"
        f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "Commands:" in ended.stdout
    assert ended.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [("nonsense",), ("deploy", "--nonsense"), ("lab", "up", "--rate", "0")])
def test_what_click_refuses_is_usage(arguments: tuple[str, ...], harness: Callable[..., Any]) -> None:
    ended = harness(*arguments)

    assert ended.exit_code == 2
    assert "Error: " in ended.err


class Guarded(HarnessError):
    exit_code = 4


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Guarded("not that one"), 4, "error: not that one\n"),
        (PermissionError(13, "Permission denied", "/a/file"), 2, "error: /a/file: Permission denied\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    error: BaseException, code: int, told: str, harness: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(cli, "get_command", fail)
    ended = harness("lab")

    assert (ended.exit_code, ended.err) == (code, told)


def test_the_command_is_installed_under_its_name() -> None:
    ended = subprocess.run(
        [Path(sys.executable).with_name("harness"), "lab", "status", "--name", "nobody"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "error: no lab 'nobody' is running: start one with `harness lab up --detach`\n"
