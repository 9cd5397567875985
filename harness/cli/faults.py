"""harness faults: what can be broken, what that calls, and one fault by hand with the guarantees of a scenario."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from harness.cli.durations import in_words
from harness.cli.inject import inject, json_option, lab_option, refuse_strangers
from harness.cli.targets import target_for
from harness.faults.about import About, Confidence
from harness.faults.arguments import assignments, fault_of, kind_of, parameters_of_kind
from harness.faults.calls import Call, actions_of
from harness.faults.catalogue import AnyFault, as_fault, kinds
from harness.faults.schedule import Hold
from harness.target import Target


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def faults() -> None:
    """What can be broken, and how; each is undone whatever happens.

    \b
    harness faults show record-weighted
    harness faults inject record-weighted region=eu-west-1 weight=10 --for 5m
    """


faults.add_command(inject)


@faults.command("list")
@json_option
def list_faults(as_json: bool) -> None:
    """Every fault there is."""
    if as_json:
        click.echo(json.dumps([_described(kind) for kind in kinds().values()], indent=2))
        return
    table = Table("fault", "what users notice", "on AWS", box=None, pad_edge=False)
    for name, kind in kinds().items():
        table.add_row(name, kind.about.summary, _on_aws(kind))
    Console().print(table)


@faults.command()
@click.argument("name")
@click.argument("parameters", nargs=-1)
@click.option("--target", "text", default="", help='"lab", "aws" or a target file: the exact calls there; reads only.')
@lab_option
@json_option
def show(name: str, parameters: tuple[str, ...], text: str, lab: str, as_json: bool) -> None:
    """One fault: parameters, permissions, what AWS does; with --target also the calls it would make there."""
    kind = kind_of(name)
    described = _described(kind)
    if text or parameters:
        fault = fault_of(name, assignments(parameters))
        described |= _resolved(fault, target_for(text or "lab", lab=lab))
    if as_json:
        click.echo(json.dumps(described, indent=2))
    else:
        _print_shown(kind, described)


def _described(kind: type[AnyFault]) -> dict[str, Any]:
    """What is true of every fault of this kind, for machines."""
    about = kind.about
    return {
        "fault": kind.name,
        "summary": about.summary,
        "parameters": [msgspec.to_builtins(parameter) for parameter in parameters_of_kind(kind)],
        "iam_actions": list(about.iam_actions),
        "aws": about.aws,
        "confidence": about.confidence.value,
        "unknown": about.unknown,
        "needs_levers": about.needs_levers,
    }


def _resolved(fault: AnyFault, target: Target) -> dict[str, Any]:
    """What this fault would call on this target. Reads only."""
    refuse_strangers((Hold(fault=fault, for_s=1.0),), target)
    snapshot = as_fault(fault).snapshot(target)
    changes = as_fault(fault).changes(target.stack, snapshot)
    undoing = as_fault(fault).undoing(target.stack, snapshot)
    return {
        "target": target.name,
        "regions": list(fault.regions),
        "resources": list(fault.resources(target.stack)),
        "ends_itself_after_s": fault.ends_itself_after_s,
        "calls": _calls(changes),
        "undoing": _calls(undoing),
        "iam_actions_of_calls": list(actions_of((*changes, *undoing))),
    }


def _calls(calls: tuple[Call, ...]) -> list[str]:
    return [call.shell() for call in calls]


def _on_aws(kind: type[AnyFault]) -> str:
    """ "yes", or why not."""
    about = kind.about
    if about.needs_levers:
        return "[yellow]lab only[/]"
    expires = any(parameter.name == "expires_after_s" for parameter in parameters_of_kind(kind))
    return "yes, ends itself" if expires or about.ends_itself else "yes"


_CONFIDENCE = {
    Confidence.DOCUMENTED: "documented by AWS",
    Confidence.DERIVED: "derived from AWS's documents, or seen by others; not stated by AWS",
    Confidence.UNKNOWN: "not known",
    Confidence.LAB: "a lever of the lab; on AWS nobody can order it",
}


def _print_shown(kind: type[AnyFault], described: dict[str, Any]) -> None:
    console = Console(highlight=False)
    about = kind.about
    console.print(f"[bold]{kind.name}[/]: {about.summary}")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def row(label: str, text: str) -> None:
        table.add_row(label, text)

    for number, parameter in enumerate(parameters_of_kind(kind)):
        default = "must be given" if parameter.default is None else f"default {parameter.default or 'empty'}"
        row("" if number else "parameters", f"{parameter.name} ({parameter.takes}; {default})")
    row("on AWS", about.aws)
    row("known how", _CONFIDENCE[about.confidence])
    if about.unknown:
        row("not known", about.unknown)
    row("ends itself", _ending(about, described))
    row("permissions", "\n".join(about.iam_actions) or "none: it is done by the lab's levers")
    for label, key in (("resources", "resources"), ("would call", "calls"), ("undone by", "undoing")):
        if key in described:
            row(label, "\n".join(described[key]) or "nothing")
    console.print(table)
    if "calls" not in described:
        needed = " ".join(f"{one.name}=..." for one in parameters_of_kind(kind) if one.default is None)
        command = f"harness faults show {kind.name} {needed} --target lab"
        console.print(f"[dim]the exact calls: {command}[/]", soft_wrap=True)


def _ending(about: About, described: dict[str, Any]) -> str:
    if about.ends_itself:
        return f"yes, {about.ends_itself}"
    after_s = described.get("ends_itself_after_s")
    if after_s is not None:
        return f"yes, {in_words(after_s)} after it was made, though nobody undoes it"
    expires = any(parameter["name"] == "expires_after_s" for parameter in described["parameters"])
    return "yes, expires_after_s after it was made" if expires else "no: only its rollback ends it"
