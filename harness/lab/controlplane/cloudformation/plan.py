"""What a submission means for a stack: values of names, and the change to each resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.lab.controlplane.cloudformation.errors import ValidationError
from harness.lab.controlplane.cloudformation.intrinsics import NO_VALUE, Node, evaluate_condition, resolve
from harness.lab.controlplane.cloudformation.parameters import as_referenced
from harness.lab.controlplane.cloudformation.registry import changed_properties, find_type
from harness.lab.controlplane.cloudformation.stacks import ResourceChange, StackRecord, StackResource, Submission
from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.stack import RegionName

_UNKNOWN_UNTIL_MADE = "{{changeSet:KNOWN_AFTER_APPLY}}"


class StackScope:
    """The names of one stack's template, at a moment: resources that exist by then have values."""

    def __init__(
        self,
        record: StackRecord,
        submission: Submission,
        resources: Mapping[str, StackResource],
        exports: Mapping[str, str],
    ) -> None:
        template = submission.template
        self.region: RegionName = record.region
        self.mappings: Mapping[str, Node] = template.mappings
        self.resources = dict(resources)
        self.unknown: set[str] = set()
        """Resources that do not exist yet: a plan gives them a placeholder instead of an error."""
        self._exports = exports
        self._values: dict[str, Node] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": list(submission.notification_arns),
            "AWS::Partition": "aws",
            "AWS::Region": record.region,
            "AWS::StackId": record.stack_id,
            "AWS::StackName": record.name,
            "AWS::URLSuffix": "amazonaws.com",
        } | {name: as_referenced(submission.parameters[name], spec) for name, spec in template.parameters.items()}
        self.conditions: Mapping[str, bool] = {}
        self.conditions = {
            name: evaluate_condition(node, template.conditions, self) for name, node in template.conditions.items()
        }

    def ref(self, name: str) -> Node:
        if name in self._values:
            return self._values[name]
        made = self._resource(name)
        return _UNKNOWN_UNTIL_MADE if made is None else made.physical_id

    def attribute(self, logical_id: str, attribute: str) -> Node:
        made = self._resource(logical_id)
        if made is None:
            return f"{_UNKNOWN_UNTIL_MADE}.{attribute}"
        if attribute not in made.attributes:
            raise ValidationError(f"Template error: resource {logical_id} has no attribute {attribute} (Fn::GetAtt)")
        return made.attributes[attribute]

    def imported(self, export: str) -> Node:
        if export not in self._exports:
            raise ValidationError(f"No export named {export} found.")
        return self._exports[export]

    def wants(self, node: Node) -> bool:
        """False when the resource's or output's Condition is false."""
        condition = node.get("Condition")
        return condition is None or self.conditions[condition]

    def _resource(self, logical_id: str) -> Any:
        if logical_id in self.unknown:
            return None
        resource = self.resources.get(logical_id)
        if resource is None or resource.made is None:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{logical_id}]: its condition is false"
            )
        return resource.made


def wanted(submission: Submission, scope: StackScope) -> list[str]:
    """Logical ids the stack shall have, each after those it depends on."""
    template = submission.template
    return [name for name in template.order if scope.wants(template.resources[name])]


def plan(record: StackRecord, submission: Submission, exports: Mapping[str, str]) -> tuple[ResourceChange, ...]:
    """The changes that turn the stack into `submission`: additions and modifications in order, then removals."""
    existing = {name: resource for name, resource in record.resources.items() if resource.made is not None}
    scope = StackScope(record, submission, existing, exports)
    names = wanted(submission, scope)
    scope.unknown = set(names) - existing.keys()
    changes: list[ResourceChange] = []
    for name in names:
        node = submission.template.resources[name]
        change = _change_of(name, node, existing.get(name), scope)
        if change is not None:
            changes.append(change)
            if change.replaces:
                scope.unknown.add(name)
    removed = [
        ResourceChange(
            action="Remove", logical_id=name, type_name=resource.type_name, physical_id=_physical_id(resource)
        )
        for name, resource in existing.items()
        if name not in names
    ]
    return (*changes, *removed)


def is_unchanged(record: StackRecord, submission: Submission, changes: tuple[ResourceChange, ...]) -> bool:
    """Nothing to do: CloudFormation refuses such an update and fails such a change set."""
    current = record.submission
    return (
        current is not None
        and not changes
        and current.tags == submission.tags
        and current.template.outputs == submission.template.outputs
        and record.status not in {"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"}
    )


def properties_of(node: Node, scope: StackScope) -> dict[str, Any]:
    properties: dict[str, Any] = resolve(node.get("Properties") or {}, scope)
    return properties


def _change_of(name: str, node: Node, resource: StackResource | None, scope: StackScope) -> ResourceChange | None:
    type_name = node["Type"]
    properties = properties_of(node, scope)
    if resource is None:
        return ResourceChange(action="Add", logical_id=name, type_name=type_name)
    if resource.type_name != type_name:
        raise ValidationError(
            f"Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{name}]"
        )
    changed = changed_properties(resource.properties, properties)
    if not changed:
        return None
    resource_type = find_type(type_name)
    return ResourceChange(
        action="Modify",
        logical_id=name,
        type_name=type_name,
        physical_id=_physical_id(resource),
        replaces=resource_type is not None and resource_type.replaces(resource.properties, properties),
        properties=changed,
    )


def _physical_id(resource: StackResource) -> str | None:
    return resource.made.physical_id if resource.made else None
