"""The reference stack's templates -> CloudFormation in every region, by change sets, with progress."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from harness.aws import Aws, aws_errors
from harness.clock import Clock
from harness.deployment.plan import DeployPlan
from harness.errors import DeployFailed
from harness.stack import OPT_IN_TAG, RegionName

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

POLL_EVERY_S = 2.0
CHANGE_SET_WITHIN_S = 300.0
_DEAD_ENDS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
STACK_WITHIN_S = 3600.0
"""A certificate's DNS validation takes minutes as a rule; CloudFormation waits for it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A resource reached a status, or a stack did (`resource` is then the stack's name)."""

    region: RegionName
    resource: str
    status: str
    reason: str = ""


OnProgress = Callable[[Progress], None]


class Deployer:
    """Creates, updates and deletes the plan's stack. `tell` hears of every resource that reaches a status."""

    def __init__(self, aws: Aws, clock: Clock, tell: OnProgress) -> None:
        self._aws = aws
        self._clock = clock
        self._tell = tell
        self._given_up = threading.Event()

    def deploy(self, plan: DeployPlan, templates: dict[RegionName, Path]) -> None:
        """Creates or updates the stack in every region: the main one first, since it owns the table, then the rest.

        Raises:
            DeployFailed: names the region, the resource and CloudFormation's reason.
        """
        main, *others = plan.regions
        self._deploy_region(plan, main, templates[main])
        self._in_each(others, lambda region: self._deploy_region(plan, region, templates[region]))

    def destroy(self, stack_name: str, regions: tuple[RegionName, ...]) -> None:
        """Deletes the stack everywhere, the main region last: the others use its table. Absent ones are skipped."""
        main, *others = regions
        self._in_each(others, lambda region: self._destroy_region(stack_name, region))
        self._destroy_region(stack_name, main)

    def _in_each(self, regions: Sequence[RegionName], work: Callable[[RegionName], None]) -> None:
        """Side by side; the first error counts once all have ended. Ctrl-C does not wait for CloudFormation."""
        with ThreadPoolExecutor(max_workers=max(1, len(regions))) as pool:
            futures = [pool.submit(work, region) for region in regions]
            try:
                wait(futures)
            except KeyboardInterrupt:
                self._given_up.set()
                raise
        for future in futures:
            future.result()

    def _deploy_region(self, plan: DeployPlan, region: RegionName, template: Path) -> None:
        client = self._aws.cloudformation(region)
        with aws_errors(f"deploying stack {plan.stack_name} in {region}"):
            status = _status(client, plan.stack_name)
            if status in _DEAD_ENDS:
                raise DeployFailed(
                    f"stack {plan.stack_name} in {region} is {status}, which CloudFormation cannot update: "
                    "run `harness destroy`, then deploy again"
                )
            watcher = _Watcher(client, plan.stack_name, region, self._tell, self._given_up)
            watcher.skip()
            name = f"harness-{uuid.uuid4().hex[:12]}"
            client.create_change_set(
                StackName=plan.stack_name,
                ChangeSetName=name,
                ChangeSetType="UPDATE" if status else "CREATE",
                TemplateBody=template.read_text(),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in plan.parameters().items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Tags=[{"Key": OPT_IN_TAG, "Value": "true" if plan.allow_faults else "false"}],
            )
            if not _change_set_ready(client, plan.stack_name, name, region, self._clock):
                client.delete_change_set(StackName=plan.stack_name, ChangeSetName=name)
                self._tell(Progress(region=region, resource=plan.stack_name, status="UNCHANGED"))
                return
            client.execute_change_set(StackName=plan.stack_name, ChangeSetName=name)
            watcher.until(("CREATE_COMPLETE", "UPDATE_COMPLETE"), self._clock)

    def _destroy_region(self, stack_name: str, region: RegionName) -> None:
        client = self._aws.cloudformation(region)
        with aws_errors(f"deleting stack {stack_name} in {region}"):
            if _status(client, stack_name) is None:
                self._tell(Progress(region=region, resource=stack_name, status="ABSENT"))
                return
            watcher = _Watcher(client, stack_name, region, self._tell, self._given_up)
            watcher.skip()
            client.delete_stack(StackName=stack_name)
            watcher.until(("DELETE_COMPLETE",), self._clock)


