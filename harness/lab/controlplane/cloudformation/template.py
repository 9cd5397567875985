"""A template: parsed from JSON or YAML, checked, its resources in dependency order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

from harness.errors import UnsupportedResource
from harness.lab.controlplane.cloudformation.errors import InsufficientCapabilities, ValidationError
from harness.lab.controlplane.cloudformation.intrinsics import Node, references
from harness.lab.controlplane.cloudformation.registry import ResourceType, find_type, known_types

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in ["AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"]
)


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A valid template. `body` is the text as it was submitted."""

    body: str
    description: str | None = None
    parameters: dict[str, Node] = {}
    mappings: dict[str, Node] = {}
    conditions: dict[str, Node] = {}
    resources: dict[str, Node] = {}
    outputs: dict[str, Node] = {}
    order: tuple[str, ...] = ()
    """Logical ids, each after those it depends on."""

    def depends_on(self, logical_id: str) -> set[str]:
        return _dependencies(self.resources[logical_id]) & self.resources.keys()


def parse(body: str) -> Template:
    """The template in `body`.

    Raises:
        ValidationError: it is not JSON or YAML, or breaks a rule of CloudFormation's.
        UnsupportedResource: it asks for a resource type or property that the lab does not know.
    """
    document = _load(body)
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    template = Template(
        body=body,
        description=document.get("Description"),
        parameters=document.get("Parameters") or {},
        mappings=document.get("Mappings") or {},
        conditions=document.get("Conditions") or {},
        resources=resources,
        outputs=document.get("Outputs") or {},
    )
    _check_types(resources)
    _check_references(template)
    return msgspec.structs.replace(template, order=_in_order(resources))


def required_capabilities(template: Template) -> set[str]:
    """CAPABILITY_IAM when the template makes IAM resources, CAPABILITY_NAMED_IAM when it names them."""
    iam = [r for r in template.resources.values() if r["Type"] in {"AWS::IAM::Role", "AWS::IAM::Policy"}]
    if any("RoleName" in (resource.get("Properties") or {}) for resource in iam):
        return {"CAPABILITY_NAMED_IAM"}
    return {"CAPABILITY_IAM"} if iam else set()


def check_capabilities(template: Template, given: list[str]) -> None:
    required = required_capabilities(template)
    granted = {*given, "CAPABILITY_IAM"} if "CAPABILITY_NAMED_IAM" in given else set(given)
    if not required <= granted:
        raise InsufficientCapabilities(f"Requires capabilities : [{', '.join(sorted(required))}]")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short tags; dates stay text."""


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> Node:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def _load(body: str) -> dict[str, Node]:
    try:
        document = json.loads(body)
    except ValueError:
        try:
            document = yaml.load(body, _Loader)
        except yaml.YAMLError as error:
            raise ValidationError(f"Template format error: neither JSON nor YAML: {error}") from None
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return document


def _check_types(resources: Mapping[str, Node]) -> None:
    for logical_id, resource in resources.items():
        type_name = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(type_name, str):
            raise ValidationError(
                f"Template format error: [/Resources/{logical_id}/Type] 'null' values are not allowed"
            )
        resource_type = find_type(type_name)
        if resource_type is None:
            raise UnsupportedResource(
                f"Template format error: Unrecognized resource types: [{type_name}] (resource {logical_id}); "
                f"the lab knows {', '.join(known_types())}"
            )
        _check_properties(logical_id, resource, resource_type)


def _check_properties(logical_id: str, resource: Node, resource_type: ResourceType) -> None:
    if resource_type.properties is None:
        return
    extra = sorted((resource.get("Properties") or {}).keys() - resource_type.properties)
    if extra:
        raise UnsupportedResource(
            f"Properties validation failed for resource {logical_id} ({resource['Type']}): "
            f"the lab does not model {', '.join(extra)}"
        )


def _check_references(template: Template) -> None:
    names = {*template.resources, *template.parameters, *PSEUDO_PARAMETERS}
    for block in ("resources", "outputs"):
        nodes: dict[str, Node] = getattr(template, block)
        for node in nodes.values():
            targets = [*references(node), *((name, None) for name in _explicit_dependencies(node))]
            for name, attribute in targets:
                _check_reference(template, name, attribute, names, block.capitalize())
            _check_condition(template, node)


def _check_reference(template: Template, name: str, attribute: str | None, names: set[str], block: str) -> None:
    if attribute is None:
        if name not in names:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{name}] in the {block} block of the template"
            )
        return
    if name not in template.resources:
        raise ValidationError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
    type_name = template.resources[name]["Type"]
    resource_type = find_type(type_name)
    if resource_type and resource_type.attributes is not None and attribute not in resource_type.attributes:
        raise ValidationError(
            f"Template error: resource {name} ({type_name}) does not support attribute type {attribute} in Fn::GetAtt"
        )


def _check_condition(template: Template, node: Node) -> None:
    condition = node.get("Condition") if isinstance(node, dict) else None
    if condition is not None and condition not in template.conditions:
        raise ValidationError(f"Template format error: Unresolved condition dependency {condition}")


def _explicit_dependencies(resource: Node) -> list[str]:
    value = resource.get("DependsOn", []) if isinstance(resource, dict) else []
    return [value] if isinstance(value, str) else list(value)


def _dependencies(resource: Node) -> set[str]:
    return {name for name, _ in references(resource.get("Properties"))} | set(_explicit_dependencies(resource))


def _in_order(resources: Mapping[str, Node]) -> tuple[str, ...]:
    sorter = TopologicalSorter({name: _dependencies(node) & resources.keys() for name, node in resources.items()})
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        raise ValidationError(f"Circular dependency between resources: [{', '.join(error.args[1][:-1])}]") from None
