"""Stacks, resources, events and change sets in the shapes of CloudFormation's replies."""

from __future__ import annotations

from typing import Any

from harness.lab.controlplane.cloudformation.stacks import (
    ChangeSet,
    ResourceChange,
    StackEvent,
    StackRecord,
    StackResource,
    Submission,
)
from harness.lab.controlplane.cloudformation.template import Template, required_capabilities

Shown = dict[str, Any]


def stack(record: StackRecord) -> Shown:
    submission = record.submission
    return stack_summary(record) | {
        "Description": submission.template.description if submission else None,
        "Parameters": _parameters(submission),
        "Capabilities": list(submission.capabilities) if submission else [],
        "NotificationARNs": list(submission.notification_arns) if submission else [],
        "RoleARN": submission.role_arn if submission else None,
        "Tags": _tags(submission),
        "Outputs": [
            {"OutputKey": o.key, "OutputValue": o.value, "Description": o.description, "ExportName": o.export}
            for o in record.outputs
        ],
        "ChangeSetId": record.executed_change_set_id,
        "DisableRollback": False,
        "EnableTerminationProtection": record.termination_protection,
        "RollbackConfiguration": {},
    }


def stack_summary(record: StackRecord) -> Shown:
    updated = record.changed_at if record.status.startswith("UPDATE") else None
    return {
        "StackId": record.stack_id,
        "StackName": record.name,
        "CreationTime": record.created_at,
        "LastUpdatedTime": updated,
        "DeletionTime": record.deleted_at,
        "StackStatus": record.status,
        "StackStatusReason": record.reason,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def resource(record: StackRecord, held: StackResource) -> Shown:
    """Serves StackResource, StackResourceDetail and StackResourceSummary: each takes the keys it knows."""
    return {
        "StackName": record.name,
        "StackId": record.stack_id,
        "LogicalResourceId": held.logical_id,
        "PhysicalResourceId": held.made.physical_id if held.made else None,
        "ResourceType": held.type_name,
        "Timestamp": held.changed_at,
        "LastUpdatedTimestamp": held.changed_at,
        "ResourceStatus": held.status,
        "ResourceStatusReason": held.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def event(record: StackRecord, held: StackEvent) -> Shown:
    return {
        "StackId": record.stack_id,
        "EventId": held.event_id,
        "StackName": record.name,
        "LogicalResourceId": held.logical_id,
        "PhysicalResourceId": held.physical_id,
        "ResourceType": held.type_name,
        "Timestamp": held.at,
        "ResourceStatus": held.status,
        "ResourceStatusReason": held.reason,
    }


def change_set(record: StackRecord, made: ChangeSet) -> Shown:
    return {
        "ChangeSetName": made.name,
        "ChangeSetId": made.change_set_id,
        "StackId": record.stack_id,
        "StackName": record.name,
        "Description": made.description,
        "Parameters": _parameters(made.submission),
        "CreationTime": made.created_at,
        "ExecutionStatus": made.execution_status,
        "Status": made.status,
        "StatusReason": made.reason,
        "Capabilities": list(made.submission.capabilities),
        "Tags": _tags(made.submission),
        "OnStackFailure": made.on_stack_failure,
        "IncludeNestedStacks": False,
        "Changes": [{"Type": "Resource", "ResourceChange": _resource_change(change)} for change in made.changes],
    }


def template_summary(template: Template) -> Shown:
    return {
        "Description": template.description,
        "Parameters": [
            {
                "ParameterKey": name,
                "ParameterType": spec.get("Type"),
                "DefaultValue": None if "Default" not in spec else str(spec["Default"]),
                "NoEcho": bool(spec.get("NoEcho", False)),
                "Description": spec.get("Description"),
                "ParameterConstraints": {"AllowedValues": [str(value) for value in spec.get("AllowedValues", [])]},
            }
            for name, spec in template.parameters.items()
        ],
        "Capabilities": sorted(required_capabilities(template)),
        "ResourceTypes": sorted({node["Type"] for node in template.resources.values()}),
    }


def _resource_change(change: ResourceChange) -> Shown:
    details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if change.replaces else "Never",
            },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in change.properties
    ]
    return {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type_name,
        "Replacement": str(change.replaces) if change.action == "Modify" else None,
        "Scope": ["Properties"] if change.properties else [],
        "Details": details,
    }


def _parameters(submission: Submission | None) -> list[Shown]:
    if submission is None:
        return []
    hidden = {name for name, spec in submission.template.parameters.items() if spec.get("NoEcho")}
    return [
        {"ParameterKey": name, "ParameterValue": "****" if name in hidden else value}
        for name, value in submission.parameters.items()
    ]


def _tags(submission: Submission | None) -> list[Shown]:
    return [{"Key": key, "Value": value} for key, value in (submission.tags if submission else {}).items()]
