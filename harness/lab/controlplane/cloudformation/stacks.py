"""The state of stacks: what a region's CloudFormation remembers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from harness.lab.controlplane.cloudformation.errors import ChangeSetNotFound, ValidationError
from harness.lab.controlplane.cloudformation.registry import Made
from harness.lab.controlplane.cloudformation.template import Template
from harness.stack import RegionName


class StackResource(msgspec.Struct, kw_only=True):
    """A resource that exists, or that failed to."""

    logical_id: str
    type_name: str
    made: Made | None = None
    properties: dict[str, Any] = {}
    """As last applied, intrinsic functions resolved."""
    depends_on: set[str] = set()
    retain: bool = False
    status: str = "CREATE_IN_PROGRESS"
    reason: str | None = None
    changed_at: datetime


class StackEvent(msgspec.Struct, kw_only=True):
    event_id: str
    logical_id: str = ""
    """The stack's name in events of the stack itself."""
    physical_id: str = ""
    type_name: str = ""
    status: str
    reason: str | None
    at: datetime


class StackOutput(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    value: str
    description: str | None = None
    export: str | None = None


class ResourceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an update would do to one resource."""

    action: str
    """Add, Modify or Remove."""
    logical_id: str
    type_name: str
    physical_id: str | None = None
    replaces: bool = False
    properties: tuple[str, ...] = ()
    """Names of the properties that change."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks a stack to become."""

    template: Template
    parameters: dict[str, str]
    tags: dict[str, str]
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    notification_arns: tuple[str, ...] = ()


class ChangeSet(msgspec.Struct, kw_only=True):
    change_set_id: str
    name: str
    kind: str
    """CREATE or UPDATE."""
    description: str | None
    created_at: datetime
    submission: Submission
    changes: tuple[ResourceChange, ...] = ()
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str | None = None
    on_stack_failure: str = "ROLLBACK"


class StackRecord(msgspec.Struct, kw_only=True):
    """One stack, existing or deleted."""

    stack_id: str
    name: str
    region: RegionName
    created_at: datetime
    submission: Submission | None = None
    """None while only a change set exists (REVIEW_IN_PROGRESS)."""
    resources: dict[str, StackResource] = {}
    outputs: tuple[StackOutput, ...] = ()
    events: list[StackEvent] = []
    change_sets: dict[str, ChangeSet] = {}
    """By name."""
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    changed_at: datetime | None = None
    deleted_at: datetime | None = None
    termination_protection: bool = False
    executed_change_set_id: str | None = None


class StackStore:
    """The stacks of one region, deleted ones included."""

    def __init__(self) -> None:
        self.records: list[StackRecord] = []

    def add(self, record: StackRecord) -> None:
        self.records.append(record)

    def discard(self, record: StackRecord) -> None:
        """Forgets a stack that never was more than a change set."""
        self.records.remove(record)

    def active(self, name_or_id: str) -> StackRecord | None:
        """The stack by name or id, unless it is deleted."""
        for record in reversed(self.records):
            if record.deleted_at is None and name_or_id in {record.name, record.stack_id}:
                return record
        return None

    def get(self, name_or_id: str) -> StackRecord:
        """The stack by name, or by id even when deleted.

        Raises:
            ValidationError: there is none.
        """
        found = self.active(name_or_id) or next((r for r in self.records if r.stack_id == name_or_id), None)
        if found is None:
            raise ValidationError(f"Stack with id {name_or_id} does not exist")
        return found

    def change_set(self, name_or_id: str, stack: str | None) -> tuple[StackRecord, ChangeSet]:
        """The change set by id, or by name within `stack`."""
        if stack is None and not name_or_id.startswith("arn:"):
            raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        for record in [self.get(stack)] if stack else self.records:
            for change_set in record.change_sets.values():
                if name_or_id in {change_set.name, change_set.change_set_id}:
                    return record, change_set
        raise ChangeSetNotFound(f"ChangeSet [{name_or_id}] does not exist")

    def exports(self) -> dict[str, tuple[StackRecord, str]]:
        """Export name -> (exporting stack, value)."""
        return {
            output.export: (record, output.value)
            for record in self.records
            if record.deleted_at is None
            for output in record.outputs
            if output.export
        }
