"""Route 53's API: moto's, with the lab's records and health checks, and the lab's truth behind its status calls."""

from __future__ import annotations

import ipaddress
import uuid
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.route53.exceptions import InvalidInput
from moto.route53.responses import Route53

from harness.lab.controlplane.services import health_checks, hosted_zones
from harness.lab.ports import CheckerStatus, DnsSource, HealthSource


class Sources:
    """Where the answers come from that no configuration holds; the control plane sets them."""

    health: HealthSource | None = None
    dns: DnsSource | None = None


SOURCES = Sources()


class LabRoute53(Route53):  # type: ignore[misc]
    def create_hosted_zone(self) -> ActionResult:
        result = super().create_hosted_zone()
        hosted_zones.repair_soa(result.result["HostedZone"])
        return result

    def change_resource_record_sets(self) -> ActionResult:
        changes = [(item["Action"], item["ResourceRecordSet"]) for item in self._get_param("ChangeBatch.Changes")]
        hosted_zones.change(self._get_param("HostedZoneId"), changes)
        return ActionResult({"ChangeInfo": _change_info(self._get_param("ChangeBatch.Comment"))})

    def list_resource_record_sets(self) -> ActionResult:
        start = tuple(self._get_param(f"StartRecord{part}") for part in ("Name", "Type", "Identifier"))
        if start[1] and not start[0]:
            raise InvalidInput("The input is not valid")
        max_items = min(self._get_int_param("MaxItems", 300), 300)
        records, following = hosted_zones.page(self._get_param("HostedZoneId"), start, max_items)
        return ActionResult(
            {
                "ResourceRecordSets": records,
                "IsTruncated": following is not None,
                "NextRecordName": following.name if following else None,
                "NextRecordType": following.type if following else None,
                "NextRecordIdentifier": following.set_identifier if following else None,
                "MaxItems": max_items,
            }
        )

    def create_health_check(self) -> ActionResult:
        check = health_checks.create(self._get_param("CallerReference"), dict(self._get_param("HealthCheckConfig")))
        location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"
        return ActionResult({"HealthCheck": check, "Location": location})

    def update_health_check(self) -> ActionResult:
        params = dict(self._get_params())
        check = health_checks.update(
            self._get_param("HealthCheckId"),
            params,
            reset=self._get_param("ResetElements", []),
            version=self._get_int_param("HealthCheckVersion"),
        )
        return ActionResult({"HealthCheck": check})

    def delete_health_check(self) -> ActionResult:
        health_checks.delete(self._get_param("HealthCheckId"))
        return EmptyResult()

    def get_health_check_count(self) -> ActionResult:
        return ActionResult({"HealthCheckCount": len(hosted_zones.backend().health_checks)})

    def get_health_check_status(self) -> ActionResult:
        check = health_checks.get(self._get_param("HealthCheckId"))
        return _observations(SOURCES.health.statuses(check.id) if SOURCES.health else [])

    def get_health_check_last_failure_reason(self) -> ActionResult:
        check = health_checks.get(self._get_param("HealthCheckId"))
        return _observations(SOURCES.health.last_failures(check.id) if SOURCES.health else [])

    def get_checker_ip_ranges(self) -> ActionResult:
        """The lab's checkers probe from loopback."""
        return ActionResult({"CheckerIpRanges": ["127.0.0.0/8"]})

    def test_dns_answer(self) -> ActionResult:
        zone = hosted_zones.zone(self._get_param("HostedZoneId"))
        name, record_type = self._get_param("RecordName"), self._get_param("RecordType")
        code, data = "SERVFAIL", list[str]()
        if SOURCES.dns:
            code, data = SOURCES.dns.answer(zone.resource_id, name, record_type, self._client_subnet())
        result = {
            "Nameserver": zone.delegation_set.name_servers[0],
            "RecordName": name,
            "RecordType": record_type,
            "RecordData": data,
            "ResponseCode": code,
            "Protocol": "UDP",
        }
        return ActionResult(result)

    def _client_subnet(self) -> str | None:
        """The client subnet of the request, else its resolver; None: Route 53's own resolver in us-east-1."""
        address = self._get_param("EDNS0ClientSubnetIP")
        if address is None:
            resolver = self._get_param("ResolverIP")
            return None if resolver is None else str(_network(resolver, None))
        return str(_network(address, self._get_param("EDNS0ClientSubnetMask")))


def _network(address: str, mask: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """AWS's default prefix lengths are /24 and /64."""
    try:
        version = ipaddress.ip_address(address).version
        return ipaddress.ip_network(f"{address}/{mask or (24 if version == 4 else 64)}", strict=False)
    except ValueError as error:
        raise InvalidInput(f"The IP address {address}/{mask} is not valid: {error}") from None


def _observations(statuses: list[CheckerStatus]) -> ActionResult:
    observations = [
        {
            "Region": status.region,
            "IPAddress": status.address,
            "StatusReport": {"Status": status.report, "CheckedTime": datetime.fromisoformat(status.checked_at)},
        }
        for status in statuses
    ]
    return ActionResult({"HealthCheckObservations": observations})


def _change_info(comment: str | None) -> dict[str, Any]:
    change_id = f"/change/C{uuid.uuid4().hex[:13].upper()}"
    return {"Id": change_id, "Status": "INSYNC", "SubmittedAt": utcnow(), "Comment": comment}
