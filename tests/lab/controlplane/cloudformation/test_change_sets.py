"""Change sets, as `harness deploy` and the CDK CLI use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
Submit = Callable[..., dict[str, Any]]
Template = dict[str, Any]


def described(client: Client, name: str = "next") -> dict[str, Any]:
    return dict(client("cloudformation").describe_change_set(StackName="app", ChangeSetName=name))


def create(client: Client, arguments: dict[str, Any], kind: str, name: str = "next") -> None:
    client("cloudformation").create_change_set(StackName="app", ChangeSetName=name, ChangeSetType=kind, **arguments)


def test_a_change_set_that_creates_makes_nothing_until_executed(
    client: Client, submit: Submit, template: Template, outputs: Callable[..., dict[str, str]]
) -> None:
    cloudformation = client("cloudformation")
    create(client, submit(template), "CREATE")
    review = cloudformation.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"]
    actions = {change["ResourceChange"]["Action"] for change in described(client)["Changes"]}
    apis = client("apigateway").get_rest_apis()["items"]
    cloudformation.execute_change_set(StackName="app", ChangeSetName="next")
    stack = cloudformation.describe_stacks(StackName="app")["Stacks"][0]

    assert (review, actions, apis) == ("REVIEW_IN_PROGRESS", {"Add"}, [])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack).keys() == template["Outputs"].keys()


def test_an_update_is_foretold_resource_by_resource(
    client: Client, submit: Submit, deploy: Callable[..., Any], template: Template
) -> None:
    deploy(template)
    del template["Resources"]["CDKMetadata"]
    create(client, submit(template, Interval="10", Health="503"), "UPDATE")
    changes = {
        change["LogicalResourceId"]: (change["Action"], change.get("Replacement"))
        for change in (entry["ResourceChange"] for entry in described(client)["Changes"])
    }

    assert changes == {
        "Check": ("Modify", "True"),
        "Record": ("Modify", "False"),
        "Stage": ("Modify", "False"),
        "CDKMetadata": ("Remove", None),
    }


def test_an_executed_update_is_what_was_foretold(
    client: Client, submit: Submit, deploy: Callable[..., Any], template: Template
) -> None:
    api_id = deploy(template)["Outputs"][0]["OutputValue"]
    create(client, submit(template, Health="503"), "UPDATE")
    client("cloudformation").execute_change_set(StackName="app", ChangeSetName="next")

    assert client("apigateway").get_stage(restApiId=api_id, stageName="prod")["variables"] == {"HEALTH": "503"}
    assert described(client)["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_a_change_set_without_changes_fails(
    client: Client, submit: Submit, deploy: Callable[..., Any], template: Template
) -> None:
    deploy(template)
    create(client, submit(template), "UPDATE")
    empty = described(client)

    assert (empty["Status"], empty["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in empty["StatusReason"]
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        client("cloudformation").execute_change_set(StackName="app", ChangeSetName="next")


def test_a_change_set_with_an_unknown_type_is_refused(client: Client, submit: Submit, template: Template) -> None:
    template["Resources"]["Jobs"] = {"Type": "AWS::SQS::Queue"}

    with pytest.raises(ClientError, match=r"ValidationError.*AWS::SQS::Queue.*Jobs"):
        create(client, submit(template), "CREATE")
    assert client("cloudformation").describe_stacks()["Stacks"] == []


def test_an_update_needs_a_stack(client: Client, submit: Submit, template: Template) -> None:
    with pytest.raises(ClientError, match=r"Stack \[app\] does not exist"):
        create(client, submit(template), "UPDATE")


def test_a_deleted_change_set_is_gone(client: Client, submit: Submit, template: Template) -> None:
    create(client, submit(template), "CREATE")
    client("cloudformation").delete_change_set(StackName="app", ChangeSetName="next")

    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        described(client)


def test_a_change_set_that_fails_to_execute_says_so(client: Client, submit: Submit, template: Template) -> None:
    """Port 99999 is found wrong only when the check is made."""
    template["Resources"]["Check"]["Properties"]["HealthCheckConfig"]["Port"] = 99999
    create(client, submit(template), "CREATE")
    client("cloudformation").execute_change_set(StackName="app", ChangeSetName="next")

    assert described(client)["ExecutionStatus"] == "EXECUTE_FAILED"
    stack = client("cloudformation").describe_stacks(StackName="app")["Stacks"][0]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
