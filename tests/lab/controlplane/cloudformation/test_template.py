"""Parsing and checking of templates, without a stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import UnsupportedResource
from harness.lab.controlplane.cloudformation.errors import InsufficientCapabilities, ValidationError
from harness.lab.controlplane.cloudformation.template import check_capabilities, parse


def body(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


API = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "app"}}


def test_an_unknown_type_is_refused_with_its_logical_id() -> None:
    with pytest.raises(UnsupportedResource, match=r"AWS::SQS::Queue\] \(resource Jobs\)"):
        parse(body(Jobs={"Type": "AWS::SQS::Queue"}))


def test_a_property_that_the_lab_does_not_model_is_refused() -> None:
    """moto would drop it in silence."""
    with pytest.raises(UnsupportedResource, match=r"Api \(AWS::ApiGateway::RestApi\).*Body"):
        parse(body(Api={"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "app", "Body": {}}}))


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (
            {"Properties": {"Name": {"Ref": "Nowhere"}}},
            r"Unresolved resource dependencies \[Nowhere\] in the Resources",
        ),
        ({"DependsOn": "Nowhere"}, "Nowhere"),
        ({"Properties": {"Name": {"Fn::GetAtt": ["Nowhere", "Id"]}}}, "undefined resource Nowhere"),
        ({"Properties": {"Name": {"Fn::Sub": "${Other.Colour}"}}}, "does not support attribute type Colour"),
        ({"Condition": "Never"}, "Never"),
        ({"Properties": {"Name": {"Ref": "Api"}}}, "Circular dependency"),
    ],
)
def test_a_broken_reference_is_named(resource: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse(body(Api={**API, **resource}, Other=API))


@pytest.mark.parametrize("text", ["{", "- a list", "Resources: {}", "a: [1", ""])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="Template format error"):
        parse(text)


def test_yaml_with_short_tags_is_the_same_template() -> None:
    text = """
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: !Sub "${AWS::StackName}"}}
  Path:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: !Join ["", [a, b]]}
"""
    path = parse(text).resources["Path"]["Properties"]

    assert path == {
        "RestApiId": {"Ref": "Api"},
        "ParentId": {"Fn::GetAtt": "Api.RootResourceId"},
        "PathPart": {"Fn::Join": ["", ["a", "b"]]},
    }


def test_resources_come_after_those_they_depend_on() -> None:
    template = parse(
        body(
            First={**API, "DependsOn": ["Second"]},
            Second={**API, "Properties": {"Name": {"Ref": "Third"}}},
            Third=API,
        )
    )

    assert template.order == ("Third", "Second", "First")


def test_iam_needs_its_capability() -> None:
    template = parse(body(Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}))

    with pytest.raises(InsufficientCapabilities, match="CAPABILITY_IAM"):
        check_capabilities(template, [])
    check_capabilities(template, ["CAPABILITY_NAMED_IAM"])
