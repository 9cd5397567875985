"""harness lab up | env | status | down"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.deployment.plan import DEFAULT_REGIONS, parse_regions
from harness.errors import LabError, LabNotRunning
from harness.lab.state import DEFAULT_NAME, LabFolder, LabInfo

if TYPE_CHECKING:
    from harness.lab.resolvers.settings import ResolverInfo

name_option = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def lab() -> None:
    """A local AWS on loopback that the same templates are deployed to and the same scenarios run on."""


@lab.command()
@name_option
@click.option(
    "--regions",
    default=",".join(DEFAULT_REGIONS),
    show_default=True,
    help="Comma separated; the first is the main one.",
)
@click.option("--rate", default=20.0, show_default=True, type=click.FloatRange(0.1, 1000), help="Lab seconds a second.")
@click.option("--seed", default=1, show_default=True, type=int, help="Same seed, same phases, delays and routes.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port of the AWS endpoint; 0: a free one.")
@click.option("--dns-port", default=0, type=click.IntRange(0, 65535), help="Port of the name server; 0: a free one.")
@click.option("--https-port", default=0, type=click.IntRange(0, 65535), help="Port of the gateways; 0: a free one.")
@click.option("--detach", is_flag=True, help="Return when it is ready; end it with `harness lab down`.")
@json_option
def up(  # noqa: PLR0917
    name: str,
    regions: str,
    rate: float,
    seed: int,
    port: int,
    dns_port: int,
    https_port: int,
    detach: bool,
    as_json: bool,
) -> None:
    """Start a lab and, unless --detach, stay with it until Ctrl-C."""
    from harness.lab.settings import LabSettings

    settings = LabSettings(
        name=name,
        regions=parse_regions(regions),
        rate=rate,
        seed=seed,
        port=port,
        dns_port=dns_port,
        https_port=https_port,
    )
    folder = LabFolder(name)
    if detach:
        from harness.lab.spawn import spawn

        show(spawn(settings, folder), as_json=as_json)
        return
    folder.take()  # Says at once that one runs, before a second of imports; the lab itself takes it again.
    folder.give_back()
    from harness.lab.world import run_lab

    def ready(info: LabInfo) -> None:
        show(info, as_json=as_json)
        click.echo("Ctrl-C ends it.", err=True)

    run_lab(settings, folder, ready)
    click.echo(f"lab {name!r} ended", err=True)


@lab.command()
@name_option
@json_option
def status(name: str, as_json: bool) -> None:
    """Say whether the lab runs, where, and which resolvers it has."""
    info = LabFolder(name).running()
    resolvers = resolvers_of(info)
    if as_json:
        told = msgspec.to_builtins(info) | {"resolvers": msgspec.to_builtins(resolvers)}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo("\n".join((describe(info), *(f"  resolver     {one.name}: {in_words(one)}" for one in resolvers))))


@lab.command()
@name_option
@json_option
def env(name: str, as_json: bool) -> None:
    """Print export lines that point any AWS client, dig and curl at the lab: eval "$(harness lab env)"."""
    info = LabFolder(name).running()
    variables = environment(info, resolvers_of(info))
    if as_json:
        click.echo(json.dumps(variables, indent=2))
        return
    for key, value in variables.items():
        click.echo(f"export {key}={shlex.quote(value)}")


@lab.command()
@name_option
@json_option
def down(name: str, as_json: bool) -> None:
    """End the lab. One that does not run is no error."""
    from harness.lab.spawn import end

    folder = LabFolder(name)
    try:
        info = folder.running()
    except LabNotRunning:
        if folder.is_running():
            raise LabError(f"lab {name!r} is starting or stopping: try again in some seconds") from None
        told = f"no lab {name!r} is running"
    else:
        end(folder, info)
        told = f"lab {name!r} ended"
    click.echo(json.dumps({"name": name, "running": False}) if as_json else told)


def resolvers_of(info: LabInfo) -> tuple[ResolverInfo, ...]:
    from harness.lab.client import LabClient

    return LabClient(info.endpoints.aws_url or "").resolvers().resolvers


def in_words(resolver: ResolverInfo) -> str:
    """Where it listens, and how it differs from one without vices."""
    settings = resolver.settings
    told = {
        f"in {settings.region}": True,
        f"keeps answers for at least {settings.ttl_min_s:g} s": settings.ttl_min_s > 0,
        f"keeps answers for at most {settings.ttl_max_s or 0:g} s": settings.ttl_max_s is not None,
        "serves stale": settings.stale is not None,
        "sends no client subnet": not settings.sends_subnet,
        f"{settings.caches} caches": settings.caches > 1,
        "cut off from the name servers": not settings.reaches_name_servers,
        "never answers": not settings.answers,
        "(turned by its lever)": resolver.overridden,
    }
    return f"{resolver.address} " + ", ".join(text for text, holds in told.items() if holds)


def environment(info: LabInfo, resolvers: Iterable[ResolverInfo] = ()) -> dict[str, str]:
    """Variables by which AWS clients, the CDK app, dig and curl find the lab."""
    endpoints = info.endpoints
    address, _, port = endpoints.nameservers[0].rpartition(":")
    return {
        **{f"LAB_RESOLVER_{one.name.upper().replace('-', '_')}": one.address for one in resolvers},
        "AWS_ENDPOINT_URL": endpoints.aws_url or "",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": info.regions[0],
        "HOSTED_ZONE_ID": info.hosted_zone_id,
        "DOMAIN_NAME": info.domain_name,
        "LAB_CA_FILE": endpoints.ca_file or "",
        "LAB_NAMESERVER": address,
        "LAB_DNS_PORT": port,
        "LAB_HTTPS_PORT": str(endpoints.https_port),
    }


def show(info: LabInfo, *, as_json: bool) -> None:
    click.echo(json.dumps(msgspec.to_builtins(info), indent=2) if as_json else describe(info))


def describe(info: LabInfo) -> str:
    endpoints = info.endpoints
    gateways = ", ".join(f"{region} {address}" for region, address in info.addresses.items())
    return "\n".join(
        (
            f"lab {info.name!r} runs as process {info.pid}, clock rate {endpoints.clock_rate:g}, seed {info.seed}",
            f"  AWS APIs     {endpoints.aws_url}",
            f"  name server  {endpoints.nameservers[0]}",
            f"  domain       {info.domain_name} in hosted zone {info.hosted_zone_id}",
            f"  HTTPS        port {endpoints.https_port}: {gateways}",
            f"  CA           {Path(endpoints.ca_file or '')}",
        )
    )
