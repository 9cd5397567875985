"""What the faults that cut a region off from replication share: the ARNs, and the proof by an item that stays there."""

from __future__ import annotations

from harness.aws import aws_errors
from harness.errors import NotDeployed
from harness.faults.canary import Canary
from harness.faults.values import RegionalFault
from harness.stack import Stack
from harness.target import Target

CANARY_WAIT_S = 10.0
"""Replication usually takes less than a second; an item that is not there after ten was not let through."""


class CutReplication(RegionalFault, frozen=True, kw_only=True):
    """The policies of the region's table and stream are its resource, so there is one such fault in a region."""

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"dynamodb:{self.region}:{stack.in_region(self.region).table_name}/policy",)

    def arns(self, target: Target) -> tuple[str, str]:
        """(table, stream); the stream's is empty when there is none. Raises NotDeployed: there is no table."""
        table = target.stack.in_region(self.region).table_name
        with aws_errors(f"describing table {table} in {self.region}"):
            client = target.dynamodb(self.region)
            try:
                found = client.describe_table(TableName=table)["Table"]
            except client.exceptions.ResourceNotFoundException as error:
                raise NotDeployed(f"table {table} does not exist in {self.region}: run `harness deploy`") from error
        return found["TableArn"], found.get("LatestStreamArn", "")

    def prove(self, target: Target) -> str | None:
        """What was seen when an item written here is not there after `CANARY_WAIT_S`; None when it came through."""
        if self._canary_comes_through(target):
            return None
        return f"an item written in {self.region} was not in any other region {CANARY_WAIT_S:g} s later"

    def prove_removed(self, target: Target) -> bool:
        return self._canary_comes_through(target)

    def is_gone(self, target: Target) -> bool:
        try:
            self.arns(target)
        except NotDeployed:
            return True
        return False

    def _canary_comes_through(self, target: Target) -> bool:
        """Writes an item here and looks for it elsewhere; leaves nothing behind that it can reach."""
        others = [region for region in target.stack.region_names if region != self.region]
        with Canary(target) as canary:
            written_s = canary.write(self.region, "here")
            return canary.arrives("here", *others, since_s=written_s, within_s=CANARY_WAIT_S) is not None
