"""harness report [FOLDER] | compare | index"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from harness.cli.check import folder_argument
from harness.errors import UsageError


class _PageByDefault(click.Group):
    """`harness report FOLDER` is `harness report page FOLDER`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["page", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_PageByDefault)
def report() -> None:
    """Write the page of a run again (`harness report [FOLDER]`), compare two runs, or list them all."""


@report.command()
@folder_argument
def page(folder: Path) -> None:
    """Write the page of the run in FOLDER again, from its history and findings."""
    from harness.history import load_history
    from harness.report.write import write_report
    from harness.run import HISTORY_FILE, load_findings, load_run

    record, findings = load_run(folder), load_findings(folder)
    loaded = load_history(folder / HISTORY_FILE)
    click.echo(write_report(folder, loaded.history, record, findings))


@report.command()
@click.argument("before", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("after", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--reports", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Runs that tell how numbers scatter; absent: those beside BEFORE.",
)  # fmt: skip
@click.option("--page", "page_path", type=click.Path(path_type=Path, dir_okay=False), help="Write a page, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(before: Path, after: Path, reports: Path | None, page_path: Path | None, as_json: bool) -> None:
    """What changed from the run in BEFORE to that in AFTER, and whether it is more than chance.

    Exit code 1 when a number is worse, 0 otherwise.
    """
    from harness.report.compare import Change
    from harness.report.comparison import comparison_of, comparison_table, write_comparison
    from harness.report.terminal import WIDTH

    found = comparison_of(before, after, reports or before.absolute().parent)
    if page_path:
        write_comparison(page_path, found)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        console = Console(width=max(WIDTH, Console().width), highlight=False)
        for doubt in found.doubts:
            console.print(f"[yellow]{doubt}[/]")
        console.print(comparison_table(found))
        if page_path:
            console.print(f"page: {page_path}")
    sys.exit(1 if any(one.change is Change.WORSE for one in found.compared) else 0)


@report.command()
@click.option("--report-dir", "reports", default="reports", show_default=True, type=click.Path(path_type=Path))
@click.option("--baseline", help="The run that all later ones are held against, by its name; it is remembered.")
def index(reports: Path, baseline: str | None) -> None:
    """Write the index of all game days and runs: verdicts, trends, and what got worse."""
    from harness.gameday.index import update_index

    if not reports.is_dir():
        raise UsageError(f"no folder {reports}: `harness run` makes one, or say where with --report-dir")
    click.echo(update_index(reports, baseline=baseline))
