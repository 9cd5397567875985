"""harness vantages list | check: the places to look from, and one look from each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.exit_codes import DEVIATED
from harness.cli.inject import json_option, lab_option
from harness.deployment.plan import DEFAULT_REGIONS, parse_regions
from harness.events import RegionFrom
from harness.resolving import DnsWay, Resolver, SubnetFate
from harness.vantages import DEFAULT_CHOICE, Vantage, choose, expected_order, patterns_of

if TYPE_CHECKING:
    from harness.events import DnsAnswer, HttpReply
    from harness.probes.once import Seen

STEPS = ("dns", "conn", "tls", "byte", "all")

PIPED_WIDTH = 140

limit_option = click.option("--limit", type=int, help="At most so many, spread over those that --from names.")


def from_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--from",
        "wanted",
        default=default,
        show_default=True,
        help="Comma separated: eu, tokyo, aws:us-*, @my-vantages.toml, * ... (docs/vantages.md)",
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def vantages() -> None:
    """The places to look from: AWS regions, cities, and your own in a TOML file.

    \b
    harness vantages list --from europe --limit 10
    harness vantages check --from tokyo,@office.toml --target lab
    """


@vantages.command("list")
@from_option("*")
@limit_option
@click.option("--regions", default=",".join(DEFAULT_REGIONS), show_default=True, help="Rank these regions.")
@json_option
def list_vantages(wanted: str, limit: int | None, regions: str, as_json: bool) -> None:
    """List vantages, with the regions from nearest to farthest by measured round trips."""
    chosen = choose(patterns_of(wanted), limit)
    ranked_regions = parse_regions(regions)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(chosen), indent=2))
        return
    unusual = any(in_words(vantage) != Resolver().address for vantage in chosen)
    headings = ("vantage", "client subnet", "nearest first (round trip in ms)", *(("resolver",) if unusual else ()))
    table = Table(*headings, box=None, pad_edge=False)
    for vantage in chosen:
        order = expected_order(vantage, ranked_regions)
        ranked = ", ".join(f"{region} {vantage.rtt_ms[region]:.0f}" for region in order) or "not measured"
        how = (in_words(vantage),) if unusual else ()
        table.add_row(*map(escape, (vantage.name, vantage.client_subnet or "none", ranked, *how)))
    console = _console()
    console.print(table)
    for source in dict.fromkeys(vantage.rtt_from for vantage in chosen if vantage.rtt_from):
        console.print(f"round trips: {source}", style="dim", highlight=False)


@vantages.command()
@from_option(DEFAULT_CHOICE)
@limit_option
@click.option("--target", "text", default="lab", show_default=True, help='"lab" (running), "aws", or a target file.')
@lab_option
@click.option("--path", default="", help="What to ask for; absent: the stack's health check path.")
@json_option
def check(wanted: str, limit: int | None, text: str, lab: str, path: str, as_json: bool) -> None:  # noqa: PLR0917
    """Look once from each vantage: DNS, its resolver if it has one of its own, HTTPS. Exit code 1 when one failed."""
    from harness.cli.targets import target_for
    from harness.probes.once import look_once

    chosen = choose(patterns_of(wanted), limit)
    target = target_for(text, lab=lab)
    target.nameservers()
    target.tls_context()
    target.address_ranges()
    looks = look_once(target, chosen, clock=target.new_clock(), path=path or target.stack.health_check_path)
    with _progress(len(chosen)) as step:
        seen = {}
        for one in looks:
            seen[one.vantage] = one
            step()
    in_order = [seen[vantage.name] for vantage in chosen]
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(in_order), indent=2))
    else:
        _show(chosen, in_order, target.stack.region_names, target.endpoints.clock_rate)
    if not all(one.good for one in in_order):
        raise SystemExit(DEVIATED)


def in_words(vantage: Vantage) -> str:
    """How its users resolve and connect."""
    resolver = vantage.resolver
    told = {
        f"at least {resolver.ttl_min_s:g} s": resolver.ttl_min_s > 0,
        f"at most {resolver.ttl_max_s or 0:g} s": resolver.ttl_max_s is not None,
        "serves stale": resolver.stale is not None,
        "no client subnet": not resolver.sends_subnet,
        f"{resolver.caches} caches": resolver.caches > 1,
        "over TCP": resolver.transport is not Resolver().transport,
        "keeps its connection": vantage.keeps_connection,
    }
    return ", ".join((resolver.address, *(text for text, holds in told.items() if holds)))


def _show(chosen: tuple[Vantage, ...], seen: list[Seen], regions: tuple[str, ...], rate: float) -> None:
    """For people. Yellow: not the nearest region."""
    elsewhere = any(one.resolver for one in seen)
    headings = ("vantage", "DNS (ttl, scope)", *(("its resolver",) if elsewhere else ()), "served by")
    table = Table(*headings, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for step in STEPS:
        table.add_column(step, justify="right")
    for vantage, one in zip(chosen, seen, strict=True):
        nearest = next(iter(expected_order(vantage, regions)), "")
        resolver = (_answer(one.resolver, nearest) if one.resolver else "",) if elsewhere else ()
        table.add_row(
            escape(vantage.name),
            _answer(one.dns, nearest),
            *resolver,
            _served(one.https, nearest),
            *_steps_ms(one.https, rate),
        )
    console = _console()
    console.print(table)
    console.print("times in wall milliseconds; yellow: not the nearest region by the catalogue", style="dim")
    for one in seen:
        for error in one.errors:
            console.print(f"[red]{escape(one.vantage)}[/red]: {escape(error)}", highlight=False)
    good = sum(one.good for one in seen)
    console.print(f"{good} of {len(seen)} vantages saw everything well", style="green" if good == len(seen) else "red")


def _answer(answer: DnsAnswer, nearest: str) -> str:
    if answer.error:
        return f"[red]{escape(answer.rcode or 'no answer')}[/red]"
    told = [f"{answer.ttl_s:g}"] if answer.ttl_s is not None else []
    if answer.scope is not None:
        told.append(f"/{answer.scope}")
    if answer.subnet is SubnetFate.DROPPED:
        told.append("subnet dropped")
    if answer.subnet is SubnetFate.NOT_SENT and answer.way is not DnsWay.AUTHORITATIVE:
        told.append("no subnet")
    if answer.extended_error is not None:
        told.append(f"EDE {answer.extended_error}")
    where = answer.region or f"[yellow]no known region ({', '.join(answer.addresses)})[/yellow]"
    return f"{_coloured(where, nearest)} [dim]{' '.join(told)}[/dim]"


def _served(reply: HttpReply, nearest: str) -> str:
    status = f"{reply.status} " if reply.status else ""
    if reply.error:
        return f"[red]{status}failed[/red] {reply.region or ''}"
    told = reply.region_from
    by = f" [dim]by {told.value}[/dim]" if told and told is not RegionFrom.HEADER else ""
    return f"{status}{_coloured(reply.region or 'a region unknown', nearest)}{by}"


def _coloured(region: str, nearest: str) -> str:
    return f"[yellow]{region}[/yellow]" if nearest and region != nearest else region


def _steps_ms(reply: HttpReply, rate: float) -> list[str]:
    steps_s = (reply.dns_s, reply.connect_s, reply.tls_s, reply.first_byte_s, reply.end_s - reply.start_s)
    return ["-" if took_s is None else f"{took_s * 1000 / rate:.0f}" for took_s in steps_s]


def _console() -> Console:
    """As wide as the terminal; where there is none, wide enough for whole rows."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """On a terminal only, and on stderr: stdout is the table's or JSON's."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking", total=total)
        yield lambda: progress.advance(task)
