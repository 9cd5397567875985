"""Failures and their rollback, order, events, retention: through boto3, since that is how they are seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
Template = dict[str, Any]

API = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "app"}}
# 20 s is no interval of Route 53's, so this check can never be made.
IMPOSSIBLE = {
    "Type": "AWS::Route53::HealthCheck",
    "Properties": {"HealthCheckConfig": {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80, "RequestInterval": 20}},
}


def body(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def described(client: Client) -> dict[str, Any]:
    return dict(client("cloudformation").describe_stacks(StackName="app")["Stacks"][0])


def statuses(client: Client, logical_id: str) -> list[str]:
    """Oldest first."""
    events = client("cloudformation").describe_stack_events(StackName="app")["StackEvents"]
    return [event["ResourceStatus"] for event in reversed(events) if event["LogicalResourceId"] == logical_id]


def test_a_failed_creation_is_rolled_back_and_says_why(client: Client) -> None:
    client("cloudformation").create_stack(StackName="app", TemplateBody=body(Api=API, Check=IMPOSSIBLE))
    events = client("cloudformation").describe_stack_events(StackName="app")["StackEvents"]
    reason = next(e["ResourceStatusReason"] for e in events if e["ResourceStatus"] == "CREATE_FAILED")

    assert described(client)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "RequestInterval 20 must be 10 or 30" in reason
    assert client("apigateway").get_rest_apis()["items"] == []


def test_a_rolled_back_stack_can_only_be_deleted(client: Client) -> None:
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="app", TemplateBody=body(Check=IMPOSSIBLE))

    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        cloudformation.update_stack(StackName="app", TemplateBody=body(Api=API))


def test_on_request_a_failed_creation_is_kept(client: Client) -> None:
    client("cloudformation").create_stack(
        StackName="app", TemplateBody=body(Api=API, Check={**IMPOSSIBLE, "DependsOn": "Api"}), OnFailure="DO_NOTHING"
    )

    assert described(client)["StackStatus"] == "CREATE_FAILED"
    assert client("apigateway").get_rest_apis()["items"]


def test_a_failed_update_puts_everything_back(client: Client) -> None:
    """The API is renamed, a second one is made with a path in it, then the check fails: all is undone, last first."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="app", TemplateBody=body(Api=API))
    renamed = {**API, "Properties": {"Name": "renamed"}}
    inside = {"RestApiId": {"Ref": "Other"}, "ParentId": {"Fn::GetAtt": "Other.RootResourceId"}, "PathPart": "x"}
    path = {"Type": "AWS::ApiGateway::Resource", "Properties": inside}
    failing = body(Api=renamed, Other=API, Path=path, Check={**IMPOSSIBLE, "DependsOn": ["Api", "Path"]})
    cloudformation.update_stack(StackName="app", TemplateBody=failing)

    assert described(client)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [api["name"] for api in client("apigateway").get_rest_apis()["items"]] == ["app"]
    assert statuses(client, "Path")[-1] == "DELETE_COMPLETE"
    assert cloudformation.get_template(StackName="app")["TemplateBody"] == json.loads(body(Api=API))


def test_after_a_rolled_back_update_the_next_one_works(client: Client) -> None:
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="app", TemplateBody=body(Api=API))
    cloudformation.update_stack(StackName="app", TemplateBody=body(Api=API, Check=IMPOSSIBLE))
    cloudformation.update_stack(StackName="app", TemplateBody=body(Api={**API, "Properties": {"Name": "new"}}))

    assert described(client)["StackStatus"] == "UPDATE_COMPLETE"
    assert [api["name"] for api in client("apigateway").get_rest_apis()["items"]] == ["new"]


def test_an_update_without_changes_is_refused(client: Client) -> None:
    client("cloudformation").create_stack(StackName="app", TemplateBody=body(Api=API))

    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        client("cloudformation").update_stack(StackName="app", TemplateBody=body(Api=API))


def test_dependencies_are_made_first_and_deleted_last(client: Client) -> None:
    cloudformation = client("cloudformation")
    stack_id = cloudformation.create_stack(
        StackName="app", TemplateBody=body(Last={**API, "DependsOn": "First"}, First=API)
    )["StackId"]
    cloudformation.delete_stack(StackName="app")
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    done = [e["LogicalResourceId"] for e in reversed(events) if e["ResourceStatus"].endswith("_COMPLETE")]

    assert done == ["First", "Last", "app", "Last", "First", "app"]


def test_events_tell_each_step_of_a_resource(client: Client) -> None:
    client("cloudformation").create_stack(StackName="app", TemplateBody=body(Api=API))

    assert statuses(client, "Api") == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert statuses(client, "app") == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_a_retained_resource_survives_its_stack(client: Client) -> None:
    client("cloudformation").create_stack(
        StackName="app", TemplateBody=body(Api={**API, "DeletionPolicy": "Retain"}, Other=API)
    )
    client("cloudformation").delete_stack(StackName="app")

    assert len(client("apigateway").get_rest_apis()["items"]) == 1


def test_a_resource_whose_condition_is_false_is_not_made(client: Client) -> None:
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Api": API, "Other": {**API, "Condition": "Never"}},
        "Outputs": {"Other": {"Condition": "Never", "Value": {"Ref": "Other"}}},
    }
    client("cloudformation").create_stack(StackName="app", TemplateBody=json.dumps(template))

    assert len(client("apigateway").get_rest_apis()["items"]) == 1
    assert not described(client).get("Outputs")


def test_an_exported_output_is_imported_and_guards_its_stack(client: Client) -> None:
    cloudformation = client("cloudformation")
    shared = {"Resources": {"Api": API}, "Outputs": {"Id": {"Value": {"Ref": "Api"}, "Export": {"Name": "api"}}}}
    user = {"Resources": {"Api": {**API, "Properties": {"Name": {"Fn::ImportValue": "api"}}}}}
    cloudformation.create_stack(StackName="shared", TemplateBody=json.dumps(shared))
    cloudformation.create_stack(StackName="app", TemplateBody=json.dumps(user))
    apis = {api["name"]: api["id"] for api in client("apigateway").get_rest_apis()["items"]}

    assert apis["app"] in apis
    with pytest.raises(ClientError, match="in use by another stack"):
        cloudformation.delete_stack(StackName="shared")


def test_a_protected_stack_is_not_deleted(client: Client) -> None:
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="app", TemplateBody=body(Api=API), EnableTerminationProtection=True)

    with pytest.raises(ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="app")


def test_a_stack_name_is_taken_once(client: Client) -> None:
    client("cloudformation").create_stack(StackName="app", TemplateBody=body(Api=API))

    with pytest.raises(ClientError, match="AlreadyExistsException"):
        client("cloudformation").create_stack(StackName="app", TemplateBody=body(Api=API))
