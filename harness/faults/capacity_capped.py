"""capacity-capped: the on-demand table takes only so many writes a second, in every region: users are throttled.

The maximum of a global table's writes is one setting for all replicas ("on-demand maximum write throughput" is
synchronized between them), so this fault is in every region of the stack, and they all must be named.
"""

from __future__ import annotations

from typing import ClassVar

from botocore.exceptions import ClientError

from harness.aws import aws_errors
from harness.errors import InvalidPlan, NotDeployed, TargetError
from harness.faults.about import About, Confidence
from harness.faults.calls import AwsCall, Call, aws_call, error_code
from harness.faults.canary import Canary
from harness.faults.values import Values, ValuesFault
from harness.stack import RegionName, Stack
from harness.target import Target

LARGEST_UNITS = 20
NO_MAXIMUM = -1
"""As DynamoDB's API says that there is none."""
MAXIMUM = "MaxWriteRequestUnits"
THROTTLED_CODES = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded")


class CapacityCapped(ValuesFault, frozen=True, kw_only=True, tag="capacity-capped"):
    """The stack's table takes at most `max_write_units` a second in each of its regions, which are `regions`."""

    regions: tuple[RegionName, ...]
    max_write_units: int = 1

    name: ClassVar[str] = "capacity-capped"
    about: ClassVar[About] = About(
        summary="the table takes only so many writes a second in every region; more are throttled, replication too",
        iam_actions=(
            "dynamodb:DescribeTable",
            "dynamodb:UpdateTable",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
        ),
        aws="writes above an on-demand table's maximum are throttled, on a best-effort basis; the maximum of a global "
        "table's writes is the same in all replicas; replicated writes need capacity too, and wait for it",
        confidence=Confidence.DERIVED,
        unknown="how much of a burst passes, with which error it is refused, and how soon a changed maximum counts",
        bites_within_s=120.0,
    )

    def __post_init__(self) -> None:
        if not 1 <= self.max_write_units <= LARGEST_UNITS:
            raise InvalidPlan(
                f"capacity-capped max_write_units {self.max_write_units}: from 1 to {LARGEST_UNITS}; a higher maximum "
                "is not met by the few writes that prove it"
            )

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"dynamodb:{stack.in_region(stack.main_region).table_name}/capacity",)

    def read(self, target: Target) -> Values:
        """The maximum as text; empty when there is none."""
        region = target.stack.main_region
        table, client = target.stack.in_region(region).table_name, target.dynamodb(region)
        with aws_errors(f"describing table {table} in {region}"):
            try:
                found = client.describe_table(TableName=table)["Table"]
            except client.exceptions.ResourceNotFoundException as error:
                raise NotDeployed(f"table {table} does not exist in {region}: deploy or discover again") from error
        if found.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
            raise NotDeployed(f"table {table} in {region} is not on demand: it has no maximum that could be changed")
        units = found.get("OnDemandThroughput", {}).get(MAXIMUM, NO_MAXIMUM)
        return {MAXIMUM: "" if units == NO_MAXIMUM else str(units)}

    def broken(self, snapshot: Values) -> Values:  # noqa: ARG002
        return {MAXIMUM: str(self.max_write_units)}

    def snapshot(self, target: Target) -> Values:
        """Raises InvalidPlan unless every region of the stack is named."""
        known = target.stack.region_names
        if set(self.regions) != set(known):
            raise InvalidPlan(
                f"capacity-capped regions {','.join(self.regions)}: the maximum is one for all replicas of the table, "
                f"so all regions of the stack must be named: {','.join(known)}"
            )
        return super().snapshot(target)

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return (_set_maximum(stack, self.max_write_units),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (_set_maximum(stack, int(snapshot[MAXIMUM] or NO_MAXIMUM)),)

    def prove(self, target: Target) -> str | None:
        """How many of some writes in a row were throttled, in the main region."""
        tried = 2 * self.max_write_units + 6
        throttled = _throttled(target, tried)
        return f"{throttled} of {tried} writes in a row were throttled" if throttled else None

    def prove_removed(self, target: Target) -> bool:
        return _throttled(target, 2 * self.max_write_units + 6) == 0


def _set_maximum(stack: Stack, units: int) -> AwsCall:
    table = stack.in_region(stack.main_region).table_name
    return aws_call(
        "dynamodb", stack.main_region, "UpdateTable", {"TableName": table, "OnDemandThroughput": {MAXIMUM: units}}
    )


def _throttled(target: Target, tries: int) -> int:
    """Of so many writes, each tried once, how many DynamoDB throttled. They leave nothing behind."""
    region = target.stack.main_region
    with Canary(target) as canary:
        return sum(_is_throttled(canary, region) for _ in range(tries))


def _is_throttled(canary: Canary, region: RegionName) -> bool:
    try:
        canary.write(region, "here", once=True)
    except TargetError as error:
        if isinstance(error.__cause__, ClientError) and error_code(error) in THROTTLED_CODES:
            return True
        raise
    return False
