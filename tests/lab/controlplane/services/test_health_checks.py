"""Health checks: defaults, limits, versions; their status is the lab's truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.lab.controlplane import ControlPlane
from harness.lab.ports import CheckerStatus

Client = Callable[..., Any]


def create(client: Client, reference: str = "one", **config: Any) -> dict[str, Any]:
    given = {"Type": "HTTPS", "FullyQualifiedDomainName": "api.example.com"} | config
    made = client("route53").create_health_check(CallerReference=reference, HealthCheckConfig=given)
    return dict(made["HealthCheck"])


def test_an_https_check_gets_awss_defaults(client: Client) -> None:
    config = create(client)["HealthCheckConfig"]

    assert (config["Port"], config["RequestInterval"], config["FailureThreshold"]) == (443, 30, 3)
    assert (config["EnableSNI"], config["Inverted"], config["Disabled"]) == (True, False, False)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"RequestInterval": 20}, "RequestInterval 20 must be 10 or 30"),
        ({"FailureThreshold": 10, "Regions": ["us-east-1", "us-west-1", "eu-west-2"]}, "at least three of"),
        ({"Type": "HTTPS_STR_MATCH"}, "SearchString"),
        ({"Type": "CLOUDWATCH_METRIC"}, "the lab runs"),
        ({"Type": "TCP"}, "Port must be given"),
    ],
)
def test_a_config_against_the_rules_is_refused(client: Client, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(client, **config)


def test_a_caller_reference_makes_one_check(client: Client) -> None:
    first, again = create(client), create(client)

    assert first["Id"] == again["Id"]
    with pytest.raises(ClientError, match="HealthCheckAlreadyExists"):
        create(client, Port=8443)


def test_each_update_raises_the_version(client: Client) -> None:
    check = create(client)
    updated = client("route53").update_health_check(
        HealthCheckId=check["Id"], HealthCheckVersion=1, Inverted=True, ResourcePath="/health"
    )["HealthCheck"]

    assert updated["HealthCheckVersion"] == 2
    assert updated["HealthCheckConfig"]["Inverted"] is True
    with pytest.raises(ClientError, match="HealthCheckVersionMismatch"):
        client("route53").update_health_check(HealthCheckId=check["Id"], HealthCheckVersion=1, Inverted=False)


def test_an_update_leaves_the_rest_as_it_was(client: Client) -> None:
    """moto forgets the regions on every update."""
    regions = ["us-east-1", "us-west-1", "eu-west-1"]
    check = create(client, Regions=regions)
    client("route53").update_health_check(HealthCheckId=check["Id"], Disabled=True)
    config = client("route53").get_health_check(HealthCheckId=check["Id"])["HealthCheck"]["HealthCheckConfig"]

    assert config["Regions"] == regions


def test_an_element_can_be_reset(client: Client) -> None:
    check = create(client, ResourcePath="/health", Regions=["us-east-1", "us-west-1", "eu-west-1"])
    client("route53").update_health_check(HealthCheckId=check["Id"], ResetElements=["Regions"])
    config = client("route53").get_health_check(HealthCheckId=check["Id"])["HealthCheck"]["HealthCheckConfig"]

    assert "Regions" not in config
    assert config["ResourcePath"] == "/health"


class TwoCheckers:
    """One sees the endpoint, one does not."""

    def statuses(self, health_check_id: str) -> list[CheckerStatus]:
        return [
            CheckerStatus(
                region=region,
                address=f"127.0.0.{number}",
                healthy=not number,
                report=f"{'Failure' if number else 'Success'}: of {health_check_id}",
                checked_at="2026-01-02T03:04:05.250Z",
            )
            for number, region in enumerate(["us-east-1", "eu-west-1"])
        ]

    def last_failures(self, health_check_id: str) -> list[CheckerStatus]:
        return self.statuses(health_check_id)[1:]

    def is_healthy(self, health_check_id: str) -> bool:
        return True


def test_the_status_is_what_the_checkers_say(client: Client, plane: ControlPlane) -> None:
    plane.health = TwoCheckers()
    check_id = create(client)["Id"]
    seen = client("route53").get_health_check_status(HealthCheckId=check_id)["HealthCheckObservations"]
    failed = client("route53").get_health_check_last_failure_reason(HealthCheckId=check_id)["HealthCheckObservations"]

    assert [(each["Region"], each["IPAddress"]) for each in seen] == [
        ("us-east-1", "127.0.0.0"),
        ("eu-west-1", "127.0.0.1"),
    ]
    assert seen[0]["StatusReport"]["Status"] == f"Success: of {check_id}"
    assert seen[0]["StatusReport"]["CheckedTime"].isoformat() == "2026-01-02T03:04:05.250000+00:00"
    assert [each["Region"] for each in failed] == ["eu-west-1"]


def test_a_check_that_nobody_probes_has_no_status(client: Client) -> None:
    check_id = create(client)["Id"]

    assert client("route53").get_health_check_status(HealthCheckId=check_id)["HealthCheckObservations"] == []
    with pytest.raises(ClientError, match="NoSuchHealthCheck"):
        client("route53").get_health_check_status(HealthCheckId="unknown")


class Echo:
    def answer(self, zone_id: str, name: str, record_type: str, client_subnet: str | None) -> tuple[str, list[str]]:
        return "NOERROR", [f"{name} {record_type} {client_subnet}"]


@pytest.mark.parametrize(
    ("asked", "subnet"),
    [
        ({}, "None"),
        ({"EDNS0ClientSubnetIP": "198.51.100.7"}, "198.51.100.0/24"),
        ({"EDNS0ClientSubnetIP": "198.51.100.7", "EDNS0ClientSubnetMask": "16"}, "198.51.0.0/16"),
        ({"ResolverIP": "2001:db8::1"}, "2001:db8::/64"),
    ],
)
def test_a_dns_test_is_answered_for_its_client(
    client: Client, plane: ControlPlane, zone_id: str, asked: dict[str, str], subnet: str
) -> None:
    plane.dns = Echo()
    answer = client("route53").test_dns_answer(
        HostedZoneId=zone_id, RecordName="api.example.com", RecordType="A", **asked
    )

    assert answer["RecordData"] == [f"api.example.com A {subnet}"]
    assert (answer["ResponseCode"], answer["Protocol"]) == ("NOERROR", "UDP")


def test_checkers_come_from_loopback(client: Client) -> None:
    assert client("route53").get_checker_ip_ranges()["CheckerIpRanges"] == ["127.0.0.0/8"]
