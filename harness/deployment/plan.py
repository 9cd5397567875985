"""What to deploy, and where: from options, the environment or a TOML file, checked before AWS is asked anything."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from harness.clock import ScaledClock
from harness.errors import InvalidPlan, UnknownRegion, UsageError
from harness.stack import Endpoints, RegionName, is_region_name
from harness.vantages import region_vantages

DEFAULT_STACK_NAME = "GlobalApplication"
DEFAULT_REGIONS: tuple[RegionName, ...] = ("us-east-1", "eu-west-1", "ap-southeast-2")


class DeployPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One deployment of the reference stack. `regions[0]` is the main region, which owns the global table.

    Raises:
        UnknownRegion, InvalidPlan: names the field, the value and the rule.
    """

    name: str
    """Name of the target: `--target NAME` finds what was deployed."""
    domain_name: str
    hosted_zone_id: str
    regions: tuple[RegionName, ...] = DEFAULT_REGIONS
    stack_name: str = DEFAULT_STACK_NAME
    table_name: str = DEFAULT_STACK_NAME
    health_check_interval_s: Literal[10, 30] = 30
    failure_threshold: int = 3
    health_check_path: Literal["/health", "/health/deep"] = "/health"
    allow_faults: bool = True
    endpoints: Endpoints = Endpoints()

    def __post_init__(self) -> None:
        for region in self.regions:
            check_region(region)
        if len(self.regions) < 2 or len(set(self.regions)) != len(self.regions):
            raise InvalidPlan(
                f"regions {', '.join(self.regions) or '(none)'}: name two or more different regions, main one first"
            )
        if not 1 <= self.failure_threshold <= 10:
            raise InvalidPlan(f"failure_threshold {self.failure_threshold}: Route 53 takes 1 to 10")

    def new_clock(self) -> ScaledClock:
        return self.endpoints.new_clock()

    def parameters(self) -> dict[str, str]:
        """As the templates name them."""
        return {
            "HostedZoneId": self.hosted_zone_id,
            "DomainName": self.domain_name,
            "TableName": self.table_name,
            "HealthCheckInterval": str(self.health_check_interval_s),
            "FailureThreshold": str(self.failure_threshold),
            "HealthCheckPath": self.health_check_path,
            "AllowFaults": "true" if self.allow_faults else "false",
        }


def parse_regions(text: str) -> tuple[RegionName, ...]:
    """ "us-east-1, eu-west-1" -> its names, in order. Raises UnknownRegion."""
    return tuple(check_region(region.strip()) for region in text.split(","))


def check_region(region: str) -> RegionName:
    """Raises UnknownRegion, naming the closest."""
    known = [vantage.name.removeprefix("aws:") for vantage in region_vantages()]
    if is_region_name(region) and region in known:
        return region
    near = difflib.get_close_matches(region.lower(), known, n=1)
    hint = f"did you mean {near[0]}?" if near else "`harness vantages list` shows those that are"
    raise UnknownRegion(f"region {region!r} is not known; {hint}")


def plan_from_environment(environment: Mapping[str, str] = os.environ) -> DeployPlan:
    """The plan for AWS: HOSTED_ZONE_ID and DOMAIN_NAME from the environment, defaults for the rest."""
    missing = [name for name in ("HOSTED_ZONE_ID", "DOMAIN_NAME") if not environment.get(name)]
    if missing:
        raise InvalidPlan(
            f"{' and '.join(missing)} not set: export the id of your public hosted zone and the name to serve in it "
            "(for example HOSTED_ZONE_ID=Z0123456789 DOMAIN_NAME=api.example.com), or write a plan file"
        )
    return DeployPlan(name="aws", domain_name=environment["DOMAIN_NAME"], hosted_zone_id=environment["HOSTED_ZONE_ID"])


def plan_from_file(path: Path) -> DeployPlan:
    """Raises InvalidPlan, naming the file and the field."""
    if path.suffix == ".json":
        raise InvalidPlan(f"plan {path}: a plan is a TOML file; JSON files are targets, for `harness run --target`")
    try:
        return msgspec.toml.decode(path.read_bytes(), type=DeployPlan)
    except OSError as error:
        raise InvalidPlan(
            f"plan {path} cannot be read: {error.strerror}; name a plan file (TOML), `lab` or `aws`"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:
        raise InvalidPlan(f"plan {path}: {error}") from error
