"""replication-paused: a region's replica neither sends nor takes replicated writes; its own reads and writes go on.

The policy statements are those that AWS FIS writes for aws:dynamodb:global-table-pause-replication, beside whatever
statements are there. They expire by themselves (DateLessThan), so a dead controller cannot leave the replica cut off
for the 20 hours after which AWS would drop it from the global table for good. After they are written, replication may
go on for up to five minutes (AWS FIS User Guide).
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from harness.errors import InvalidPlan
from harness.faults.about import About, Confidence
from harness.faults.calls import Call
from harness.faults.canary import CANARY_ACTIONS
from harness.faults.cut_replication import CutReplication
from harness.faults.policies import Policy, Statement, read_policy, remove_statements, write_policy
from harness.faults.values import Values
from harness.stack import Stack
from harness.target import Target

REPLICATION_SERVICE = "replication.dynamodb.amazonaws.com"
SERVICE_SID = "HarnessReplicationPausedServicePrincipal"
ROLE_SID = "HarnessReplicationPaused"
SIDS = (SERVICE_SID, ROLE_SID)

LONGEST_S = 4 * 3600.0
"""Well below the 20 hours."""

_ROLE_ACTIONS = (
    "GetItem", "PutItem", "UpdateItem", "DeleteItem", "DescribeTable", "UpdateTable", "Scan", "DescribeTimeToLive",
    "UpdateTimeToLive",
)  # fmt: skip
_STREAM_ACTIONS = ("GetRecords", "DescribeStream", "GetShardIterator")


class ReplicationPaused(CutReplication, frozen=True, kw_only=True, tag="replication-paused"):
    """The replica of `region` is cut off from replication until rolled back, or until `expires_after_s` has passed."""

    expires_after_s: float = 3600.0

    name: ClassVar[str] = "replication-paused"
    about: ClassVar[About] = About(
        summary="the region's replica neither sends nor takes replicated writes; its own reads and writes go on",
        iam_actions=(
            "dynamodb:DescribeTable",
            "dynamodb:GetResourcePolicy",
            "dynamodb:PutResourcePolicy",
            "dynamodb:DeleteResourcePolicy",
            *CANARY_ACTIONS,
        ),
        aws="AWS FIS pauses replication by these statements; replication may go on for up to five minutes after they "
        "are written, and a replica that is cut off for 20 hours is dropped from the global table for good",
        confidence=Confidence.DERIVED,
        bites_within_s=360,
        unknown="whether a policy written by hand pauses as one written by FIS does; how soon replication stops",
    )

    def __post_init__(self) -> None:
        if not 0 < self.expires_after_s <= LONGEST_S:
            raise InvalidPlan(
                f"replication-paused expires_after_s {self.expires_after_s:g}: at most {LONGEST_S:g} s, since AWS "
                "drops a replica for good that was cut off for 20 hours"
            )

    @property
    def ends_itself_after_s(self) -> float | None:
        return self.expires_after_s

    def snapshot(self, target: Target) -> Values:
        """The ARNs of table and stream, both policies to the byte with their revisions, and when the pause expires."""
        expires_at = target.new_clock().calendar() + timedelta(seconds=self.expires_after_s)
        found = {"until": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        for what, arn in zip(("table", "stream"), self.arns(target), strict=True):
            policy = read_policy(target, self.region, arn) if arn else Policy()
            found |= {f"{what}_arn": arn, f"{what}_policy": policy.text, f"{what}_revision": policy.revision}
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        """One call for the table's policy and one for the stream's, each beside the statements that are there."""
        ours = {
            "table": table_statements(snapshot["table_arn"], snapshot["until"]),
            "stream": [_role_statement(snapshot["stream_arn"], _STREAM_ACTIONS, snapshot["until"])]
            if snapshot["stream_arn"]
            else [],
        }
        return tuple(
            write_policy(self.region, snapshot[f"{what}_arn"], policy.having(ours[what]), policy.revision)
            for what in ("table", "stream")
            if ours[what]
            for policy in (Policy(text=snapshot[f"{what}_policy"], revision=snapshot[f"{what}_revision"]),)
        )

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return tuple(
            write_policy(self.region, snapshot[f"{what}_arn"], snapshot[f"{what}_policy"], None)
            for what in ("stream", "table")
            if snapshot[f"{what}_arn"]
        )

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Removes our statements only; what others changed meanwhile stays."""
        for what in ("stream", "table"):
            if snapshot[f"{what}_arn"]:
                remove_statements(target, self.region, snapshot[f"{what}_arn"], SIDS, snapshot[f"{what}_policy"])

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        arns = [snapshot[f"{what}_arn"] for what in ("stream", "table") if snapshot[f"{what}_arn"]]
        return not any(read_policy(target, self.region, arn).sids() & set(SIDS) for arn in arns)


def table_statements(arn: str, until: str) -> list[Statement]:
    """What FIS appends to a table's policy, with Sids of our own. `until` is RFC 3339, UTC."""
    service: Statement = {
        "Sid": SERVICE_SID,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication"],
        "Resource": arn,
        "Condition": {
            "StringEquals": {"aws:PrincipalServiceName": REPLICATION_SERVICE},
            "DateLessThan": {"aws:CurrentTime": until},
        },
    }
    return [service, _role_statement(arn, _ROLE_ACTIONS, until)]


def _role_statement(arn: str, actions: tuple[str, ...], until: str) -> Statement:
    account = arn.split(":")[4]
    role = f"arn:aws:iam::{account}:role/aws-service-role/{REPLICATION_SERVICE}/AWSServiceRoleForDynamoDBReplication"
    return {
        "Sid": ROLE_SID,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:PrincipalArn": role}, "DateLessThan": {"aws:CurrentTime": until}},
    }
