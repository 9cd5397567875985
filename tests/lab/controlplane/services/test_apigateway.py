"""API Gateway where moto differs from AWS: patches, deployments as snapshots, domain names, tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.lab.controlplane import DeployedApi, deployed_snapshot

Client = Callable[..., Any]


class MockApi:
    """An API with a MOCK GET on /data, deployed to the stage "prod"."""

    def __init__(self, apigateway: Any) -> None:
        self.aws = apigateway
        api = apigateway.create_rest_api(name="app", endpointConfiguration={"types": ["REGIONAL"]})
        self.id = api["id"]
        made = apigateway.create_resource(restApiId=self.id, parentId=api["rootResourceId"], pathPart="data")
        self.method = {"restApiId": self.id, "resourceId": made["id"], "httpMethod": "GET"}
        apigateway.put_method(**self.method, authorizationType="NONE")
        template = {"application/json": '{"statusCode": 200}'}
        apigateway.put_integration(**self.method, type="MOCK", requestTemplates=template)
        self.deployment_id = apigateway.create_deployment(restApiId=self.id, stageName="prod")["id"]

    def patch_stage(self, op: str, path: str, value: str | None = None) -> dict[str, Any]:
        operation = {"op": op, "path": path} | ({} if value is None else {"value": value})
        return dict(self.aws.update_stage(restApiId=self.id, stageName="prod", patchOperations=[operation]))

    def snapshot(self, deployment_id: str | None = None) -> DeployedApi:
        return deployed_snapshot("eu-west-1", self.id, deployment_id or self.deployment_id)


@pytest.fixture
def api(client: Client) -> MockApi:
    return MockApi(client("apigateway"))


def test_a_stage_variable_is_added_replaced_and_removed(api: MockApi) -> None:
    api.patch_stage("replace", "/variables/HEALTH", "200")
    flipped = api.patch_stage("replace", "/variables/HEALTH", "503")
    removed = api.patch_stage("remove", "/variables/HEALTH")

    assert flipped["variables"] == {"HEALTH": "503"}
    assert removed.get("variables", {}) == {}


@pytest.mark.parametrize(
    ("path", "key"), [("/*/*", "*/*"), ("/~1data/GET", "data/GET"), ("/~1data~1{pk}/GET", "data/{pk}/GET")]
)
def test_throttling_is_set_for_all_or_for_one_method(api: MockApi, path: str, key: str) -> None:
    api.patch_stage("replace", f"{path}/throttling/rateLimit", "0")
    stage = api.patch_stage("replace", f"{path}/throttling/burstLimit", "7")

    assert stage["methodSettings"].keys() == {key}
    assert stage["methodSettings"][key]["throttlingRateLimit"] == 0
    assert stage["methodSettings"][key]["throttlingBurstLimit"] == 7


def test_throttling_is_removed_with_its_settings(api: MockApi) -> None:
    api.patch_stage("replace", "/*/*/throttling/rateLimit", "1")

    assert api.patch_stage("remove", "/*/*").get("methodSettings", {}) == {}


@pytest.mark.parametrize(
    ("op", "path", "value"),
    [
        ("replace", "/nothing", "1"),
        ("replace", "/*/*/throttling/speed", "1"),
        ("replace", "/*/*/throttling/rateLimit", "fast"),
        ("add", "/variables/HEALTH", "200"),
        ("replace", "/deploymentId", "unknown"),
    ],
)
def test_a_patch_that_aws_refuses_changes_nothing(api: MockApi, op: str, path: str, value: str) -> None:
    before = api.aws.get_stage(restApiId=api.id, stageName="prod")
    with pytest.raises(ClientError, match="BadRequestException"):
        api.patch_stage(op, path, value)
    after = api.aws.get_stage(restApiId=api.id, stageName="prod")

    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}


def test_an_edit_is_not_served_before_it_is_deployed(api: MockApi) -> None:
    operation = {"op": "replace", "path": "/requestTemplates/application~1json", "value": '{"statusCode": 503}'}
    api.aws.update_integration(**api.method, patchOperations=[operation])
    second = api.aws.create_deployment(restApiId=api.id)["id"]

    def status(deployment_id: str) -> Any:
        (resource,) = [r for r in api.snapshot(deployment_id).resources if r["path"] == "/data"]
        method: Any = resource["resourceMethods"]
        return json.loads(method["GET"]["methodIntegration"]["requestTemplates"]["application/json"])["statusCode"]

    assert (status(api.deployment_id), status(second)) == (200, 503)


def test_a_disabled_endpoint_counts_from_the_next_deployment(api: MockApi) -> None:
    """And "false" is false: moto takes any text for true."""
    path = "/disableExecuteApiEndpoint"
    for value in ("false", "true"):
        operation = {"op": "replace", "path": path, "value": value}
        shown = api.aws.update_rest_api(restApiId=api.id, patchOperations=[operation])
        assert shown["disableExecuteApiEndpoint"] is (value == "true")
    second = api.aws.create_deployment(restApiId=api.id)["id"]

    assert api.snapshot().rest_api["disableExecuteApiEndpoint"] is False
    assert api.snapshot(second).rest_api["disableExecuteApiEndpoint"] is True


def test_a_stage_moves_to_another_deployment_and_back(api: MockApi) -> None:
    second = api.aws.create_deployment(restApiId=api.id)["id"]

    assert api.patch_stage("replace", "/deploymentId", second)["deploymentId"] == second
    assert api.patch_stage("replace", "/deploymentId", api.deployment_id)["deploymentId"] == api.deployment_id


def test_a_deployment_in_use_is_not_deleted(api: MockApi) -> None:
    with pytest.raises(ClientError, match="Active stages"):
        api.aws.delete_deployment(restApiId=api.id, deploymentId=api.deployment_id)


def test_an_api_without_methods_is_not_deployed(client: Client) -> None:
    api_id = client("apigateway").create_rest_api(name="empty")["id"]

    with pytest.raises(ClientError, match="doesn't contain any methods"):
        client("apigateway").create_deployment(restApiId=api_id)


def test_a_domain_without_mappings_has_none(client: Client) -> None:
    """moto fails with an internal error."""
    arn = client("acm").request_certificate(DomainName="*.example.com", ValidationMethod="DNS")["CertificateArn"]
    client("apigateway").create_domain_name(domainName="api.example.com", regionalCertificateArn=arn)

    assert client("apigateway").get_base_path_mappings(domainName="api.example.com")["items"] == []


def test_a_domain_name_needs_a_certificate_of_its_region_and_name(client: Client) -> None:
    elsewhere = client("acm", "us-east-1").request_certificate(DomainName="api.example.com")["CertificateArn"]
    other = client("acm").request_certificate(DomainName="api.example.org")["CertificateArn"]

    for arn in (elsewhere, other):
        with pytest.raises(ClientError, match="Invalid certificate ARN"):
            client("apigateway").create_domain_name(domainName="api.example.com", regionalCertificateArn=arn)


def test_the_root_mapping_can_be_removed_and_made_again(client: Client, api: MockApi) -> None:
    """Fault E5: without it the custom domain answers 403."""
    arn = client("acm").request_certificate(DomainName="api.example.com")["CertificateArn"]
    api.aws.create_domain_name(domainName="api.example.com", regionalCertificateArn=arn)
    mapping = {"domainName": "api.example.com", "restApiId": api.id, "stage": "prod"}
    api.aws.create_base_path_mapping(**mapping)
    with pytest.raises(ClientError, match="ConflictException"):
        api.aws.create_base_path_mapping(**mapping)
    api.aws.delete_base_path_mapping(domainName="api.example.com", basePath="(none)")
    removed = api.aws.get_base_path_mappings(domainName="api.example.com")["items"]
    api.aws.create_base_path_mapping(**mapping)

    assert removed == []
    assert api.aws.get_base_path_mapping(domainName="api.example.com", basePath="(none)")["stage"] == "prod"


@pytest.mark.parametrize("target", ["/restapis/{id}", "/restapis/{id}/stages/prod"])
def test_tags_are_added_and_removed(api: MockApi, target: str) -> None:
    arn = f"arn:aws:apigateway:eu-west-1::{target.format(id=api.id)}"
    api.aws.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    api.aws.untag_resource(resourceArn=arn, tagKeys=["a"])

    assert api.aws.get_tags(resourceArn=arn)["tags"] == {"b": "2"}


def test_deleting_a_resource_deletes_what_is_below_it(api: MockApi) -> None:
    parent = api.method["resourceId"]
    api.aws.create_resource(restApiId=api.id, parentId=parent, pathPart="{pk}")
    api.aws.delete_resource(restApiId=api.id, resourceId=parent)

    assert [r["path"] for r in api.aws.get_resources(restApiId=api.id)["items"]] == ["/"]
