"""The synthesized templates that come with the project: deploying the default regions needs no CDK."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UnknownRegion
from harness.stack import RegionName

DEFAULT_REGIONS: tuple[RegionName, ...] = ("us-east-1", "eu-west-1", "ap-southeast-2")
"""The first one is the main region: its stack owns the global table and all of its replicas."""

STACK_NAME = "GlobalApplication"
"""Of the stack in every region, of the table, and the first part of the template's file name."""

TEMPLATE_DIR = Path(__file__).parent / "templates"


def template_name(region: RegionName) -> str:
    return f"{STACK_NAME}-{region}.template.json"


def template_path(region: RegionName) -> Path:
    """The template synthesized for `region` with the default regions.

    Raises:
        UnknownRegion: no template comes with the project for `region`; `infra.synth.synthesize` makes one.
    """
    if region not in DEFAULT_REGIONS:
        raise UnknownRegion(
            f"no template for region {region!r} comes with the project, only for {', '.join(DEFAULT_REGIONS)}; "
            "other regions are synthesized, which needs: pip install 'multi-region-harness[cdk]'"
        )
    return TEMPLATE_DIR / template_name(region)


def default_templates() -> dict[RegionName, Path]:
    """Template per default region, the main region first."""
    return {region: template_path(region) for region in DEFAULT_REGIONS}
