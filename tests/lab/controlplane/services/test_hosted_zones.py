"""Record sets: what makes one, what changes and deletes it, and what a batch refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


def record(name: str = "api.example.com", **changes: Any) -> dict[str, Any]:
    made = {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]} | changes
    return {key: value for key, value in made.items() if value is not None}


def latency(region: str, **changes: Any) -> dict[str, Any]:
    return record(Region=region, SetIdentifier=f"{region}Api", **changes)


def change(client: Client, zone_id: str, *changes: tuple[str, dict[str, Any]]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": given} for action, given in changes]}
    client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)


def listed(client: Client, zone_id: str) -> list[dict[str, Any]]:
    found = client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    return [each for each in found if each["Type"] not in {"NS", "SOA"}]


def test_a_new_zone_has_a_soa_and_name_servers(client: Client, zone_id: str) -> None:
    found = client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    values = {each["Type"]: [value["Value"] for value in each["ResourceRecords"]] for each in found}

    assert len(values["NS"]) == 4
    assert values["SOA"][0].startswith(values["NS"][0])
    assert len(values["SOA"][0].split()) == 7


def test_deleting_one_latency_record_leaves_its_siblings(client: Client, zone_id: str) -> None:
    change(client, zone_id, ("CREATE", latency("eu-west-1")), ("CREATE", latency("us-east-1")))
    change(client, zone_id, ("DELETE", latency("eu-west-1")))

    assert [each["Region"] for each in listed(client, zone_id)] == ["us-east-1"]


def test_the_same_set_identifier_under_another_name_is_another_record(client: Client, zone_id: str) -> None:
    other = latency("eu-west-1") | {"Name": "www.example.com"}
    change(client, zone_id, ("CREATE", latency("eu-west-1")), ("CREATE", other))
    change(client, zone_id, ("DELETE", other))

    assert [each["Name"] for each in listed(client, zone_id)] == ["api.example.com."]


def test_a_deleted_record_can_be_created_again(client: Client, zone_id: str) -> None:
    change(client, zone_id, ("CREATE", latency("eu-west-1")), ("CREATE", latency("us-east-1")))
    change(client, zone_id, ("DELETE", latency("eu-west-1")))
    change(client, zone_id, ("CREATE", latency("eu-west-1")))

    assert len(listed(client, zone_id)) == 2


def test_an_upsert_replaces_the_record_of_that_identifier_only(client: Client, zone_id: str) -> None:
    change(client, zone_id, ("CREATE", latency("eu-west-1")), ("CREATE", latency("us-east-1")))
    change(client, zone_id, ("UPSERT", latency("eu-west-1", TTL=5)))

    assert {each["Region"]: each["TTL"] for each in listed(client, zone_id)} == {"eu-west-1": 5, "us-east-1": 60}


@pytest.mark.parametrize(
    ("action", "given", "message"),
    [
        ("CREATE", latency("eu-west-1"), "but it already exists"),
        ("DELETE", latency("us-east-1"), "but it was not found"),
        ("DELETE", latency("eu-west-1", TTL=61), "the values provided do not match"),
        ("CREATE", latency("eu-west-1") | {"SetIdentifier": "second"}, "region eu-west-1 is already taken"),
        ("CREATE", record(), "another routing policy"),
        ("CREATE", record("api.example.org"), "not permitted in zone"),
        ("CREATE", record("x.example.com", TTL=None), "Expected exactly one of"),
        ("CREATE", record("x.example.com", Region="eu-west-1"), "SetIdentifier"),
        ("CREATE", record("x.example.com", HealthCheckId="none"), "NoSuchHealthCheck"),
    ],
)
def test_a_change_against_the_rules_is_refused(
    client: Client, zone_id: str, action: str, given: dict[str, Any], message: str
) -> None:
    change(client, zone_id, ("CREATE", latency("eu-west-1")))

    with pytest.raises(ClientError, match=message):
        change(client, zone_id, (action, given))


def test_a_batch_is_applied_whole_or_not_at_all(client: Client, zone_id: str) -> None:
    with pytest.raises(ClientError, match="InvalidChangeBatch"):
        change(client, zone_id, ("CREATE", latency("eu-west-1")), ("DELETE", latency("us-east-1")))

    assert listed(client, zone_id) == []


def test_an_alias_into_the_wrong_regions_zone_is_refused(client: Client, zone_id: str) -> None:
    alias = {
        "Name": "api.example.com",
        "Type": "A",
        "AliasTarget": {
            "DNSName": "d-abc.execute-api.eu-west-1.amazonaws.com",
            "HostedZoneId": "Z1UJRXOUMOOFQ8",  # us-east-1's
            "EvaluateTargetHealth": False,
        },
    }
    with pytest.raises(ClientError, match="does not lie within the target zone"):
        change(client, zone_id, ("CREATE", alias))


def test_records_come_by_pages_in_order(client: Client, zone_id: str) -> None:
    names = [f"n{number}.example.com" for number in range(5)]
    change(client, zone_id, *(("CREATE", record(name)) for name in reversed(names)))
    pages = client("route53").get_paginator("list_resource_record_sets")
    found = pages.paginate(HostedZoneId=zone_id, PaginationConfig={"PageSize": 2}).build_full_result()

    assert [each["Name"] for each in found["ResourceRecordSets"]][2:] == [f"{name}." for name in names]


def test_a_wildcard_is_shown_escaped(client: Client, zone_id: str) -> None:
    change(client, zone_id, ("CREATE", record("*.Example.com")))

    assert listed(client, zone_id)[0]["Name"] == "\\052.example.com."
