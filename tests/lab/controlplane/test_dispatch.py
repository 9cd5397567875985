"""What every request meets: routing, AWS-shaped errors, and who is told of changes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.lab.controlplane import ControlPlane
from harness.lab.ports import Change

Client = Callable[..., Any]


def signed(plane: ControlPlane, service: str, **headers: str) -> urllib.request.Request:
    scope = (
        f"AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
    return urllib.request.Request(plane.url, b"{", {"Authorization": scope, **headers})


def failure(request: urllib.request.Request) -> tuple[int, str, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_lab_has_one_account(client: Client) -> None:
    assert client("sts").get_caller_identity()["Account"] == "123456789012"


def test_lab_paths_are_the_labs_own(plane: ControlPlane) -> None:
    with urllib.request.urlopen(f"{plane.url}/lab/hello") as reply:
        assert reply.read() == b"hello from the lab"
    status, _, body = failure(urllib.request.Request(f"{plane.url}/lab/nothing"))
    assert (status, "/lab/hello" in body) == (404, True)


def test_an_operation_that_the_lab_lacks_is_an_aws_error(client: Client) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        client("route53").list_traffic_policies()
    with pytest.raises(ClientError, match="NotImplemented"):
        client("cloudformation").list_stack_sets()


def test_a_path_that_no_operation_has_is_an_aws_error(plane: ControlPlane) -> None:
    status, kind, body = failure(signed(plane, "apigateway"))

    assert (status, kind) == (404, "application/json")
    assert json.loads(body)["__type"] == "UnknownOperationException"


def test_a_body_that_is_not_json_is_a_serialization_error(plane: ControlPlane) -> None:
    target = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}
    status, _, body = failure(signed(plane, "dynamodb", **target))

    assert status == 400
    assert json.loads(body)["__type"] == "SerializationException"


def test_services_besides_the_labs_own_are_motos(client: Client) -> None:
    client("sqs").create_queue(QueueName="jobs")

    assert len(client("sqs").list_queues()["QueueUrls"]) == 1


def test_a_successful_change_is_told_with_service_region_and_action(client: Client, changes: list[Change]) -> None:
    client("apigateway", "us-east-1").create_rest_api(name="app")

    assert changes == [Change(service="apigateway", region="us-east-1", action="CreateRestApi")]


def test_reads_failures_and_data_are_not_told(client: Client, changes: list[Change]) -> None:
    client("apigateway").get_rest_apis()
    client("route53").list_hosted_zones()
    client("cloudwatch").put_metric_data(Namespace="Lab", MetricData=[{"MetricName": "x", "Value": 1}])
    with pytest.raises(ClientError):
        client("apigateway").delete_rest_api(restApiId="unknown")

    assert changes == []


def test_a_change_can_be_read_when_it_is_told(plane: ControlPlane, client: Client) -> None:
    seen: list[int] = []
    plane.on_change(lambda _change: seen.append(len(client("apigateway").get_rest_apis()["items"])))
    client("apigateway").create_rest_api(name="app")
    plane._listeners.pop()

    assert seen == [1]


def test_a_reset_forgets_everything(
    plane: ControlPlane, client: Client, deploy: Callable[..., Any], template: dict[str, Any]
) -> None:
    deploy(template)
    plane.reset()

    assert client("cloudformation").describe_stacks()["Stacks"] == []
    assert client("apigateway").get_rest_apis()["items"] == []
    assert client("route53").list_hosted_zones()["HostedZones"] == []
