"""Creates, updates, rolls back and deletes stacks.

A call returns when its work is done: the events tell the steps, in order. That keeps a lab deployment at a few tens of
milliseconds, while clients that poll (boto3's waiters, the CDK CLI) find a finished stack at their first look.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from harness.clock import Clock
from harness.lab.controlplane.cloudformation.errors import ResourceFailed, ValidationError
from harness.lab.controlplane.cloudformation.intrinsics import resolve
from harness.lab.controlplane.cloudformation.plan import (
    StackScope,
    properties_of,
    wanted,
)
from harness.lab.controlplane.cloudformation.registry import (
    Context,
    ResourceType,
    changed_properties,
    find_type,
)
from harness.lab.controlplane.cloudformation.stacks import (
    StackEvent,
    StackOutput,
    StackRecord,
    StackResource,
    StackStore,
    Submission,
)
from harness.lab.controlplane.services.account import ACCOUNT_ID

Undo = Callable[[], None]
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_STACK_TYPE = "AWS::CloudFormation::Stack"


class _Work(msgspec.Struct, kw_only=True):
    """One run over a stack, with what has to be done after it."""

    record: StackRecord
    submission: Submission
    undo: list[Undo] = []
    """Steps that restore what was, to be taken last first."""
    leftovers: list[StackResource] = []
    """Resources to delete once all went well: removed from the template, or replaced."""


class Engine:
    """Works on the stacks of one region's store; the caller holds the lock."""

    def __init__(self, store: StackStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, record: StackRecord, submission: Submission, *, on_failure: str = "ROLLBACK") -> None:
        """Makes every resource; on failure rolls back, keeps (DO_NOTHING) or deletes (DELETE)."""
        record.submission = submission
        self._stack_event(record, "CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply(_Work(record=record, submission=submission))
        except ResourceFailed as failure:
            self._creation_failed(record, on_failure, str(failure))
        else:
            self._stack_event(record, "CREATE_COMPLETE")

    def update(self, record: StackRecord, submission: Submission) -> None:
        """Turns the stack into `submission`; on failure into what it was."""
        before = (record.submission, record.outputs)
        work = _Work(record=record, submission=submission)
        self._stack_event(record, "UPDATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply(work)
        except ResourceFailed as failure:
            self._stack_event(record, "UPDATE_ROLLBACK_IN_PROGRESS", str(failure))
            self._roll_back(record, work.undo)
            record.submission, record.outputs = before
            return
        record.submission = submission
        self._stack_event(record, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for resource in reversed(work.leftovers):
            self._try_to_delete(record, resource)
        self._stack_event(record, "UPDATE_COMPLETE")

    def delete(self, record: StackRecord, retain: tuple[str, ...] = ()) -> None:
        """Deletes the resources, dependents first, then the stack; DELETE_FAILED when one cannot be deleted."""
        self._stack_event(record, "DELETE_IN_PROGRESS", "User Initiated")
        failed = []
        for resource in _dependents_first(record):
            if resource.logical_id in retain:
                self._resource_event(record, resource, "DELETE_SKIPPED")
            elif not self._try_to_delete(record, resource):
                failed.append(resource.logical_id)
        if failed:
            self._stack_event(
                record, "DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
            return
        record.outputs = ()
        record.deleted_at = self._clock.calendar()
        self._stack_event(record, "DELETE_COMPLETE")

    def _apply(self, work: _Work) -> None:
        record, submission = work.record, work.submission
        exports = {name: value for name, (owner, value) in self._store.exports().items() if owner is not record}
        scope = StackScope(record, submission, record.resources, exports)
        names = wanted(submission, scope)
        work.leftovers.extend(record.resources[name] for name in record.resources if name not in names)
        for name in names:
            self._apply_resource(work, scope, name)
        record.outputs = _outputs(submission, scope, exports)
        for resource in work.leftovers:
            if record.resources.get(resource.logical_id) is resource:
                del record.resources[resource.logical_id]

    def _apply_resource(self, work: _Work, scope: StackScope, name: str) -> None:
        record, node = work.record, work.submission.template.resources[name]
        existing = record.resources.get(name)
        properties = _attempt(lambda: properties_of(node, scope), name)
        changed = changed_properties(existing.properties, properties) if existing else ()
        if existing is None or (changed and _type_of(node["Type"]).replaces(existing.properties, properties)):
            made = self._create(work, name, properties, replaces=existing)
            work.undo.append(lambda: self._undo_creation(record, made, existing))
            if existing is not None:
                work.leftovers.append(existing)
        elif changed:
            work.undo.append(self._update(work, existing, properties))
        resource = record.resources[name]
        resource.retain = node.get("DeletionPolicy", "Delete") in {"Retain", "RetainExceptOnCreate"}
        resource.depends_on = work.submission.template.depends_on(name)
        scope.resources[name] = resource

    def _create(
        self, work: _Work, name: str, properties: dict[str, Any], *, replaces: StackResource | None
    ) -> StackResource:
        record, type_name = work.record, work.submission.template.resources[name]["Type"]
        resource = StackResource(
            logical_id=name, type_name=type_name, properties=properties, changed_at=self._clock.calendar()
        )
        verb = "UPDATE" if replaces else "CREATE"
        self._resource_event(record, replaces or resource, f"{verb}_IN_PROGRESS", _REPLACING if replaces else None)
        record.resources[name] = resource
        context = _context(record, work.submission, name)
        try:
            resource.made = _attempt(lambda: _type_of(type_name).create(context, properties), name)
        except ResourceFailed as failure:
            self._resource_event(record, resource, f"{verb}_FAILED", str(failure))
            if replaces:
                record.resources[name] = replaces
            raise
        self._resource_event(record, resource, f"{verb}_COMPLETE")
        return resource

    def _update(self, work: _Work, resource: StackResource, properties: dict[str, Any]) -> Undo:
        """Updates in place; returns what puts the old properties back."""
        record, old = work.record, resource.properties
        context = _context(record, work.submission, resource.logical_id)
        self._resource_event(record, resource, "UPDATE_IN_PROGRESS")
        try:
            self._update_in_place(context, resource, properties)
        except ResourceFailed as failure:
            self._resource_event(record, resource, "UPDATE_FAILED", str(failure))
            raise
        self._resource_event(record, resource, "UPDATE_COMPLETE")

        def undo() -> None:
            self._update_in_place(context, resource, old)
            self._resource_event(record, resource, "UPDATE_COMPLETE")

        return undo

    def _update_in_place(self, context: Context, resource: StackResource, properties: dict[str, Any]) -> None:
        made, old = resource.made, resource.properties
        if made is None:
            raise ResourceFailed(f"{resource.logical_id} does not exist")
        resource_type = _type_of(resource.type_name)
        resource.made = _attempt(lambda: resource_type.update(context, made, old, properties), resource.logical_id)
        resource.properties = properties

    def _undo_creation(self, record: StackRecord, made: StackResource, replaced: StackResource | None) -> None:
        self._try_to_delete(record, made, even_retained=True)
        if replaced is not None:
            record.resources[made.logical_id] = replaced

    def _roll_back(self, record: StackRecord, undo: list[Undo]) -> None:
        failures = []
        for step in reversed(undo):
            try:
                step()
            except ResourceFailed as failure:
                failures.append(str(failure))
        # A resource whose creation failed was never made: nothing is left of it but its events.
        record.resources = {name: resource for name, resource in record.resources.items() if resource.made is not None}
        if failures:
            self._stack_event(record, "UPDATE_ROLLBACK_FAILED", "; ".join(failures))
        else:
            self._stack_event(record, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._stack_event(record, "UPDATE_ROLLBACK_COMPLETE")

    def _creation_failed(self, record: StackRecord, on_failure: str, reason: str) -> None:
        if on_failure == "DO_NOTHING":
            self._stack_event(record, "CREATE_FAILED", reason)
            return
        if on_failure == "DELETE":
            self.delete(record)
            return
        self._stack_event(record, "ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        kept = [
            r.logical_id for r in _dependents_first(record) if not self._try_to_delete(record, r, even_retained=True)
        ]
        self._stack_event(record, "ROLLBACK_FAILED" if kept else "ROLLBACK_COMPLETE")

    def _try_to_delete(self, record: StackRecord, resource: StackResource, *, even_retained: bool = False) -> bool:
        """False when it could not be deleted."""
        if resource.retain and not even_retained:
            self._resource_event(record, resource, "DELETE_SKIPPED")
        elif resource.made is not None:
            self._resource_event(record, resource, "DELETE_IN_PROGRESS")
            try:
                self._delete(record, resource)
            except ResourceFailed as failure:
                self._resource_event(record, resource, "DELETE_FAILED", str(failure))
                return False
            self._resource_event(record, resource, "DELETE_COMPLETE")
        if record.resources.get(resource.logical_id) is resource:
            del record.resources[resource.logical_id]
        return True

    def _delete(self, record: StackRecord, resource: StackResource) -> None:
        made = resource.made
        if made is None:
            return
        resource_type = _type_of(resource.type_name)
        context = _context(record, record.submission, resource.logical_id)
        _attempt(lambda: resource_type.delete(context, made, resource.properties), resource.logical_id)

    def _resource_event(
        self, record: StackRecord, resource: StackResource, status: str, reason: str | None = None
    ) -> None:
        resource.status, resource.reason, resource.changed_at = status, reason, self._clock.calendar()
        event = self._event(status, reason)
        event.logical_id, event.type_name = resource.logical_id, resource.type_name
        event.physical_id = resource.made.physical_id if resource.made else ""
        record.events.append(event)

    def _stack_event(self, record: StackRecord, status: str, reason: str | None = None) -> None:
        record.status, record.reason, record.changed_at = status, reason, self._clock.calendar()
        event = self._event(status, reason)
        event.logical_id, event.type_name, event.physical_id = record.name, _STACK_TYPE, record.stack_id
        record.events.append(event)

    def review(self, record: StackRecord) -> None:
        """A stack that so far is only a change set."""
        self._stack_event(record, "REVIEW_IN_PROGRESS", "User Initiated")

    def _event(self, status: str, reason: str | None) -> StackEvent:
        return StackEvent(event_id=str(uuid.uuid4()), status=status, reason=reason, at=self._clock.calendar())


def _attempt(step: Callable[[], Any], logical_id: str) -> Any:
    """Runs one step of a resource; what goes wrong in it fails the resource."""
    try:
        return step()
    except (ServiceException, HTTPException) as error:
        raise ResourceFailed(f"{getattr(error, 'message', None) or error.description}") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        # A property of the wrong shape: AWS's schema check would refuse it too, in other words.
        raise ResourceFailed(f"Properties validation failed for resource {logical_id}: {error!r}") from error


def _type_of(type_name: str) -> ResourceType:
    resource_type = find_type(type_name)
    if resource_type is None:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{type_name}]")
    return resource_type


def _context(record: StackRecord, submission: Submission | None, logical_id: str) -> Context:
    return Context(
        account_id=ACCOUNT_ID,
        region=record.region,
        stack_name=record.name,
        stack_id=record.stack_id,
        logical_id=logical_id,
        stack_tags=submission.tags if submission else {},
    )


def _outputs(submission: Submission, scope: StackScope, taken: dict[str, str]) -> tuple[StackOutput, ...]:
    def outputs() -> tuple[StackOutput, ...]:
        return tuple(
            StackOutput(
                key=key,
                value=str(resolve(node["Value"], scope)),
                description=node.get("Description"),
                export=resolve(node["Export"]["Name"], scope) if "Export" in node else None,
            )
            for key, node in submission.template.outputs.items()
            if scope.wants(node)
        )

    made: tuple[StackOutput, ...] = _attempt(outputs, "Outputs")
    for output in made:
        if output.export in taken:
            raise ResourceFailed(f"Export with name {output.export} is already exported by another stack")
    return made


def _dependents_first(record: StackRecord) -> list[StackResource]:
    """Every resource before those it depends on."""
    ordered: dict[str, StackResource] = {}

    def visit(resource: StackResource) -> None:
        if resource.logical_id in ordered:
            return
        for name in sorted(resource.depends_on):
            if name in record.resources:
                visit(record.resources[name])
        ordered[resource.logical_id] = resource

    for resource in list(record.resources.values()):
        visit(resource)
    return list(reversed(ordered.values()))
