"""What is deployed, and where: plain data, the same for AWS and for the lab."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from harness.clock import ScaledClock

RegionName = str
"""An AWS region code, such as "eu-west-1"."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

OPT_IN_TAG = "harness:allow-faults"
"""Stacks are touched by faults only when they carry this tag with the value "true"."""


class RegionalStack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a stack that lives in one region."""

    region: RegionName
    rest_api_id: str
    stage: str
    execute_api_host: str
    """Host of the API's default endpoint: {id}.execute-api.{region}.amazonaws.com"""
    domain_target: str
    """Regional domain name that the alias record points to: d-xxxx.execute-api.{region}.amazonaws.com"""
    health_check_id: str
    table_name: str


class Stack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployed stack. `regions[0]` is the main region, which owns the global table."""

    name: str
    domain_name: str
    hosted_zone_id: str
    regions: tuple[RegionalStack, ...]
    record_ttl_s: float = 60.0
    """Alias records to API Gateway domains are answered with 60 s in practice (not documented by AWS)."""
    health_check_interval_s: float = 30.0
    failure_threshold: int = 3
    health_check_path: str = "/health"

    def __post_init__(self) -> None:
        if not self.regions:
            raise ValueError(f"stack {self.name!r} has no region")
        for regional in self.regions:
            if not is_region_name(regional.region):
                raise ValueError(f"stack {self.name!r}: {regional.region!r} is not a region name")
        if len(set(self.region_names)) != len(self.regions):
            raise ValueError(f"stack {self.name!r} has a region twice: {', '.join(self.region_names)}")

    @property
    def main_region(self) -> RegionName:
        return self.regions[0].region

    @property
    def region_names(self) -> tuple[RegionName, ...]:
        return tuple(regional.region for regional in self.regions)

    def in_region(self, region: RegionName) -> RegionalStack:
        """Raises KeyError when the stack has no part in `region`."""
        for regional in self.regions:
            if regional.region == region:
                return regional
        raise KeyError(f"stack {self.name!r} is not in {region!r}; it is in {', '.join(self.region_names)}")


class Endpoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the three doors (AWS APIs, DNS, HTTPS) are; everything absent means AWS itself."""

    aws_url: str | None = None
    nameservers: tuple[str, ...] = ()
    """Authoritative servers as "address" or "address:port"; empty: the zone's own delegation."""
    https_port: int = 443
    ca_file: str | None = None
    """PEM file to verify servers with; absent: the system's."""
    requests_per_s: float | None = None
    """HTTPS requests a wall second that the endpoints are known to serve together; absent: API Gateway's own quota."""
    clock_rate: float = 1.0
    levers_url: str | None = None
    """Where a lab's levers are turned; absent: there are none, as on AWS."""
    clock_origin_at: str | None = None
    """RFC 3339 wall time at which the target's calendar equals the wall's; absent with rate 1."""

    def __post_init__(self) -> None:
        if not self.clock_rate > 0:
            raise ValueError(f"clock_rate {self.clock_rate:g}: must be above 0")
        if self.clock_origin_at and datetime.fromisoformat(self.clock_origin_at).tzinfo is None:
            raise ValueError(f"clock_origin_at {self.clock_origin_at!r}: must say its offset from UTC")

    def new_clock(self) -> ScaledClock:
        """A clock that starts now and runs at the target's rate, its calendar agreeing with the target's."""
        origin = self.clock_origin_at
        return ScaledClock(self.clock_rate, datetime.fromisoformat(origin) if origin else None)


class ServedRegion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a reply tells which region served it. The first of the three that says something counts."""

    header: str = "x-served-region"
    """The reference stack names its region in every reply, errors included. Empty: no header does."""
    body_field: str = ""
    """Of a JSON body, with dots between levels: "meta.region". Empty: none."""
    ip_ranges_file: str | None = None
    """A copy of https://ip-ranges.amazonaws.com/ip-ranges.json: the region is that of the address which served."""


def is_region_name(text: str) -> bool:
    return _REGION.fullmatch(text) is not None
