"""harness history export: a saved history for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.check import folder_argument


@click.group()
def history() -> None:
    """Take a run's history to other tools."""


@history.command("export")
@folder_argument
@click.option("--format", "to", type=click.Choice(["elle", "csv", "parquet"]), required=True, help="What to write.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file; replaced when it is there."
)
def export_command(folder: Path, to: str, out: Path) -> None:
    """Write the item operations of the run in FOLDER as an EDN history for Elle, or as a table.

    docs/history-format.md describes the formats.
    """
    from harness.export import Format, export
    from harness.history import load_history
    from harness.run import HISTORY_FILE

    loaded = load_history(folder / HISTORY_FILE)
    count = export(loaded.history, Format(to), out)
    if loaded.dropped_lines:
        click.echo("The last line of the history was cut short by a crash; all others were read.", err=True)
    click.echo(f"{count} events written to {out}")
