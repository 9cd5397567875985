from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from harness.lab.dns import ZoneSet, read_zones
from harness.lab.dns.route53 import records_of
from harness.lab.dns.zones import wire_name
from harness.models.routing import AliasTarget, Place, Record

SIMPLE = {"TTL": 30, "ResourceRecords": [{"Value": "192.0.2.1"}]}


@pytest.fixture
def route53(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("route53", region_name="us-east-1")


def create_zone(route53, *records: dict, name: str = "example.com") -> str:
    zone_id = route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
    add(route53, zone_id, *records)
    return zone_id


def add(route53, zone_id: str, *records: dict) -> None:
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records]
    if changes:
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def read(route53) -> dict[str, Record]:
    (zone,) = read_zones(route53).zones
    return {record.name: record for record in zone.records if record.type not in {"SOA", "NS"}}


def test_an_alias_latency_record_is_read_whole(route53):
    check = route53.create_health_check(
        CallerReference="c", HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": "x.example.net"}
    )["HealthCheck"]["Id"]
    target = {"HostedZoneId": "Z0", "DNSName": "d-1.execute-api.eu-west-1.amazonaws.com", "EvaluateTargetHealth": False}
    api = {"Name": "api.example.com", "Type": "A", "SetIdentifier": "eu", "Region": "eu-west-1", "HealthCheckId": check}
    create_zone(route53, api | {"AliasTarget": target})

    assert read(route53)["api.example.com."] == Record(
        name="api.example.com.",
        type="A",
        set_identifier="eu",
        region="eu-west-1",
        health_check_id=check,
        alias=AliasTarget(hosted_zone_id="Z0", dns_name=target["DNSName"]),
    )


POLICIES = {
    "weighted": ({"Weight": 0}, {"weight": 0}),
    "primary": ({"Failover": "PRIMARY"}, {"failover": "PRIMARY"}),
    "anywhere": ({"GeoLocation": {"CountryCode": "*"}}, {"place": Place()}),
    "europe": ({"GeoLocation": {"ContinentCode": "EU"}}, {"place": Place(continent="EU")}),
    "state": (
        {"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "OR"}},
        {"place": Place(country="US", subdivision="OR")},
    ),
    "multi": ({"MultiValueAnswer": True}, {"multivalue": True}),
}


def test_every_routing_policy_is_read(route53):
    create_zone(
        route53,
        *(
            {"Name": f"{name}.example.com", "Type": "A", "SetIdentifier": "x"} | SIMPLE | routing
            for name, (routing, _) in POLICIES.items()
        ),
    )
    expected = [
        Record(name=f"{name}.example.com.", type="A", set_identifier="x", ttl_s=30, values=("192.0.2.1",), **fields)
        for name, (_, fields) in POLICIES.items()
    ]

    assert read(route53) == {record.name: record for record in expected}


def test_all_pages_are_read(route53):
    """One page holds 300 records."""
    create_zone(route53, *({"Name": f"n{n}.example.com", "Type": "A"} | SIMPLE for n in range(320)))

    assert len(read(route53)) == 320


def test_private_zones_are_left_out(route53):
    vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    route53.create_hosted_zone(
        Name="inside.example.com", CallerReference="p", HostedZoneConfig={"PrivateZone": True}, VPC=vpc
    )

    assert read_zones(route53) == ZoneSet()


def test_a_policy_that_is_not_modelled_is_named_and_left_out():
    near = {"Name": "near.example.com.", "Type": "A", "SetIdentifier": "x", "GeoProximityLocation": {"Bias": 1}}

    assert records_of([near | SIMPLE]) == (
        (),
        ["A near.example.com.: not answered, GeoProximityLocation is not modelled"],
    )


def test_octal_escapes_are_read_as_route_53_means_them():
    """ "\\052" is how ListResourceRecordSets shows a wildcard's asterisk, 42 in decimal."""
    ((record,), _) = records_of([{"Name": "\\052.example.com.", "Type": "A"} | SIMPLE])

    assert wire_name(record.name) == b"\x01*\x07example\x03com\x00"
