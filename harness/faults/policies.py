"""Statements of a DynamoDB resource policy: added beside somebody else's, and only ours removed again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCKED_S = 15.0
RETRY_EVERY_S = 2.0
LOCKED_CODES = ("ResourceInUseException", "LimitExceededException", "ThrottlingException")
"""AWS does not publish with which error it refuses a change within the 15 s."""

Statement = dict[str, Any]
"""As AWS's policy language has it; it stays within this module and the faults that make it."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's policy as it is now. `revision` is AWS's, to change it only if nobody else did meanwhile."""

    statements: tuple[Statement, ...] = ()
    revision: str | None = None

    def sids(self) -> set[str]:
        return {statement.get("Sid", "") for statement in self.statements}


def read_policy(client: DynamoDBClient, arn: str) -> Policy:
    """An empty policy when the resource has none."""
    with aws_errors(f"reading the resource policy of {arn}"):
        try:
            found = client.get_resource_policy(ResourceArn=arn)
        except client.exceptions.PolicyNotFoundException:
            return Policy()
    document = json.loads(found["Policy"])
    statements = document.get("Statement", [])
    return Policy(
        statements=tuple(statements if isinstance(statements, list) else [statements]), revision=found.get("RevisionId")
    )


def add_statements(client: DynamoDBClient, arn: str, statements: Sequence[Statement], clock: Clock) -> None:
    """Puts our statements beside those there; ones with our Sids from before are replaced."""
    ours = {statement["Sid"] for statement in statements}
    now = read_policy(client, arn)
    others = [statement for statement in now.statements if statement.get("Sid") not in ours]
    _write_patiently(client, arn, [*others, *statements], now.revision, clock)


def remove_statements(client: DynamoDBClient, arn: str, sids: Sequence[str], clock: Clock) -> None:
    """Takes ours out, whatever else was changed meanwhile; a policy that was only ours goes altogether. Idempotent."""
    now = read_policy(client, arn)
    if not now.sids() & set(sids):
        return
    others = [one for one in now.statements if one.get("Sid") not in sids]
    _write_patiently(client, arn, others, now.revision, clock)


def _write_patiently(
    client: DynamoDBClient, arn: str, statements: Sequence[Statement], revision: str | None, clock: Clock
) -> None:
    """Waits out the 15 s for which AWS refuses a change after the last one."""
    deadline_s = clock.now_s() + LOCKED_S + RETRY_EVERY_S
    while True:
        try:
            return _write(client, arn, statements, revision)
        except TargetError as error:
            if not _is_locked(error.__cause__) or clock.now_s() > deadline_s:
                raise
        clock.sleep_until_s(clock.now_s() + RETRY_EVERY_S)


def _is_locked(error: BaseException | None) -> bool:
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in LOCKED_CODES


def _write(client: DynamoDBClient, arn: str, statements: Sequence[Statement], revision: str | None) -> None:
    """Raises TargetError when somebody else changed the policy since it was read, or AWS's 15 s are not over."""
    with aws_errors(f"changing the resource policy of {arn}"):
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            # NO_POLICY: only if there is still none.
            client.put_resource_policy(ResourceArn=arn, Policy=document, ExpectedRevisionId=revision or "NO_POLICY")
        elif revision:
            client.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)
        else:
            client.delete_resource_policy(ResourceArn=arn)
