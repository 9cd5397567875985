"""CloudFormation's intrinsic functions and conditions, evaluated against a `Scope`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from harness.lab.controlplane.cloudformation.errors import ValidationError

Node = Any
"""A piece of a template: JSON as the user wrote it."""

SUBSTITUTION = re.compile(r"\$\{([^!}][^}]*)\}")
_LITERAL = re.compile(r"\$\{!([^}]*)\}")
NO_VALUE = object()


class Scope(Protocol):
    """What names mean while a template is evaluated."""

    conditions: Mapping[str, bool]
    mappings: Mapping[str, Node]
    region: str

    def ref(self, name: str) -> Node: ...

    def attribute(self, logical_id: str, attribute: str) -> Node: ...

    def imported(self, export: str) -> Node: ...


def resolve(node: Node, scope: Scope) -> Node:
    """`node` with every intrinsic function replaced by its value; keys whose value is AWS::NoValue are gone."""
    if isinstance(node, list):
        return [value for item in node if (value := resolve(item, scope)) is not NO_VALUE]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (name, argument), *_ = node.items()
        if name == "Ref":
            return scope.ref(argument)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](argument, scope)
        if name.startswith("Fn::"):
            raise ValidationError(f"Template error: the lab does not know the function {name}")
    return {key: value for key, item in node.items() if (value := resolve(item, scope)) is not NO_VALUE}


def evaluate_condition(node: Node, definitions: Mapping[str, Node], scope: Scope) -> bool:
    """The truth of a condition; `definitions` are the template's Conditions."""
    (name, argument), *_ = node.items()
    if name == "Condition":
        if argument not in definitions:
            raise ValidationError(f"Template format error: Unresolved condition dependency {argument}")
        return evaluate_condition(definitions[argument], definitions, scope)
    if name == "Fn::Equals":
        left, right = resolve(argument, scope)
        return str(left) == str(right)
    if name == "Fn::Not":
        return not evaluate_condition(argument[0], definitions, scope)
    if name in {"Fn::And", "Fn::Or"}:
        parts = (evaluate_condition(part, definitions, scope) for part in argument)
        return all(parts) if name == "Fn::And" else any(parts)
    raise ValidationError(f"Template error: the lab does not know the condition function {name}")


def references(node: Node) -> Iterator[tuple[str, str | None]]:
    """Every (name, attribute) that `node` refers to; the attribute is None for a Ref."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value, None
            elif key == "Fn::GetAtt":
                yield _target(value)
            elif key == "Fn::Sub":
                yield from _sub_references(value)
            else:
                yield from references(value)


def _target(argument: Node) -> tuple[str, str]:
    logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return logical_id, attribute


def _sub_references(argument: Node) -> Iterator[tuple[str, str | None]]:
    template, bound = argument if isinstance(argument, list) else (argument, {})
    yield from references(list(bound.values()))
    for name in SUBSTITUTION.findall(template):
        if name not in bound:
            logical_id, _, attribute = name.partition(".")
            yield logical_id, attribute or None


def _get_att(argument: Node, scope: Scope) -> Node:
    logical_id, attribute = _target(argument)
    return scope.attribute(logical_id, resolve(attribute, scope))


def _join(argument: Node, scope: Scope) -> str:
    separator, parts = argument
    return str(separator).join(str(part) for part in resolve(parts, scope))


def _sub(argument: Node, scope: Scope) -> str:
    template, bound = argument if isinstance(argument, list) else (argument, {})
    values = resolve(bound, scope)

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in values:
            return str(values[name])
        logical_id, _, attribute = name.partition(".")
        return str(scope.attribute(logical_id, attribute) if attribute else scope.ref(name))

    return _LITERAL.sub(r"${\1}", SUBSTITUTION.sub(value_of, template))


def _select(argument: Node, scope: Scope) -> Node:
    index, items = resolve(argument, scope)
    if not 0 <= int(index) < len(items):
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return items[int(index)]


def _split(argument: Node, scope: Scope) -> list[str]:
    separator, text = resolve(argument, scope)
    return str(text).split(separator)


def _if(argument: Node, scope: Scope) -> Node:
    condition, if_true, if_false = argument
    return resolve(if_true if scope.conditions[condition] else if_false, scope)


def _find_in_map(argument: Node, scope: Scope) -> Node:
    name, first, second = resolve(argument, scope)
    try:
        return scope.mappings[name][str(first)][str(second)]
    except KeyError:
        raise ValidationError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


_FUNCTIONS: dict[str, Callable[[Node, Scope], Node]] = {
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Sub": _sub,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": lambda argument, scope: scope.imported(resolve(argument, scope)),
    "Fn::Base64": lambda argument, scope: base64.b64encode(str(resolve(argument, scope)).encode()).decode(),
    "Fn::ToJsonString": lambda argument, scope: json.dumps(resolve(argument, scope)),
    "Fn::GetAZs": lambda argument, scope: [f"{resolve(argument, scope) or scope.region}{zone}" for zone in "abc"],
}
