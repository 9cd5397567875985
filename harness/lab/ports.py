"""What the parts of the lab ask of each other. Parts are built and tested apart; lab/world.py joins them.

control plane  --on_change-->  dns, health, gateway   (which then read it back through boto3)
health         --is_healthy--> dns                    (after the status-to-DNS delay)
health         --statuses----> control plane          (GetHealthCheckStatus, CloudWatch)
dns            --answer------> control plane          (TestDNSAnswer)
dns            <--address_of-- gateway addresses      (alias targets and execute-api hosts)
gateway        --item calls--> tables                 (DynamoDB, in-process, behind the control plane's hooks)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from harness.events import Json
from harness.stack import RegionName


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A control-plane call that succeeded and may have changed something."""

    service: str
    """SigV4 service name: "apigateway", "route53", "acm", "dynamodb", "cloudformation", ..."""
    region: RegionName
    action: str
    """Operation where known ("UpdateStage"), else "METHOD /path"."""


ChangeListener = Callable[[Change], None]


class CheckerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One checker's last word, as GetHealthCheckStatus shows it."""

    region: RegionName
    """Where the checker is, not what it checks."""
    address: str
    healthy: bool
    report: str
    """"Success: HTTP Status Code 200, OK. Resolved IP: ..." or "Failure: ..." """
    checked_at: str
    """RFC 3339 UTC on the lab's calendar."""


class HealthSource(Protocol):
    """The health checkers, as the rest of the lab sees them."""

    def statuses(self, health_check_id: str) -> list[CheckerStatus]:
        """Empty for a check that is disabled, calculated or unknown."""
        ...

    def last_failures(self, health_check_id: str) -> list[CheckerStatus]: ...

    def is_healthy(self, health_check_id: str) -> bool:
        """The aggregate, Inverted and Disabled applied, at this moment (before the delay to DNS)."""
        ...


class DnsSource(Protocol):
    """The authoritative server, as TestDNSAnswer asks it."""

    def answer(self, zone_id: str, name: str, record_type: str, client_subnet: str | None) -> tuple[str, list[str]]:
        """(response code, record data in presentation form)."""
        ...


class Tables(Protocol):
    """DynamoDB's data plane in one process: the same semantics, hooks and errors as through the AWS endpoint."""

    def call(
        self, region: RegionName, action: str, request: dict[str, Json], principal_arn: str
    ) -> tuple[int, dict[str, Json]]:
        """(HTTP status, response body): action is "PutItem", "GetItem", ...; never raises for an AWS-shaped error."""
        ...


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the lab's own record of what happened; for benchmarks and tests, never for checkers."""

    at_s: float
    what: str
    """"One of "stage-variable", "checker-flipped", "check-flipped", "dns-changed", ..."""
    region: RegionName = ""
    detail: dict[str, Any] = {}
    """JSON values; msgspec cannot decode the recursive `Json`."""


TruthLog = Callable[[Truth], None]
