"""One region's CloudFormation: what its API calls do, on values instead of requests."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import msgspec

from harness.clock import Clock
from harness.lab.controlplane.cloudformation.engine import Engine
from harness.lab.controlplane.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    ValidationError,
)
from harness.lab.controlplane.cloudformation.parameters import ParameterInput, values_of
from harness.lab.controlplane.cloudformation.plan import is_unchanged, plan
from harness.lab.controlplane.cloudformation.stacks import (
    ChangeSet,
    ResourceChange,
    StackRecord,
    StackStore,
    Submission,
)
from harness.lab.controlplane.cloudformation.template import Template, check_capabilities, parse
from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.stack import RegionName

# Of one region at a time: IAM and Route 53 are shared by all of them.
_LOCK = threading.RLock()
_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "UPDATE_FAILED"}
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What CreateStack, UpdateStack and CreateChangeSet have in common."""

    stack: str
    body: str | None = None
    previous_template: bool = False
    parameters: list[ParameterInput] = []
    tags: dict[str, str] | None = None
    """None: keep the stack's."""
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    notification_arns: tuple[str, ...] = ()


class CloudFormation:
    """The stacks of one region."""

    def __init__(self, region: RegionName, clock: Clock) -> None:
        self._region = region
        self._clock = clock
        self.store = StackStore()
        self._engine = Engine(self.store, clock)

    def create_stack(self, request: Request, *, on_failure: str, protect: bool) -> StackRecord:
        with _LOCK:
            if self.store.active(request.stack):
                raise AlreadyExists(f"Stack [{request.stack}] already exists")
            submission = self._submission(request, None)
            record = self._new_record(request.stack)
            record.termination_protection = protect
            self._engine.create(record, submission, on_failure=on_failure)
            return record

    def update_stack(self, request: Request) -> StackRecord:
        with _LOCK:
            record = self._existing(request.stack)
            submission = self._submission(request, record)
            _check_updatable(record)
            if is_unchanged(record, submission, self._plan(record, submission)):
                raise ValidationError("No updates are to be performed.")
            self._engine.update(record, submission)
            return record

    def delete_stack(self, name_or_id: str, retain: tuple[str, ...] = ()) -> None:
        with _LOCK:
            record = self.store.active(name_or_id)
            if record is None:
                return
            if record.termination_protection:
                raise ValidationError(f"Stack [{record.name}] cannot be deleted while TerminationProtection is enabled")
            used = [output.export for output in record.outputs if output.export and self.importers(output.export)]
            if used:
                raise ValidationError(f"Export {used[0]} cannot be deleted as it is in use by another stack")
            self._engine.delete(record, retain)

    def create_change_set(
        self, request: Request, *, name: str, kind: str | None, description: str | None, on_stack_failure: str
    ) -> tuple[StackRecord, ChangeSet]:
        """Kind None is AWS's default, UPDATE. A change set without changes is made, and FAILED, as on AWS."""
        with _LOCK:
            record = self._subject(request.stack, kind or "UPDATE")
            submission = self._submission(request, record)
            if record is None:
                record = self._new_record(request.stack)
                self._engine.review(record)
            taken = record.change_sets.get(name)
            if taken is not None and not taken.execution_status.startswith("EXECUTE"):
                raise AlreadyExists(f"ChangeSet {name} already exists")
            change_set = ChangeSet(
                change_set_id=self._arn(f"changeSet/{name}"),
                name=name,
                kind=kind or "UPDATE",
                description=description,
                created_at=self._clock.calendar(),
                submission=submission,
                on_stack_failure=on_stack_failure,
            )
            record.change_sets[name] = change_set
            self._plan_change_set(record, change_set)
            return record, change_set

    def execute_change_set(self, name: str, stack: str | None) -> None:
        with _LOCK:
            record, change_set = self.store.change_set(name, stack)
            if change_set.execution_status != "AVAILABLE":
                raise InvalidChangeSetStatus(
                    f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
                    f"[{change_set.status}], execution status [{change_set.execution_status}]"
                )
            record.change_sets = {change_set.name: change_set}
            record.executed_change_set_id = change_set.change_set_id
            if record.submission is None:
                self._engine.create(record, change_set.submission, on_failure=change_set.on_stack_failure)
            else:
                self._engine.update(record, change_set.submission)
            failed = record.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
            change_set.execution_status = "EXECUTE_FAILED" if failed else "EXECUTE_COMPLETE"

    def delete_change_set(self, name: str, stack: str | None) -> None:
        with _LOCK:
            try:
                record, change_set = self.store.change_set(name, stack)
            except ChangeSetNotFound:
                return
            del record.change_sets[change_set.name]

    def importers(self, export: str) -> list[str]:
        """Names of the stacks that import `export`."""
        return [
            record.name
            for record in self.store.records
            if record.deleted_at is None
            and record.submission
            and _imports(record.submission.template.resources, export)
        ]

    def _subject(self, stack: str, kind: str) -> StackRecord | None:
        """The stack that a change set is for; None: to be made."""
        if kind == "UPDATE":
            existing = self._existing(stack)
            _check_updatable(existing)
            return existing
        if kind != "CREATE":
            raise ValidationError(f"ChangeSetType {kind}: the lab makes change sets of type CREATE and UPDATE")
        record = self.store.active(stack)
        if record is not None and record.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{stack}] already exists and cannot be created again with the changeSet [CREATE]."
            )
        return record

    def _existing(self, stack: str) -> StackRecord:
        record = self.store.active(stack)
        if record is None:
            raise ValidationError(f"Stack [{stack}] does not exist")
        return record

    def _submission(self, request: Request, record: StackRecord | None) -> Submission:
        current = record.submission if record else None
        template = self._template(request, current)
        check_capabilities(template, list(request.capabilities))
        return Submission(
            template=template,
            parameters=values_of(template.parameters, request.parameters, current.parameters if current else None),
            tags=(current.tags if current else {}) if request.tags is None else request.tags,
            capabilities=request.capabilities,
            role_arn=request.role_arn,
            notification_arns=request.notification_arns,
        )

    def _template(self, request: Request, current: Submission | None) -> Template:
        if request.previous_template:
            if current is None:
                raise ValidationError("There is no previous template to use")
            return current.template
        if request.body is None:
            raise ValidationError("Either Template URL or Template Body must be specified.")
        return parse(request.body)

    def _plan_change_set(self, record: StackRecord, change_set: ChangeSet) -> None:
        change_set.changes = self._plan(record, change_set.submission)
        if is_unchanged(record, change_set.submission, change_set.changes):
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.reason = (
                "The submitted information didn't contain changes. Submit different information to create a change set."
            )

    def _plan(self, record: StackRecord, submission: Submission) -> tuple[ResourceChange, ...]:
        exports = {name: value for name, (_, value) in self.store.exports().items()}
        return plan(record, submission, exports)

    def _new_record(self, name: str) -> StackRecord:
        record = StackRecord(
            stack_id=self._arn(f"stack/{name}"), name=name, region=self._region, created_at=self._clock.calendar()
        )
        self.store.add(record)
        return record

    def _arn(self, what: str) -> str:
        return f"arn:aws:cloudformation:{self._region}:{ACCOUNT_ID}:{what}/{uuid.uuid4()}"


class Regions:
    """CloudFormation in every region, made when first asked for."""

    def __init__(self, clock: Clock) -> None:
        self._made: dict[RegionName, CloudFormation] = {}
        self._clock = clock

    def __getitem__(self, region: RegionName) -> CloudFormation:
        with _LOCK:
            return self._made.setdefault(region, CloudFormation(region, self._clock))

    def stacks(self, region: RegionName) -> list[StackRecord]:
        """Those that are not deleted."""
        return [record for record in self[region].store.records if record.deleted_at is None]


def _check_updatable(record: StackRecord) -> None:
    if record.status not in _UPDATABLE:
        raise ValidationError(f"Stack:{record.stack_id} is in {record.status} state and can not be updated.")


def _imports(node: Any, export: str) -> bool:
    if isinstance(node, dict):
        return node.get("Fn::ImportValue") == export or any(_imports(value, export) for value in node.values())
    return isinstance(node, list) and any(_imports(item, export) for item in node)
