"""harness gameday: each command in a module of its own, imported when it is called."""

from __future__ import annotations

import importlib

import click

# name -> (module, attribute, one line for --help)
_COMMANDS = {
    "new": ("planning", "new", "Write a plan to fill in."),
    "validate": ("planning", "validate", "Check plans, and say where they are wrong."),
    "plan": ("planning", "plan", "Show what a plan would do, and when. Changes nothing."),
    "run": ("running", "run", "Run a plan now, or go on with a day that was stopped or killed."),
    "note": ("noting", "note", "Put a note on the timeline of the day that is running."),
    "list": ("looking", "list_days", "List the game days so far."),
    "show": ("looking", "show", "Show what a game day came to, and write its page again."),
    "schedule": ("scheduling", "schedule", "Wait in the foreground, and run each plan when it is due."),
    "export": ("scheduling", "export", "Write a plan's schedule for cron, systemd, GitHub Actions or EventBridge."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _help = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"harness.cli.gameday.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, _attribute, line) in _COMMANDS.items()])


@click.group(cls=_Lazy)
def gameday() -> None:
    """Game days: experiments in order, with people watching, from a plan to a report.

    \b
    harness gameday new evacuation.toml && harness gameday run evacuation.toml
    """
