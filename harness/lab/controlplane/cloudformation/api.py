"""CloudFormation's AWS API. moto parses the requests and writes the replies from botocore's model."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from harness.clock import ScaledClock
from harness.errors import UnsupportedResource
from harness.lab.controlplane.cloudformation import shown
from harness.lab.controlplane.cloudformation.errors import ValidationError
from harness.lab.controlplane.cloudformation.service import CloudFormation, Regions, Request
from harness.lab.controlplane.cloudformation.template import parse

_PAGE = 100


class LabCloudFormation(BaseResponse):  # type: ignore[misc]
    regions: ClassVar[Regions] = Regions(ScaledClock())
    """Set anew by the control plane, with its clock."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        try:
            return super().call_action()
        except UnsupportedResource as error:
            # The template asks for what the lab cannot do: AWS's own error for an unknown type.
            status, headers, body = self.serialized(ActionResult(ValidationError(str(error))))
            return status, headers, body

    @property
    def _service(self) -> CloudFormation:
        return self.regions[self.region]

    def create_stack(self) -> ActionResult:
        on_failure = (
            "DO_NOTHING" if self._get_bool_param("DisableRollback") else self._get_param("OnFailure", "ROLLBACK")
        )
        record = self._service.create_stack(
            self._request(), on_failure=on_failure, protect=bool(self._get_bool_param("EnableTerminationProtection"))
        )
        return ActionResult({"StackId": record.stack_id})

    def update_stack(self) -> ActionResult:
        return ActionResult({"StackId": self._service.update_stack(self._request()).stack_id})

    def delete_stack(self) -> ActionResult:
        self._service.delete_stack(self._get_param("StackName"), tuple(self._get_param("RetainResources", [])))
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        record = self._record()
        record.termination_protection = bool(self._get_bool_param("EnableTerminationProtection"))
        return ActionResult({"StackId": record.stack_id})

    def describe_stacks(self) -> ActionResult:
        named = self._get_param("StackName")
        records = [self._service.store.get(named)] if named else self.regions.stacks(self.region)
        return ActionResult({"Stacks": [shown.stack(record) for record in records]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        records = [r for r in self._service.store.records if not wanted or r.status in wanted]
        return ActionResult({"StackSummaries": [shown.stack_summary(record) for record in records]})

    def describe_stack_events(self) -> ActionResult:
        """Newest first."""
        record = self._record()
        return self._paged("StackEvents", [shown.event(record, event) for event in reversed(record.events)])

    def describe_stack_resources(self) -> ActionResult:
        wanted = self._get_param("LogicalResourceId")
        record = self._record()
        resources = [r for r in record.resources.values() if wanted in {None, r.logical_id}]
        return ActionResult({"StackResources": [shown.resource(record, resource) for resource in resources]})

    def describe_stack_resource(self) -> ActionResult:
        record, logical_id = self._record(), self._get_param("LogicalResourceId")
        if logical_id not in record.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {record.name}")
        return ActionResult({"StackResourceDetail": shown.resource(record, record.resources[logical_id])})

    def list_stack_resources(self) -> ActionResult:
        record = self._record()
        summaries = [shown.resource(record, resource) for resource in record.resources.values()]
        return self._paged("StackResourceSummaries", summaries)

    def get_template(self) -> ActionResult:
        if change_set_name := self._get_param("ChangeSetName"):
            _, change_set = self._service.store.change_set(change_set_name, self._get_param("StackName"))
            body = change_set.submission.template.body
        else:
            submission = self._record().submission
            body = submission.template.body if submission else ""
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        named = self._get_param("StackName")
        submission = self._record().submission if named else None
        template = submission.template if submission else parse(self._get_param("TemplateBody") or "")
        return ActionResult(shown.template_summary(template))

    def validate_template(self) -> ActionResult:
        return ActionResult(shown.template_summary(parse(self._get_param("TemplateBody") or "")))

    def create_change_set(self) -> ActionResult:
        record, change_set = self._service.create_change_set(
            self._request(),
            name=self._get_param("ChangeSetName"),
            kind=self._get_param("ChangeSetType"),
            description=self._get_param("Description"),
            on_stack_failure=self._get_param("OnStackFailure", "ROLLBACK"),
        )
        return ActionResult({"Id": change_set.change_set_id, "StackId": record.stack_id})

    def describe_change_set(self) -> ActionResult:
        record, change_set = self._service.store.change_set(
            self._get_param("ChangeSetName"), self._get_param("StackName")
        )
        return ActionResult(shown.change_set(record, change_set))

    def list_change_sets(self) -> ActionResult:
        record = self._record()
        return ActionResult({"Summaries": [shown.change_set(record, made) for made in record.change_sets.values()]})

    def execute_change_set(self) -> ActionResult:
        self._service.execute_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        self._service.delete_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return EmptyResult()

    def list_exports(self) -> ActionResult:
        exports = [
            {"Name": name, "Value": value, "ExportingStackId": record.stack_id}
            for name, (record, value) in sorted(self._service.store.exports().items())
        ]
        return ActionResult({"Exports": exports})

    def list_imports(self) -> ActionResult:
        return ActionResult({"Imports": self._service.importers(self._get_param("ExportName"))})

    def _record(self) -> Any:
        return self._service.store.get(self._get_param("StackName"))

    def _request(self) -> Request:
        if self._get_param("TemplateURL"):
            raise ValidationError("TemplateURL: the lab takes templates as TemplateBody only (up to any size)")
        tags = self._get_param("Tags")
        return Request(
            stack=self._get_param("StackName"),
            body=self._get_param("TemplateBody"),
            previous_template=bool(self._get_bool_param("UsePreviousTemplate")),
            parameters=[dict(entry) for entry in self._get_param("Parameters", [])],
            tags=None if tags is None else {tag["Key"]: tag["Value"] for tag in tags},
            capabilities=tuple(self._get_param("Capabilities", [])),
            role_arn=self._get_param("RoleARN"),
            notification_arns=tuple(self._get_param("NotificationARNs", [])),
        )

    def _paged(self, key: str, items: list[dict[str, Any]]) -> ActionResult:
        start = int(self._get_param("NextToken") or 0)
        following = start + _PAGE
        token = str(following) if following < len(items) else None
        return ActionResult({key: items[start:following], "NextToken": token})
