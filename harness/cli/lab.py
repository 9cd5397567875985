"""harness lab up | env | status | down"""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from harness.deployment.plan import DEFAULT_REGIONS, check_region
from harness.errors import LabNotRunning
from harness.lab.state import DEFAULT_NAME, LabFolder, LabInfo

name_option = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")


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
def up(  # noqa: PLR0917
    name: str, regions: str, rate: float, seed: int, port: int, dns_port: int, https_port: int, detach: bool
) -> None:
    """Start a lab and, unless --detach, stay with it until Ctrl-C."""
    from harness.lab.settings import LabSettings

    settings = LabSettings(
        name=name,
        regions=tuple(check_region(region.strip()) for region in regions.split(",")),
        rate=rate,
        seed=seed,
        port=port,
        dns_port=dns_port,
        https_port=https_port,
    )
    folder = LabFolder(name)
    if detach:
        from harness.lab.spawn import spawn

        click.echo(describe(spawn(settings, folder)))
        return
    from harness.lab.world import run_lab

    run_lab(settings, folder, lambda info: click.echo(describe(info) + "\nCtrl-C ends it."))


@lab.command()
@name_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(name: str, as_json: bool) -> None:
    """Say whether the lab runs, where, and what its clock shows."""
    info = LabFolder(name).running()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(info), indent=2))
        return
    click.echo(describe(info))


@lab.command()
@name_option
def env(name: str) -> None:
    """Print export lines that point any AWS client, dig and curl at the lab: eval "$(harness lab env)"."""
    info = LabFolder(name).running()
    endpoints = info.endpoints
    address, _, port = endpoints.nameservers[0].partition(":")
    for key, value in {
        "AWS_ENDPOINT_URL": endpoints.aws_url,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": info.regions[0],
        "HOSTED_ZONE_ID": info.hosted_zone_id,
        "DOMAIN_NAME": info.domain_name,
        "LAB_CA_FILE": endpoints.ca_file,
        "LAB_NAMESERVER": address,
        "LAB_DNS_PORT": port,
        "LAB_HTTPS_PORT": endpoints.https_port,
    }.items():
        click.echo(f"export {key}={value}")


@lab.command()
@name_option
def down(name: str) -> None:
    """End the lab. One that does not run is no error."""
    from harness.lab.spawn import end

    try:
        info = LabFolder(name).running()
    except LabNotRunning:
        click.echo(f"no lab {name!r} is running")
        return
    end(LabFolder(name), info)
    click.echo(f"lab {name!r} ended")


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
