"""replication-paused-by-fis: as replication-paused, by an AWS FIS experiment from a template that the owner made.

The template is made by hand, since its role is nobody's to create but the account owner's: one action,
aws:dynamodb:global-table-pause-replication, aimed at the ARN of the region's table. FIS writes the statements and takes
them out again, also when whoever started it is dead. The experiment is found again by a tag, so one that was started a
moment before a crash is stopped as well.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from harness.aws import aws_errors
from harness.errors import InvalidPlan, NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call, aws_call, carry_out
from harness.faults.canary import CANARY_ACTIONS
from harness.faults.cut_replication import CutReplication
from harness.faults.policies import read_policy
from harness.faults.replication_paused import LONGEST_S
from harness.faults.values import Values
from harness.stack import Stack
from harness.target import Target

ACTION = "aws:dynamodb:global-table-pause-replication"
TAG = "harness:fault"
SID = "DoNotModifyFisDynamoDbPauseReplication"
"""How the Sids of FIS's statements begin."""

_OVER = frozenset({"completed", "stopped", "failed", "cancelled"})
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


class ReplicationPausedByFis(CutReplication, frozen=True, kw_only=True, tag="replication-paused-by-fis"):
    """An experiment of the template is under way in `region` until rolled back, or until its duration has passed."""

    experiment_template_id: str

    name: ClassVar[str] = "replication-paused-by-fis"
    about: ClassVar[About] = About(
        summary="as replication-paused, by an AWS FIS experiment from a template of yours",
        iam_actions=(
            "fis:StartExperiment",
            "fis:TagResource",
            "fis:StopExperiment",
            "fis:GetExperiment",
            "fis:ListExperiments",
            "fis:GetExperimentTemplate",
            "dynamodb:DescribeTable",
            "dynamodb:GetResourcePolicy",
            *CANARY_ACTIONS,
        ),
        aws="FIS ends it by itself after the template's duration, and its statements expire then; tables may go on "
        "replicating for up to 5 minutes after the start. The template's role needs dynamodb:PutResourcePolicy, "
        "DeleteResourcePolicy, GetResourcePolicy, DescribeTable and tag:GetResources. AWS bills the minutes",
        confidence=Confidence.DOCUMENTED,
        bites_within_s=360,
        ends_itself="after the duration in the template",
        unknown="how soon within the 5 minutes replication stops",
    )

    def snapshot(self, target: Target) -> Values:
        """A token for the experiment, its duration, and both policies to the byte.

        Raises:
            NotDeployed: there is no such table or template.
            InvalidPlan: the template does something else, or to something else, or for too long; or FIS pauses already.
        """
        table, stream = self.arns(target)
        found = {"token": uuid.uuid4().hex, "duration_s": f"{self._checked_duration_s(target, table):g}"}
        for what, arn in (("table", table), ("stream", stream)):
            found |= {f"{what}_arn": arn, f"{what}_policy": read_policy(target, self.region, arn).text if arn else ""}
        if _fis_sids(target, self.region, found):
            raise InvalidPlan(
                f"{self.describe()}: FIS's statements are in the policy of {table} or of its stream already, so "
                "nothing could be proven; stop that experiment first (aws fis list-experiments)"
            )
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        asked = {
            "experimentTemplateId": self.experiment_template_id,
            # Started once, however often the call is made.
            "clientToken": snapshot["token"],
            "tags": {TAG: snapshot["token"]},
        }
        return (aws_call("fis", self.region, "StartExperiment", asked),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        """For people who want to know; the experiment's id is known once it was started."""
        return (self._stopping(f"<the one tagged {TAG}={snapshot['token']}>"),)

    def by_hand(self, stack: Stack, snapshot: Values) -> str:  # noqa: ARG002
        token = snapshot["token"]
        tagged = f"experiments[?tags.\\\"{TAG}\\\"=='{token}'].id"
        listing = f'aws fis list-experiments --region {self.region} --query "{tagged}" --output text'
        return f'aws fis stop-experiment --region {self.region} --id "$({listing})"'

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Stops what was started for this snapshot and is not over, and waits until FIS says that it has ended."""
        carry_out([self._stopping(one) for one in self._under_way(target, snapshot)], target)

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        """Not while statements of any experiment are there: which are whose, FIS does not document."""
        return not self._under_way(target, snapshot) and not _fis_sids(target, self.region, snapshot)

    def _stopping(self, experiment_id: str) -> Call:
        return aws_call("fis", self.region, "StopExperiment", {"id": experiment_id})

    def _under_way(self, target: Target, snapshot: Values) -> list[str]:
        with aws_errors(f"listing FIS experiments in {self.region}"):
            pages = target.client("fis", self.region).get_paginator("list_experiments").paginate()
            found = [one for page in pages for one in page["experiments"]]
        return [
            one["id"]
            for one in found
            if one.get("tags", {}).get(TAG) == snapshot["token"] and one["state"]["status"] not in _OVER
        ]

    def _checked_duration_s(self, target: Target, table_arn: str) -> float:
        template = self._template(target)
        named = f"experiment template {self.experiment_template_id} in {self.region}"
        actions = list(template.get("actions", {}).values())
        ids = [action.get("actionId") for action in actions]
        if ids != [ACTION]:
            raise InvalidPlan(
                f"{named} has actions {ids}: this fault starts templates of one action, {ACTION}; name one that has it"
            )
        arns = _aimed_at(template, actions[0])
        if arns != [table_arn]:
            raise InvalidPlan(
                f"{named} is aimed at {arns or 'tables that it finds by tags or filters'}: this fault touches the "
                f"stack's table only; make the target's resourceArns [{table_arn!r}]"
            )
        return _seconds(str(actions[0].get("parameters", {}).get("duration", "")), named)

    def _template(self, target: Target) -> Mapping[str, Any]:
        client = target.client("fis", self.region)
        with aws_errors(f"reading experiment template {self.experiment_template_id} in {self.region}"):
            try:
                found: Mapping[str, Any] = client.get_experiment_template(id=self.experiment_template_id)[
                    "experimentTemplate"
                ]
            except client.exceptions.ResourceNotFoundException as error:
                raise NotDeployed(
                    f"experiment template {self.experiment_template_id!r} does not exist in {self.region}: create one "
                    f"there with the action {ACTION} on the stack's table, or take an id of `aws fis "
                    f"list-experiment-templates --region {self.region}`"
                ) from error
        return found


def _aimed_at(template: Mapping[str, Any], action: Mapping[str, Any]) -> list[str]:
    names = action.get("targets", {}).values()
    return [arn for name in names for arn in template.get("targets", {}).get(name, {}).get("resourceArns") or ()]


def _seconds(duration: str, named: str) -> float:
    """Of ISO 8601, as FIS takes it. Raises InvalidPlan: not of that form, or too near the 20 hours."""
    match = _DURATION.fullmatch(duration)
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0)
    total_s = hours * 3600 + minutes * 60 + seconds
    if not 0 < total_s <= LONGEST_S:
        raise InvalidPlan(
            f"{named} has duration {duration!r}: at most {LONGEST_S:g} s (PT4H), since AWS drops a replica for good "
            "that was cut off for 20 hours; make the template's shorter"
        )
    return total_s


def _fis_sids(target: Target, region: str, snapshot: Values) -> set[str]:
    arns = [snapshot[f"{what}_arn"] for what in ("table", "stream") if snapshot[f"{what}_arn"]]
    return {sid for arn in arns for sid in read_policy(target, region, arn).sids() if sid.startswith(SID)}
