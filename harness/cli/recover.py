"""harness recover: undo what a killed run left broken."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from harness.cli.targets import HARNESS_FOLDER, journals_here
from harness.errors import HarnessError, UsageError
from harness.faults.recover import Recovered
from harness.faults.recover import recover as recover_journal


@click.command()
@click.option(
    "--journal",
    "named",
    multiple=True,
    metavar="WHERE",
    help="A path, or s3://bucket/key; may be given again. Absent: every one in .harness/, and those of target files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recover(named: tuple[str, ...], as_json: bool) -> None:
    """Roll back every fault that the undo journal still has open. Doing it twice is harmless.

    It needs the journal and credentials, and nothing else of the machine where the run was.
    """
    journals = named or journals_here()
    for where in named:
        if "://" not in where and not Path(where).is_file():
            raise UsageError(f"undo journal {where} does not exist: a path, or s3://bucket/key")
    if not journals:
        raise UsageError(
            f"no undo journal in {HARNESS_FOLDER / 'journal'}: run this where the run was started, or name it"
        )
    told = _Told(as_json=as_json)
    first: HarnessError | None = None
    try:
        for where in journals:
            try:
                recover_journal(where, told.tell, told.wait)
            except HarnessError as error:  # The others are recovered all the same.
                told.complain(where, error)
                first = first or error
    finally:
        told.end()
    if first:
        raise first


class _Told:
    """What is said of it, to people at once and to machines at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._results: list[dict[str, object]] = []
        self._complaints = 0

    def tell(self, result: Recovered) -> None:
        entry = result.entry
        what = entry.fault.describe()
        self._results.append(
            {
                "fault": what,
                "target": entry.target,
                "run": entry.run,
                "broken_at": entry.at,
                "how": result.how,
                "ok": result.ok,
                "calls": list(result.calls),
            }
        )
        if self._as_json:
            return
        label = f"[green]{result.how}[/]" if result.ok else "[red]still open[/]"
        self._console.print(f"{label}: {what} on {entry.target}, broken by run {entry.run} at {entry.at}")
        for call in result.calls or (("nothing was left to undo",) if result.how == "recovered" else ()):
            self._console.print(f"  {call}", markup=False)
        if not result.ok:
            self._console.print(f"  {result.how}", markup=False)

    def wait(self, text: str) -> None:
        click.echo(text, err=True)

    def complain(self, where: str, error: HarnessError) -> None:
        """The first is the command's own error; those after it are only said."""
        self._complaints += 1
        if self._complaints > 1:
            click.echo(f"{where}: {error}", err=True)

    def end(self) -> None:
        if self._as_json:
            click.echo(json.dumps(self._results, indent=2))
        elif not self._results and not self._complaints:
            self._console.print("nothing to undo: no entry is open")
