"""Parameters against their declarations."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab.controlplane.cloudformation.errors import ValidationError
from harness.lab.controlplane.cloudformation.parameters import as_referenced, values_of

INTERVAL = {"Type": "Number", "Default": "30", "AllowedValues": ["10", "30"]}


def given(**values: Any) -> list[dict[str, Any]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_the_default_stands_in() -> None:
    assert values_of({"Interval": INTERVAL}, []) == {"Interval": "30"}


def test_the_previous_value_is_kept_on_request() -> None:
    keep = [{"ParameterKey": "Interval", "UsePreviousValue": True}]

    assert values_of({"Interval": INTERVAL}, keep, {"Interval": "10"}) == {"Interval": "10"}


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ({"Type": "String"}, None, "must have values"),
        (INTERVAL, "20", "AllowedValues, got '20'"),
        ({"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "a host"}, "A", "a host"),
        ({"Type": "Number", "MaxValue": 10}, "11", "MaxValue"),
        ({"Type": "Number"}, "ten", "must be a number"),
        ({"Type": "String", "MinLength": 2}, "a", "MinLength"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/x", "does not know the parameter type"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(declared: dict[str, Any], value: str | None, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        values_of({"P": declared}, given(P=value) if value else [])


def test_an_undeclared_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"\[Typo\] do not exist"):
        values_of({"Interval": INTERVAL}, given(Typo="1"))


def test_a_list_parameter_is_referenced_as_a_list() -> None:
    assert as_referenced("a, b", {"Type": "CommaDelimitedList"}) == ["a", "b"]
