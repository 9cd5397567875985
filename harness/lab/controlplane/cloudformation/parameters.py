"""A stack's parameters: what the caller passed, checked against what the template declares."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.lab.controlplane.cloudformation.errors import ValidationError
from harness.lab.controlplane.cloudformation.intrinsics import Node

ParameterInput = Mapping[str, Node]
"""ParameterKey, and ParameterValue or UsePreviousValue, as the API takes them."""


def values_of(
    declared: Mapping[str, Node], given: list[ParameterInput], previous: Mapping[str, str] | None = None
) -> dict[str, str]:
    """One value for each declared parameter.

    Raises:
        ValidationError: a value is missing, breaks a constraint, or belongs to no declared parameter.
    """
    passed = {entry["ParameterKey"]: _passed(entry, previous or {}) for entry in given}
    unknown = sorted(passed.keys() - declared.keys())
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: passed.get(name, spec.get("Default")) for name, spec in declared.items()}
    missing = sorted(name for name, value in values.items() if value is None)
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    texts = {name: str(value) for name, value in values.items()}
    for name, text in texts.items():
        _check(name, text, declared[name])
    return texts


def as_referenced(text: str, spec: Mapping[str, Node]) -> Node:
    """What a Ref to the parameter gives: a list for list types, else the text."""
    return [item.strip() for item in text.split(",")] if _is_list(spec) else text


def _passed(entry: ParameterInput, previous: Mapping[str, str]) -> Node:
    if entry.get("UsePreviousValue"):
        name = entry["ParameterKey"]
        if name not in previous:
            raise ValidationError(f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true")
        return previous[name]
    return entry.get("ParameterValue")


def _is_list(spec: Mapping[str, Node]) -> bool:
    return str(spec["Type"]).startswith(("List<", "CommaDelimitedList"))


def _check(name: str, text: str, spec: Mapping[str, Node]) -> None:
    kind = str(spec.get("Type", "String"))
    if kind.startswith("AWS::SSM::"):
        raise ValidationError(f"Parameter {name}: the lab does not know the parameter type {kind}")
    for item in as_referenced(text, {"Type": kind}) if _is_list({"Type": kind}) else [text]:
        _check_item(name, item, kind, spec)


def _check_item(name: str, text: str, kind: str, spec: Mapping[str, Node]) -> None:
    hint = f" {spec['ConstraintDescription']}" if "ConstraintDescription" in spec else ""
    allowed = spec.get("AllowedValues")
    if allowed is not None and text not in [str(value) for value in allowed]:
        raise ValidationError(f"Parameter '{name}' must be one of AllowedValues, got '{text}'.{hint}")
    pattern = spec.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise ValidationError(f"Parameter '{name}' must match pattern {pattern}, got '{text}'.{hint}")
    if not int(spec.get("MinLength", 0)) <= len(text) <= int(spec.get("MaxLength", 4096)):
        raise ValidationError(f"Parameter '{name}' has a length outside MinLength and MaxLength: '{text}'.{hint}")
    if "Number" in kind:
        _check_number(name, text, spec, hint)


def _check_number(name: str, text: str, spec: Mapping[str, Node], hint: str) -> None:
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(f"Parameter '{name}' must be a number, got '{text}'.{hint}") from None
    if not float(spec.get("MinValue", "-inf")) <= number <= float(spec.get("MaxValue", "inf")):
        raise ValidationError(f"Parameter '{name}' is outside MinValue and MaxValue: '{text}'.{hint}")
