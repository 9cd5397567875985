"""Intrinsic functions, on a scope made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab.controlplane.cloudformation.errors import ValidationError
from harness.lab.controlplane.cloudformation.intrinsics import NO_VALUE, evaluate_condition, references, resolve


class Names:
    def __init__(self) -> None:
        self.conditions = {"Big": True, "Small": False}
        self.mappings = {"Sizes": {"eu-west-1": {"n": 3}}}
        self.region = "eu-west-1"

    def ref(self, name: str) -> Any:
        return {"Name": "app", "AWS::NoValue": NO_VALUE, "Hosts": ["a", "b"]}[name]

    def attribute(self, logical_id: str, attribute: str) -> Any:
        return f"{logical_id}.{attribute}"

    def imported(self, export: str) -> Any:
        return f"<{export}>"


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Name"}, "app"),
        ({"Fn::GetAtt": ["Api", "Arn"]}, "Api.Arn"),
        ({"Fn::GetAtt": "Api.Arn"}, "Api.Arn"),
        ({"Fn::Join": ["-", ["x", {"Ref": "Name"}, 3]]}, "x-app-3"),
        ({"Fn::Sub": "${Name}/${Api.Arn}/${!kept}"}, "app/Api.Arn/${kept}"),
        ({"Fn::Sub": ["${Own}-${Name}", {"Own": {"Ref": "Name"}}]}, "app-app"),
        ({"Fn::Select": [1, {"Ref": "Hosts"}]}, "b"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "n"]}, 3),
        ({"Fn::If": ["Small", 1, {"Ref": "Name"}]}, "app"),
        ({"Fn::ImportValue": "shared"}, "<shared>"),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a": "app"}'),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    ],
)
def test_a_function_is_replaced_by_its_value(node: Any, value: Any) -> None:
    assert resolve({"Property": node}, Names()) == {"Property": value}


def test_a_property_set_to_no_value_is_gone() -> None:
    node = {"Keep": 1, "Drop": {"Ref": "AWS::NoValue"}, "List": [1, {"Fn::If": ["Small", 2, {"Ref": "AWS::NoValue"}]}]}

    assert resolve(node, Names()) == {"Keep": 1, "List": [1]}


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(ValidationError, match="Fn::Cidr"):
        resolve({"Fn::Cidr": ["10.0.0.0/16", 2]}, Names())


def test_conditions_combine() -> None:
    definitions = {"IsApp": {"Fn::Equals": [{"Ref": "Name"}, "app"]}}
    both = {"Fn::And": [{"Condition": "IsApp"}, {"Fn::Not": [{"Fn::Equals": ["1", 1]}]}]}
    either = {"Fn::Or": [{"Condition": "IsApp"}, {"Fn::Equals": ["a", "b"]}]}

    assert not evaluate_condition(both, definitions, Names())
    assert evaluate_condition(either, definitions, Names())


def test_references_are_found_in_every_function() -> None:
    node = [
        {"Ref": "A"},
        {"Fn::Sub": ["${B.Arn}${own}", {"own": {"Ref": "C"}}]},
        {"Fn::Join": ["", [{"Fn::GetAtt": "D.Id"}]]},
    ]

    assert set(references(node)) == {("A", None), ("B", "Arn"), ("C", None), ("D", "Id")}
