"""The command line. Subcommands are imported when they are called, so that `harness --help` stays fast."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from harness import __version__
from harness.errors import HarnessError

# name -> (module, attribute, one line for --help)
COMMANDS = {
    "lab": ("harness.cli.lab", "lab", "A local AWS on loopback: up, env, status, down."),
    "deploy": ("harness.cli.deploy", "deploy", "Deploy the reference stack to a target."),
    "destroy": ("harness.cli.deploy", "destroy", "Delete the reference stack from a target."),
    "run": ("harness.cli.run", "run", "Run the scenarios against a target and write a report."),
    "load": ("harness.cli.load", "load", "Put load on a target as locust users, and break it meanwhile."),
    "check": ("harness.cli.check", "check", "Judge a saved history again, with today's checkers."),
    "report": ("harness.cli.report", "report", "Write a run's page again; compare two runs; the index of all."),
    "faults": ("harness.cli.faults", "faults", "What can be broken: list, show, inject."),
    "history": ("harness.cli.history", "history", "Take a run's history to other tools."),
    "recover": ("harness.cli.recover", "recover", "Undo faults that a killed run left behind."),
    "gameday": ("harness.cli.gameday", "gameday", "Game days: plan, run, schedule, take notes, report."),
    "sweep": ("harness.cli.sweep", "sweep", "Map which region serves each of many client subnets; compare two maps."),
    "vantages": ("harness.cli.vantages", "vantages", "The places to look from: list, check."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _help = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, _attribute, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            _complain(str(error))
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE or not error.filename:
                raise  # click ends quietly when a pager does; what names no file is a defect of ours
            _complain(f"{error.filename}: {error.strerror}")
            ctx.exit(2)


def _complain(text: str) -> None:
    label = "error:" if os.environ.get("NO_COLOR") else click.style("error:", fg="red", bold=True)
    click.echo(f"{label} {text}", err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Evidence that a multi-region stack survives what its owners believe it survives.

    \b
    harness lab up --detach && harness deploy --target lab && harness run --target lab
    """


def main() -> None:
    """Exit codes: 0 pass, 1 deviated, 2 usage, 3 unknown, 4 a guard stopped it, 5 nothing ran, 6 rollback incomplete,
    130 interrupted."""
    try:
        # Without standalone mode click returns the code of ctx.exit() instead of ending with it.
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
