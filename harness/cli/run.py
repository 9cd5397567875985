"""harness run: the scenarios, by pytest, with this program's exit codes."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.exit_codes import session_exit_code
from harness.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--target", default="", help='"lab" (running), "aws", or a target file; absent: a lab of its own.')
@click.option("--scenarios", default="scenarios", show_default=True, type=click.Path(path_type=Path))
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def run(target: str, scenarios: Path, pytest_arguments: tuple[str, ...]) -> None:
    """Run the scenarios and write a report. What follows is given to pytest: -k failover, --collect-only ..."""
    import pytest

    if not scenarios.exists():
        raise UsageError(f"no scenarios at {scenarios}: run this in the checkout, or say where with --scenarios")
    options = ["--target", target] if target else []
    session = _Session()
    # In this process: signals, the terminal and what faults must undo stay in one place.
    code = int(pytest.main([str(scenarios), *options, *pytest_arguments], plugins=[session]))
    # Without a session the code is pytest's own, about options that it does not know.
    raise SystemExit(code if session.started else session_exit_code(code, told=()))


class _Session:
    """A plugin of pytest that knows whether pytest came as far as a session."""

    started = False

    def pytest_sessionstart(self) -> None:
        self.started = True
