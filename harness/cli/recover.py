"""harness recover: undo what a killed run left broken."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from harness.cli.targets import HARNESS_FOLDER
from harness.errors import UsageError
from harness.faults.recover import Recovered
from harness.faults.recover import recover as recover_journal


@click.command()
@click.option(
    "--journal", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Absent: every one in .harness/."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recover(journal: Path | None, as_json: bool) -> None:
    """Roll back every fault that the undo journal still has open. Doing it twice is harmless."""
    journals = [journal] if journal else sorted((HARNESS_FOLDER / "journal").glob("*.jsonl"))
    if not journals:
        raise UsageError(
            f"no undo journal in {HARNESS_FOLDER / 'journal'}: run this where the run was started, or name it"
        )
    console = Console()
    told: list[dict[str, object]] = []

    def tell(result: Recovered) -> None:
        what = result.entry.fault.describe()
        told.append({"fault": what, "target": result.entry.target, "how": result.how, "ok": result.ok})
        if not as_json:
            color = "green" if result.ok else "red"
            console.print(f"[{color}]{result.how}[/]: {what} on {result.entry.target}, broken at {result.entry.at}")

    try:
        for path in journals:
            recover_journal(path, tell)
    finally:
        if as_json:
            click.echo(json.dumps(told, indent=2))
    if not told and not as_json:
        console.print("nothing to undo: no entry is open")
