"""harness vantages: the places to look from."""

from __future__ import annotations

import json

import click
import msgspec
from rich.console import Console
from rich.table import Table

from harness.deployment.plan import DEFAULT_REGIONS, parse_regions
from harness.vantages import choose, expected_order


@click.command()
@click.option("--from", "patterns", default="*", show_default=True, help="Names or globs, comma separated.")
@click.option("--regions", default=",".join(DEFAULT_REGIONS), show_default=True, help="Rank these regions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def vantages(patterns: str, regions: str, as_json: bool) -> None:
    """List vantages, with the regions from nearest to farthest by measured round trips."""
    chosen = choose([pattern.strip() for pattern in patterns.split(",")])
    ranked_regions = parse_regions(regions)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(chosen), indent=2))
        return
    table = Table("vantage", "city", "client subnet", "nearest first (round trip in ms)")
    for vantage in chosen:
        order = expected_order(vantage, ranked_regions)
        ranked = ", ".join(f"{region} {vantage.rtt_ms[region]:.0f}" for region in order)
        table.add_row(vantage.name, vantage.city, vantage.client_subnet or "", ranked)
    Console().print(table)
