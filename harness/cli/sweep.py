"""harness sweep: the routing map of the service in one go; harness sweep diff: what moved between two maps."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.exit_codes import INTERRUPTED
from harness.errors import UsageError
from harness.lab.state import DEFAULT_NAME

if TYPE_CHECKING:
    from harness.sweep.asking import Part
    from harness.sweep.comparing import Comparison, Flow
    from harness.sweep.subnets import Subnet
    from harness.sweep.table import Summary

DEFAULT_SUBNETS = 100_000
REFRESH_EVERY_WALL_S = 0.1
SWEEPS_FOLDER = Path("reports/sweeps")
VERDICT_COLORS = {"pass": "green", "unknown": "yellow", "fail": "red"}


@click.group(invoke_without_command=True)
@click.option("--target", default="lab", show_default=True, help='"lab" (running), "aws", or a target file.')
@click.option("--lab", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")
@click.option("--subnets", type=int, help=f"How many /24s, spread over public IPv4; default {DEFAULT_SUBNETS:,}.")
@click.option(
    "--subnets-file",
    type=click.Path(path_type=Path),
    help='A subnet a line, or "subnet,vantage".',
)
@click.option("--seed", default=1, show_default=True, help="Which /24s: the same seed asks about the same ones.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The Parquet file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def sweep(  # noqa: PLR0917
    context: click.Context,
    target: str,
    lab: str,
    subnets: int | None,
    subnets_file: Path | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Ask a name server which region serves each of many client subnets, and keep the map as a Parquet file.

    One question a subnet, 100 in flight, sent again when lost, every answer checked. Ctrl-C keeps what was gathered.
    """
    if context.invoked_subcommand:
        return
    from harness.cli.targets import target_for
    from harness.sweep.asking import first_that_answers
    from harness.sweep.asking import sweep as ask_about
    from harness.sweep.places import Places
    from harness.sweep.table import check_writable, write_map
    from harness.vantages import catalogue

    chosen, where_from = _chosen(subnets, subnets_file, seed)
    asked = target_for(target, lab=lab)
    clock = asked.new_clock()
    server = first_that_answers(asked.nameservers(), chosen[0], asked.stack.domain_name, clock=clock)
    path = out or _default_path(asked.name)
    check_writable(path)
    started_at = clock.calendar().isoformat(timespec="seconds")
    with _stop_on_interrupt() as stopped, _progress(len(chosen)) as tell:
        part = ask_about(chosen, asked.stack.domain_name, server, clock=clock, stopped=stopped, tell=tell)
    about = _about(part, asked, server, where_from, started_at)
    summary = write_map(path, part, about, region_of=asked.region_of_addresses, places=Places(catalogue()))
    if as_json:
        click.echo(json.dumps({"file": str(path), "verdict": summary.verdict.value, **msgspec.to_builtins(summary)}))
    else:
        _show(summary, path)
    from harness.run import EXIT_CODES

    raise SystemExit(INTERRUPTED if part.ended == "interrupted" else EXIT_CODES[summary.verdict])


def _chosen(count: int | None, file: Path | None, seed: int) -> tuple[Sequence[Subnet], str]:
    """(the subnets, where they come from)."""
    from harness.sweep.subnets import public_subnets, read_subnets
    from harness.vantages import catalogue

    if file is not None:
        if count is not None:
            raise UsageError("--subnets and --subnets-file: choose one")
        return read_subnets(file, [vantage.name for vantage in catalogue()]), str(file)
    wanted = DEFAULT_SUBNETS if count is None else count
    always = [vantage.client_subnet for vantage in catalogue() if vantage.client_subnet]
    return public_subnets(wanted, seed=seed, always=always), f"{wanted:,} of public IPv4, seed {seed}"


def _about(part: Part, target: Any, server: tuple[str, int], where_from: str, started_at: str) -> Any:
    from harness import __version__
    from harness.sweep.table import About

    return About(
        target=target.name,
        stack=target.stack.name,
        domain_name=target.stack.domain_name,
        nameserver=f"{server[0]} port {server[1]}",
        regions=target.stack.region_names,
        started_at=started_at,
        clock_rate=target.endpoints.clock_rate,
        subnets=where_from,
        asked_for=part.asked_for,
        counts=part.counts,
        wall_s=part.wall_s,
        ended=part.ended,
        harness_version=__version__,
    )


def _default_path(target_name: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in target_name)
    return SWEEPS_FOLDER / f"{stamp}-{name}.parquet"


@contextlib.contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks the sweep to end between two answers; a second one is Python's own."""
    asked_to_stop: list[int] = []

    def stop(number: int, _frame: object) -> None:
        asked_to_stop.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: bool(asked_to_stop)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr; on anything else nothing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("asking", total=total)
        shown_at = 0.0

        def tell(done: int) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at > REFRESH_EVERY_WALL_S:
                shown_at = time.monotonic()
                progress.update(task, completed=done)

        yield tell