def _status(client: CloudFormationClient, stack_name: str) -> str | None:
    """None when there is no such stack."""
    try:
        stacks = client.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    status = stacks[0]["StackStatus"] if stacks else None
    # A stack in review holds only a change set that was never executed.
    return None if status in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS") else status


def _change_set_ready(
    client: CloudFormationClient, stack_name: str, name: str, region: RegionName, clock: Clock
) -> bool:
    """False when the change set is empty."""
    deadline_s = clock.now_s() + CHANGE_SET_WITHIN_S
    while True:
        described = client.describe_change_set(StackName=stack_name, ChangeSetName=name)
        if described["Status"] == "CREATE_COMPLETE":
            return True
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "no reason given")
            if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                return False
            raise DeployFailed(f"stack {stack_name} in {region}: CloudFormation refused the template: {reason}")
        if clock.now_s() > deadline_s:
            raise DeployFailed(
                f"stack {stack_name} in {region}: change set {name} still {described['Status']} after "
                f"{CHANGE_SET_WITHIN_S:.0f} s; look at it in the CloudFormation console"
            )
        clock.sleep_until_s(clock.now_s() + POLL_EVERY_S)


class _Watcher:
    """Follows a stack's events from now on."""

    def __init__(
        self,
        client: CloudFormationClient,
        stack_name: str,
        region: RegionName,
        tell: OnProgress,
        given_up: threading.Event,
    ) -> None:
        self._client = client
        self._given_up = given_up
        self._stack_name = stack_name
        self._stack_id = stack_name
        self._region = region
        self._tell = tell
        self._seen: set[str] = set()
        self._failures: list[str] = []

    def skip(self) -> None:
        """Events up to now are of earlier operations."""
        for event in self._events():
            self._seen.add(event["EventId"])

    def until(self, good: tuple[str, ...], clock: Clock) -> None:
        """Returns when it is so, or when nobody waits any more.

        Raises:
            DeployFailed: the stack ended in another status; with the resources' reasons.
        """
        deadline_s = clock.now_s() + STACK_WITHIN_S
        while not self._given_up.is_set():
            self._tell_new()
            status = self._stack_status()
            if status in good:
                return
            if not status.endswith("_IN_PROGRESS"):
                reasons = "; ".join(self._failures) or "CloudFormation gave no reason"
                raise DeployFailed(f"stack {self._stack_name} in {self._region} ended {status}: {reasons}")
            if clock.now_s() > deadline_s:
                raise DeployFailed(
                    f"stack {self._stack_name} in {self._region} is still {status} after {STACK_WITHIN_S:.0f} s; "
                    "is the certificate waiting for its DNS validation record?"
                )
            clock.sleep_until_s(clock.now_s() + POLL_EVERY_S)

    def _stack_status(self) -> str:
        # A deleted stack is found only by its id.
        try:
            described = self._client.describe_stacks(StackName=self._stack_id)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return "DELETE_COMPLETE"
            raise
        return described["StackStatus"]

    def _tell_new(self) -> None:
        for event in reversed(self._events()):
            if event["EventId"] in self._seen:
                continue
            self._seen.add(event["EventId"])
            status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
            resource = event.get("LogicalResourceId", "")
            if status.endswith("FAILED") and "cancelled" not in reason:
                self._failures.append(f"{event.get('ResourceType')} {resource}: {reason}")
            self._tell(Progress(region=self._region, resource=resource, status=status, reason=reason))

    def _events(self) -> list[Any]:
        """Newest first, the first page: enough between two polls of one stack of some forty resources."""
        try:
            events = list(self._client.describe_stack_events(StackName=self._stack_id)["StackEvents"])
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        if events:
            self._stack_id = events[0]["StackId"]
        return events
