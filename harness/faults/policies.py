"""Statements of a DynamoDB resource policy: added beside somebody else's, and only ours removed again.

Every change names the revision that it was made from, so AWS refuses it when somebody else came in between.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from harness.aws import aws_errors
from harness.faults.calls import AwsCall, aws_call, carry_out
from harness.stack import RegionName
from harness.target import Target

Statement = dict[str, Any]
"""As AWS's policy language has it; it stays within this module and the faults that make it."""

NO_POLICY = "NO_POLICY"
"""As an expected revision: only if there is still none."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's policy as it is now. `revision` is AWS's, to change it only if nobody else did meanwhile."""

    text: str = ""
    """The document to the byte; empty: there is none."""
    revision: str = NO_POLICY

    @property
    def statements(self) -> tuple[Statement, ...]:
        found = self._document().get("Statement", [])
        return tuple(found if isinstance(found, list) else [found])

    def sids(self) -> set[str]:
        return {statement.get("Sid", "") for statement in self.statements}

    def having(self, statements: Sequence[Statement]) -> str:
        """The document with these beside those there; ones with their Sids from before are replaced."""
        sids = {statement["Sid"] for statement in statements}
        return self._with([*self._without(sids), *statements])

    def lacking(self, sids: Sequence[str], before: str) -> str:
        """The document without these; `before`, to the byte, when that says the same; empty when nothing is left."""
        others = self._without(set(sids))
        if not others:
            return ""
        return before if Policy(text=before).statements == tuple(others) else self._with(others)

    def _without(self, sids: set[str]) -> list[Statement]:
        return [statement for statement in self.statements if statement.get("Sid") not in sids]

    def _with(self, statements: list[Statement]) -> str:
        return json.dumps({"Version": "2012-10-17", **self._document(), "Statement": statements})

    def _document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text) if self.text else {}
        return found


def read_policy(target: Target, region: RegionName, arn: str) -> Policy:
    """An empty policy when the resource has none."""
    client = target.dynamodb(region)
    with aws_errors(f"reading the resource policy of {arn}"):
        try:
            found = client.get_resource_policy(ResourceArn=arn)
        except client.exceptions.PolicyNotFoundException:
            return Policy()
    return Policy(text=found["Policy"], revision=found["RevisionId"])


def write_policy(region: RegionName, arn: str, text: str, revision: str | None) -> AwsCall:
    """The call that makes the policy `text`, or removes it when that is empty; None: whatever its revision is."""
    expected = {} if revision is None else {"ExpectedRevisionId": revision}
    if text:
        return aws_call("dynamodb", region, "PutResourcePolicy", {"ResourceArn": arn, "Policy": text, **expected})
    return aws_call("dynamodb", region, "DeleteResourcePolicy", {"ResourceArn": arn, **expected})


def remove_statements(target: Target, region: RegionName, arn: str, sids: Sequence[str], before: str) -> None:
    """Takes ours out, whatever else was changed meanwhile; a policy that was only ours goes altogether. Idempotent."""
    now = read_policy(target, region, arn)
    if now.sids() & set(sids):
        carry_out([write_policy(region, arn, now.lacking(sids, before), now.revision)], target)
