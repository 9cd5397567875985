"""The committed templates, three regions, by change sets: what `harness deploy` and `cdk deploy` do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import infra
from harness.clock import ScaledClock
from harness.lab.controlplane import ControlPlane
from harness.lab.tables import install

Client = Callable[..., Any]
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
TEMPLATES = Path(infra.__file__).parent / "templates"


@pytest.fixture
def tables(plane: ControlPlane) -> Iterator[None]:
    installed = install(clock=ScaledClock(20), seed=1)
    yield
    installed.uninstall()


def change_set(client: Client, region: str, zone_id: str, kind: str, **parameters: str) -> dict[str, Any]:
    name = f"set-{uuid.uuid4()}"
    cloudformation = client("cloudformation", region)
    values = {"HostedZoneId": zone_id, "DomainName": "api.example.com", **parameters}
    cloudformation.create_change_set(
        StackName="app",
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=(TEMPLATES / f"GlobalApplication-{region}.template.json").read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    )
    described = dict(cloudformation.describe_change_set(StackName="app", ChangeSetName=name))
    if described["ExecutionStatus"] == "AVAILABLE":
        cloudformation.execute_change_set(StackName="app", ChangeSetName=name)
    return described


def latency_records(client: Client, zone_id: str) -> dict[str, str]:
    """Region -> health check."""
    found = client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    return {record["Region"]: record["HealthCheckId"] for record in found if "Region" in record}


@pytest.mark.usefixtures("tables")
def test_it_is_deployed_updated_and_deleted_in_three_regions(client: Client, zone_id: str) -> None:
    for region in REGIONS:
        change_set(client, region, zone_id, "CREATE")
        stack = client("cloudformation", region).describe_stacks(StackName="app")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert client("dynamodb", region).describe_table(TableName="GlobalApplication")["Table"]
    first = latency_records(client, zone_id)
    assert first.keys() == set(REGIONS)

    again = change_set(client, "eu-west-1", zone_id, "UPDATE")
    assert "didn't contain changes" in again["StatusReason"]

    change_set(client, "eu-west-1", zone_id, "UPDATE", HealthCheckInterval="10")
    second = latency_records(client, zone_id)
    assert {region for region in REGIONS if first[region] != second[region]} == {"eu-west-1"}

    for region in reversed(REGIONS):
        client("cloudformation", region).delete_stack(StackName="app")
    assert latency_records(client, zone_id) == {}
    assert client("dynamodb", "eu-west-1").list_tables()["TableNames"] == []
