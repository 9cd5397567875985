"""AWS::DynamoDB::GlobalTable through boto3: create, read back, update, delete."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

US, EU, AP, TOKYO = "us-east-1", "eu-west-1", "ap-southeast-2", "ap-northeast-1"
STACK = "tables-under-test"


def template(*regions: str, **replica) -> str:
    table = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": "stacked",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "Replicas": [{"Region": region, **replica} for region in regions],
        },
    }
    outputs = {name: {"Value": {"Fn::GetAtt": ["Table", name]}} for name in ("Arn", "StreamArn", "TableId")}
    outputs["Name"] = {"Value": {"Ref": "Table"}}
    return json.dumps({"Resources": {"Table": table}, "Outputs": outputs})


@pytest.fixture
def stacks(client, tables):
    formation = client(US, "cloudformation")
    yield formation
    formation.delete_stack(StackName=STACK)


@pytest.fixture
def stack(stacks):
    stacks.create_stack(StackName=STACK, TemplateBody=template(EU, AP, US, Tags=[{"Key": "team", "Value": "blue"}]))
    return stacks


def regions_of_table(client) -> set[str]:
    return {region for region in (US, EU, AP, TOKYO) if "stacked" in client(region).list_tables()["TableNames"]}


def test_creating_the_stack_creates_a_replica_in_every_region(client, stack):
    replicas = client(US).describe_table(TableName="stacked")["Table"]["Replicas"]

    assert regions_of_table(client) == {US, EU, AP}
    assert {replica["RegionName"] for replica in replicas} == {EU, AP}


def test_the_stacks_outputs_are_those_of_the_replica_in_its_own_region(client, stack):
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}
    table = client(US).describe_table(TableName="stacked")["Table"]

    assert outputs == {
        "Name": "stacked",
        "Arn": table["TableArn"],
        "StreamArn": table["LatestStreamArn"],
        "TableId": table["TableId"],
    }


def test_the_stack_lists_the_table_as_its_resource(stack):
    resources = stack.describe_stack_resources(StackName=STACK)["StackResources"]

    assert [(r["ResourceType"], r["PhysicalResourceId"]) for r in resources] == [
        ("AWS::DynamoDB::GlobalTable", "stacked")
    ]


def test_writes_replicate_between_the_stacks_replicas(client, stack, arrive):
    client(EU).put_item(TableName="stacked", Item={"pk": {"S": "a"}})
    arrive()

    assert "Item" in client(AP).get_item(TableName="stacked", Key={"pk": {"S": "a"}})


def test_tags_and_time_to_live_are_those_of_the_template(client, stack):
    arn = client(AP).describe_table(TableName="stacked")["Table"]["TableArn"]

    assert client(AP).list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert client(AP).describe_time_to_live(TableName="stacked")["TimeToLiveDescription"]["AttributeName"] == "expires"


def test_updating_the_stack_adds_and_removes_replicas_and_keeps_the_items(client, stack, arrive):
    client(US).put_item(TableName="stacked", Item={"pk": {"S": "a"}})
    arrive()
    stack.update_stack(StackName=STACK, TemplateBody=template(US, EU, TOKYO))

    assert regions_of_table(client) == {US, EU, TOKYO}
    assert "Item" in client(TOKYO).get_item(TableName="stacked", Key={"pk": {"S": "a"}})


def test_deleting_the_stack_deletes_every_replica_and_it_can_be_created_again(client, stack):
    stack.delete_stack(StackName=STACK)
    assert regions_of_table(client) == set()

    stack.create_stack(StackName=STACK, TemplateBody=template(US, EU))
    assert regions_of_table(client) == {US, EU}


def test_a_protected_replica_is_not_deleted(client, stacks):
    stacks.create_stack(StackName=STACK, TemplateBody=template(US, EU, DeletionProtectionEnabled=True))
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        client(EU).delete_table(TableName="stacked")
    for region in (US, EU):
        dynamodb_backends[DEFAULT_ACCOUNT_ID][region].tables["stacked"].deletion_protection_enabled = False


@pytest.mark.parametrize(
    ("regions", "complaint"),
    [((EU, AP), "must include the stack's region us-east-1"), ((US, "eu-atlantis-1"), "eu-atlantis-1")],
)
def test_a_template_with_wrong_replicas_is_refused_and_leaves_nothing(client, stacks, regions, complaint):
    with pytest.raises(ClientError, match=complaint):
        stacks.create_stack(StackName=STACK, TemplateBody=template(*regions))

    assert regions_of_table(client) == set()


def test_a_table_that_exists_in_a_replicas_region_is_not_taken_over(client, stacks):
    client(EU).create_table(
        TableName="stacked",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(ClientError, match="already exists in eu-west-1"):
        stacks.create_stack(StackName=STACK, TemplateBody=template(US, EU))

    assert regions_of_table(client) == {EU}


def test_a_new_name_is_refused(stack):
    renamed = template(US, EU, AP).replace("stacked", "renamed")
    with pytest.raises(ClientError, match="the lab replaces none"):
        stack.update_stack(StackName=STACK, TemplateBody=renamed)
