"""The CDK app: `cdk synth`, `diff` and `deploy` run it by cdk.json, `python infra/app.py` works without the CDK CLI."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    # Run as a file, Python looks for modules beside it; this package lies one folder up.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from harness.errors import HarnessError, UsageError
from infra.settings import CONTEXT_KEYS, Settings, read_settings, require_deployable
from infra.synth import synthesize_assembly
from infra.templates import template_name

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 2 after one line that says what is wrong and how to mend it."""
    options = _options(arguments)
    # The CLI says by CDK_OUTDIR where it will look.
    under_cdk_cli = "CDK_OUTDIR" in os.environ
    try:
        settings = read_settings(_context(options.context, os.environ), os.environ)
        if under_cdk_cli:
            require_deployable(settings)
        directory = synthesize_assembly(settings, None if under_cdk_cli else options.output)
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if not under_cdk_cli:
        sys.stdout.write(_summary(settings, directory))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infra/app.py", description="Synthesize the reference stack, one template per region."
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("cdk.out"), help="folder to write to [cdk.out]")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help=f"one of: {', '.join(CONTEXT_KEYS)}"
    )
    return parser.parse_args(arguments)


def _context(pairs: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """What the CDK CLI hands over, then what stands on our own command line."""
    from_cli: dict[str, object] = json.loads(environment.get("CDK_CONTEXT_JSON", "{}"))
    context = {key: str(value) for key, value in from_cli.items() if key in CONTEXT_KEYS}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in CONTEXT_KEYS:
            raise UsageError(
                f"context {pair!r} is not understood; it is KEY=VALUE with a key of {', '.join(CONTEXT_KEYS)}"
            )
        context[key] = value
    return context


def _summary(settings: Settings, directory: Path) -> str:
    lines = [str(directory / template_name(region)) for region in settings.regions]
    missing = {"HostedZoneId": settings.hosted_zone_id, "DomainName": settings.domain_name}
    lines += [
        f"{parameter} has no default: give it when deploying, or set {variable} now"
        for (parameter, value), variable in zip(missing.items(), ("HOSTED_ZONE_ID", "DOMAIN_NAME"), strict=True)
        if value is None
    ]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
