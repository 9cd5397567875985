"""harness check: from a saved history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from harness.errors import UsageError
from harness.findings import Finding, Verdict, overall
from harness.history import load_history

if TYPE_CHECKING:
    from harness.run import RunRecord

folder_argument = click.argument(
    "folder", default=Path("reports/latest"), type=click.Path(path_type=Path, exists=True, file_okay=False)
)


@click.command()
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--consistency-only", is_flag=True, help="Judge this alone, straight from the file: for histories of any size."
)
def check(folder: Path, as_json: bool, consistency_only: bool) -> None:
    """Judge the run in FOLDER again, with today's checkers. Its files stay as they are."""
    from harness.report.terminal import findings_table
    from harness.run import EXIT_CODES, load_run

    record = load_run(folder)
    findings, dropped_lines = (_consistency_of if consistency_only else _judge)(folder, record)
    verdict = overall(findings)
    if record.interrupted:
        verdict = Verdict.worst((verdict, Verdict.UNKNOWN))  # what it did not come to is not known
    if as_json:
        told = {"verdict": verdict.value, "interrupted": record.interrupted, "dropped_lines": dropped_lines}
        click.echo(json.dumps({**told, "findings": msgspec.to_builtins(findings)}, indent=2))
    else:
        console = Console()
        if dropped_lines:
            console.print("[yellow]The last line of the history was cut short by a crash; all others were read.[/]")
        if record.interrupted:
            console.print("[yellow]The run was interrupted: its verdict is unknown at best.[/]")
        console.print(findings_table(findings))
        console.print(f"verdict now: [bold]{verdict.value.upper()}[/]; when it ran: {record.verdict.value.upper()}")
    raise SystemExit(EXIT_CODES[verdict])


def _judge(folder: Path, record: RunRecord) -> tuple[list[Finding], int]:
    """The findings, and how many lines of the history were cut short."""
    from harness.checkers.checks import judge
    from harness.run import HISTORY_FILE

    loaded = load_history(folder / HISTORY_FILE)
    judged = [judge(loaded.history, experiment.name, experiment.checks) for experiment in record.experiments]
    return [finding for findings in judged for finding in findings], loaded.dropped_lines


def _consistency_of(folder: Path, record: RunRecord) -> tuple[list[Finding], int]:
    """As `_judge`, without an object for each event. What was cut short is left out and not counted.

    Raises:
        UsageError: no experiment of the run checks consistency.
    """
    from harness.checkers.checks import Consistent
    from harness.run import HISTORY_FILE

    asked = [
        (experiment.name, check)
        for experiment in record.experiments
        for check in experiment.checks
        if isinstance(check, Consistent)
    ]
    if not asked:
        raise UsageError(f"run {folder}: none of its {len(record.experiments)} experiments checks consistency")
    found = [(name, check.judge_file(folder / HISTORY_FILE, name)) for name, check in asked]
    return [msgspec.structs.replace(finding, experiment=name) for name, mine in found for finding in mine], 0
