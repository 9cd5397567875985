"""harness run: the scenarios, by pytest, with this program's exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from harness.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--target", default="", help='"lab" (running), "aws", or a target file; absent: a lab of its own.')
@click.option("--scenarios", default="scenarios", show_default=True, type=click.Path(path_type=Path))
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def run(target: str, scenarios: Path, pytest_arguments: tuple[str, ...]) -> None:
    """Run the scenarios and write a report. What follows is given to pytest: -k failover, --collect-only ..."""
    if not scenarios.exists():
        raise UsageError(f"no scenarios at {scenarios}: run this in the checkout, or say where with --scenarios")
    options = ["--target", target] if target else []
    command = [sys.executable, "-m", "pytest", str(scenarios), *options, *pytest_arguments]
    # A process of its own: Ctrl-C reaches both, pytest rolls back and reports, and this one only waits for it.
    process = subprocess.Popen(command)
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            continue
