"""harness check | report: from a saved history."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
from rich.console import Console

from harness.findings import Finding, Verdict, overall
from harness.history import load_history

folder_argument = click.argument(
    "folder", default=Path("reports/latest"), type=click.Path(path_type=Path, exists=True, file_okay=False)
)


@click.command()
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Judge the run in FOLDER again, with today's checkers. Its files stay as they are."""
    from harness.checkers.checks import judge
    from harness.report.terminal import findings_table
    from harness.run import EXIT_CODES, HISTORY_FILE, load_run

    record = load_run(folder)
    loaded = load_history(folder / HISTORY_FILE)
    findings: list[Finding] = []
    for experiment in record.experiments:
        findings += judge(loaded.history, experiment.name, experiment.checks)
    verdict = overall(findings)
    if record.interrupted:
        verdict = Verdict.worst((verdict, Verdict.UNKNOWN))  # what it did not come to is not known
    if as_json:
        told = {"verdict": verdict.value, "interrupted": record.interrupted, "dropped_lines": loaded.dropped_lines}
        click.echo(json.dumps({**told, "findings": msgspec.to_builtins(findings)}, indent=2))
    else:
        console = Console()
        if loaded.dropped_lines:
            console.print("[yellow]The last line of the history was cut short by a crash; all others were read.[/]")
        if record.interrupted:
            console.print("[yellow]The run was interrupted: its verdict is unknown at best.[/]")
        console.print(findings_table(findings))
        console.print(f"verdict now: [bold]{verdict.value.upper()}[/]; when it ran: {record.verdict.value.upper()}")
    raise SystemExit(EXIT_CODES[verdict])


@click.command()
@folder_argument
def report(folder: Path) -> None:
    """Write the page of the run in FOLDER again, from its history and findings."""
    from harness.report.write import write_report
    from harness.run import HISTORY_FILE, load_findings, load_run

    record, findings = load_run(folder), load_findings(folder)
    loaded = load_history(folder / HISTORY_FILE)
    click.echo(write_report(folder, loaded.history, record, findings))