def _show(summary: Summary, path: Path) -> None:
    console, about, counts = Console(highlight=False), summary.about, summary.about.counts
    console.print(
        f"[bold]{about.domain_name}[/] from {summary.rows:,} client subnets ({escape(about.subnets)}), "
        f"asked of {about.nameserver}",
        soft_wrap=True,
    )
    table = Table("served by", "subnets", "share", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for region, count in sorted(summary.by_region.items(), key=lambda pair: -pair[1]):
        table.add_row(region, f"{count:,}", _share(count, summary.rows))
    for status, count in sorted(summary.by_status.items()):
        if status != "ok":
            detail = f" ({', '.join(sorted(summary.rcodes))})" if status == "error code" else ""
            table.add_row(f"[red]{status}{detail}[/]", f"{count:,}", _share(count, summary.rows))
    if summary.not_asked:
        table.add_row("[yellow]not asked[/]", f"{summary.not_asked:,}", "")
    console.print(table)
    classes = ", ".join(f"{name} {count:,}" for name, count in sorted(summary.by_latency_class.items()))
    console.print(
        f"latency class: {classes or 'none'}; [dim]by the catalogue's round trips, known for few networks[/]",
        soft_wrap=True,
    )
    rate = summary.rows / about.wall_s if about.wall_s else 0
    console.print(
        f"{counts.answered:,} answers in {about.wall_s:.1f} s ({rate:,.0f}/s), {counts.retries:,} sent again, "
        f"{counts.duplicates:,} answered twice, {counts.late:,} too late, {counts.mismatched + counts.strangers:,} not "
        f"ours, {counts.gave_up:,} given up",
        soft_wrap=True,
    )
    if about.ended:
        console.print(f"[yellow]ended early: {about.ended}[/]", soft_wrap=True)
    verdict = summary.verdict.value
    console.print(f"[bold {VERDICT_COLORS[verdict]}]{verdict.upper()}[/]  {path}", soft_wrap=True)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} %" if total else ""


_EXAMPLES = 10


def _show_comparison(comparison: Comparison) -> None:
    from harness.sweep.comparing import MISPLACED

    console = Console(highlight=False)
    given = comparison.out_given
    out = ", ".join(f"{region} ({'as you said' if region in given else 'inferred'})" for region in comparison.out)
    console.print(f"{comparison.compared:,} subnets have a region in both maps", soft_wrap=True)
    if comparison.out:
        console.print(f"out of service in the second: [bold]{out}[/]", soft_wrap=True)
    if comparison.returned:
        console.print(f"back in service: [bold]{', '.join(comparison.returned)}[/]", soft_wrap=True)
    table = Table("before", "after", "what became of them", "known by", "subnets", box=None, pad_edge=False)
    table.columns[-1].justify = "right"
    for flow in comparison.flows:
        table.add_row(flow.before or "", flow.after or "", _colored(flow), flow.basis or "", f"{flow.subnets:,}")
    console.print(table)
    for one in comparison.misplaced[:_EXAMPLES]:
        there = f", in {one.vantage}" if one.vantage else ""
        instead = f" instead of {one.expected}" if one.expected else ""
        console.print(f"  {one.subnet}{there}: {one.change}, {one.after}{instead} (by {one.basis})", soft_wrap=True)
    rest = comparison.count(*MISPLACED) - _EXAMPLES
    if rest > 0:
        console.print(f"  and {rest:,} more: --save keeps every subnet's change", soft_wrap=True)
    if comparison.only_before or comparison.only_after:
        console.print(f"in one map alone: {comparison.only_before:,} and {comparison.only_after:,} subnets")
    verdict = comparison.verdict.value
    console.print(f"[bold {VERDICT_COLORS[verdict]}]{verdict.upper()}[/]  {comparison.explanation}", soft_wrap=True)


def _colored(flow: Flow) -> str:
    from harness.sweep.comparing import CATALOGUE, LOST, MISPLACED, REGION_OUT

    if flow.change not in (*MISPLACED, LOST):
        return flow.change
    return f"[{'red' if flow.basis in (CATALOGUE, REGION_OUT) else 'yellow'}]{flow.change}[/]"


@sweep.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--out-of-service", default="", help="Regions out in AFTER, comma separated, beside those seen to be.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write every subnet's change as Parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(before: Path, after: Path, out_of_service: str, save: Path | None, as_json: bool) -> None:
    """Who moved between two sweeps, to their second best region or elsewhere, and who stayed but should have moved."""
    from harness.run import EXIT_CODES
    from harness.sweep.comparing import compare
    from harness.vantages import catalogue

    out = [region.strip() for region in out_of_service.split(",") if region.strip()]
    comparison = compare(before, after, catalogue(), out=out, save=save)
    if as_json:
        told = {"verdict": comparison.verdict.value, "explanation": comparison.explanation}
        click.echo(json.dumps({**told, **msgspec.to_builtins(comparison)}))
    else:
        _show_comparison(comparison)
    raise SystemExit(EXIT_CODES[comparison.verdict])
