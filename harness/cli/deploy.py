"""harness deploy | destroy"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from rich.console import Console

from harness.cli.targets import plan_for, target_file
from harness.deployment.deploy import Deployer, Progress
from harness.deployment.plan import DeployPlan, parse_regions
from harness.errors import UsageError
from harness.lab.state import DEFAULT_NAME

target_option = click.option(
    "--target", "target_text", default="lab", show_default=True, help='"lab", "aws", or a plan file (TOML).'
)
lab_option = click.option("--lab", default=DEFAULT_NAME, show_default=True, help="Which lab, when several run.")
regions_option = click.option("--regions", default="", help="Comma separated, the main one first.")
stack_option = click.option("--stack-name", default="", help="CloudFormation stack name.")


@click.command()
@target_option
@lab_option
@regions_option
@stack_option
@click.option("--health-check-interval", type=click.Choice(["10", "30"]), help="Seconds between a checker's requests.")
@click.option("--failure-threshold", type=click.IntRange(1, 10), help="Consecutive checks that flip a checker.")
@click.option("--health-check-path", type=click.Choice(["/health", "/health/deep"]), help="What the checkers ask.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the target file.")
@click.option("--json", "as_json", is_flag=True, help="Print the target file instead of progress.")
def deploy(  # noqa: PLR0917
    target_text: str,
    lab: str,
    regions: str,
    stack_name: str,
    health_check_interval: str | None,
    failure_threshold: int | None,
    health_check_path: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Deploy the reference stack to every region, wait until it serves, and write its target file."""
    from harness.deployment.reference import deploy_reference
    from harness.target import save_target

    changes: dict[str, object] = {
        "health_check_interval_s": int(health_check_interval) if health_check_interval else None,
        "failure_threshold": failure_threshold,
        "health_check_path": health_check_path,
    }
    plan = _plan(target_text, lab, regions, stack_name, changes)
    console = Console(stderr=True)
    target = deploy_reference(plan, _teller(console), lambda text: console.print(f"[dim]{text}[/]", soft_wrap=True))
    path = out or target_file(plan.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"folder {path.parent} cannot be made: {error.strerror}; choose with --out") from error
    save_target(target, path)
    if as_json:
        click.echo(path.read_text())
    else:
        console.print(f"[bold green]deployed[/] {plan.stack_name} to {', '.join(plan.regions)}")
        console.print(f"target file {path}: harness run --target {path}", soft_wrap=True)


@click.command()
@target_option
@lab_option
@regions_option
@stack_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def destroy(target_text: str, lab: str, regions: str, stack_name: str, yes: bool, as_json: bool) -> None:  # noqa: PLR0917
    """Delete the reference stack in every region, its table and the data in it included."""
    from harness.aws import Aws

    plan = _plan(target_text, lab, regions, stack_name, {})
    where = ", ".join(plan.regions)
    if not yes:
        _confirm(f"Delete stack {plan.stack_name} in {where} of {plan.name!r}, with its table?")
    console = Console(stderr=True)
    aws = Aws(plan.endpoints.aws_url)
    deleted: list[str] = []

    def tell(progress: Progress) -> None:
        _teller(console)(progress)
        if progress.resource == plan.stack_name and progress.status == "DELETE_COMPLETE":
            deleted.append(progress.region)

    Deployer(aws, plan.new_clock(), tell).destroy(plan.stack_name, plan.regions)
    target_file(plan.name).unlink(missing_ok=True)
    if as_json:
        click.echo(json.dumps({"deleted": plan.stack_name, "regions": deleted}))
    elif deleted:
        console.print(f"[bold green]deleted[/] {plan.stack_name} in {', '.join(deleted)}")
    else:
        console.print(f"nothing to delete: no stack {plan.stack_name} in {where}")


def _confirm(question: str) -> None:
    """Raises UsageError unless a person says yes."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask at: say --yes")
    if not click.confirm(question, err=True):
        raise UsageError("nothing was deleted")


def _plan(target_text: str, lab: str, regions: str, stack_name: str, changes: dict[str, object]) -> DeployPlan:
    plan = plan_for(target_text, lab=lab)
    if regions:
        changes["regions"] = parse_regions(regions)
    if stack_name:
        changes["stack_name"] = stack_name
        changes["name"] = f"{plan.name}-{stack_name}"
        # Tables are named for themselves: two stacks in one account must not share one.
        changes["table_name"] = stack_name
    changed = {key: value for key, value in changes.items() if value is not None}
    try:
        return msgspec.structs.replace(plan, **changed)
    except TypeError as error:
        raise UsageError(str(error)) from error


def _teller(console: Console) -> Callable[[Progress], None]:
    """One line for each resource that is done or failed; the many that only start are not worth one."""

    def tell(progress: Progress) -> None:
        if progress.status.endswith("IN_PROGRESS"):
            return
        color = "red" if "FAILED" in progress.status or "ROLLBACK" in progress.status else "green"
        reason = f"  {progress.reason}" if color == "red" else ""
        console.print(
            f"  {progress.region:<15} [{color}]{progress.status:<16}[/] {progress.resource}{reason}",
            highlight=False,
            soft_wrap=True,
        )

    return tell
