"""What is decided when the templates are synthesized; all the rest are CloudFormation parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from harness.errors import UnknownRegion, UsageError
from harness.stack import RegionName, is_region_name
from infra.templates import DEFAULT_REGIONS, STACK_NAME

CONTEXT_KEYS = ("regions", "single-region", "suffix", "hosted-zone-id", "domain-name", "retain-table")
"""What `cdk ... -c KEY=VALUE` and `python infra/app.py -c KEY=VALUE` understand."""

_SUFFIX = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One synthesis: for which regions, and with which defaults for the parameters."""

    regions: tuple[RegionName, ...] = DEFAULT_REGIONS
    """The first one is the main region."""
    suffix: str = ""
    """Keeps developers' stacks apart in one account: part of the stack's and the table's name."""
    hosted_zone_id: str | None = None
    domain_name: str | None = None
    retain_table: bool = False
    """Keep the table, its replicas and its data when the stack is deleted.

    False, because this is a reference stack that people break on purpose: deleting it leaves nothing behind, and a
    table that stayed would make the next deployment fail on its name.
    """

    def __post_init__(self) -> None:
        _check_regions(self.regions)
        if self.suffix and not _SUFFIX.fullmatch(self.suffix):
            raise UsageError(
                f"suffix {self.suffix!r} cannot be part of a stack name: use at most 32 letters, digits and hyphens, "
                "with no hyphen at either end"
            )

    @property
    def main_region(self) -> RegionName:
        return self.regions[0]

    @property
    def stack_name(self) -> str:
        return f"{STACK_NAME}-{self.suffix}" if self.suffix else STACK_NAME


def _check_regions(regions: tuple[RegionName, ...]) -> None:
    if not regions:
        raise UsageError(f"no region to synthesize for; name at least one, such as {DEFAULT_REGIONS[0]}")
    for region in regions:
        if not is_region_name(region):
            raise UnknownRegion(f"{region!r} is not a region name; one looks like {DEFAULT_REGIONS[0]}")
    if len(set(regions)) != len(regions):
        raise UsageError(f"regions {', '.join(regions)} name a region twice; a region has one stack, name each once")


def read_settings(context: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Settings from CDK context, then from the environment, then the defaults."""
    return Settings(
        regions=_regions(context, environment),
        suffix=context.get("suffix", ""),
        hosted_zone_id=context.get("hosted-zone-id") or environment.get("HOSTED_ZONE_ID") or None,
        domain_name=context.get("domain-name") or environment.get("DOMAIN_NAME") or None,
        retain_table=_is_true(context, "retain-table"),
    )


def require_deployable(settings: Settings) -> None:
    """Raises UsageError while a parameter that has no sensible default is not set.

    The CDK CLI deploys what it has synthesized in the same command. Templates for other ways to deploy may leave these
    parameters open.
    """
    missing = [
        f"{parameter} is not set: export {variable}, or pass -c {example} to the cdk command"
        for parameter, value, variable, example in (
            ("HostedZoneId", settings.hosted_zone_id, "HOSTED_ZONE_ID", "hosted-zone-id=Z0123456789ABC"),
            ("DomainName", settings.domain_name, "DOMAIN_NAME", "domain-name=api.example.com"),
        )
        if value is None
    ]
    if missing:
        raise UsageError("; ".join(missing))


def _regions(context: Mapping[str, str], environment: Mapping[str, str]) -> tuple[RegionName, ...]:
    """AWS_REGION alone does not narrow the deployment to one region: most shells that talk to AWS have it set."""
    if _is_true(context, "single-region"):
        if "regions" in context:
            raise UsageError("context has both 'regions' and 'single-region'; give one of them")
        return (_current_region(environment),)
    if "regions" in context:
        return tuple(region.strip() for region in context["regions"].split(",") if region.strip())
    return DEFAULT_REGIONS


def _current_region(environment: Mapping[str, str]) -> RegionName:
    region = environment.get("AWS_REGION") or environment.get("CDK_DEFAULT_REGION")
    if not region:
        raise UsageError("single-region=true, but neither AWS_REGION nor CDK_DEFAULT_REGION is set; set AWS_REGION")
    return region


def _is_true(context: Mapping[str, str], key: str) -> bool:
    """The CDK CLI passes what follows the equals sign as text."""
    value = context.get(key, "false").lower()
    if value not in ("true", "false"):
        raise UsageError(f"context {key!r} is {value!r}; it is either true or false")
    return value == "true"
