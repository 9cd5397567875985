"""What the faults on a Route 53 health check share: one field of it is changed, and only if nobody else changes it.

Every change names the version that it was made from (HealthCheckVersion), so Route 53 refuses it when somebody else
came in between. Route 53's control plane is in us-east-1 alone: while that region is away, none of this can be done
or undone (AWS Fault Isolation Boundaries, "Route 53").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.aws import aws_errors
from harness.errors import NotDeployed
from harness.faults.calls import GLOBAL_REGION, AwsCall, Call, aws_call, carry_out
from harness.faults.values import RegionalFault, Values
from harness.stack import RegionalStack, Stack
from harness.target import Target

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import HealthCheckTypeDef

VERSION = "HealthCheckVersion"

READ_AND_CHANGE = ("route53:GetHealthCheck", "route53:UpdateHealthCheck")


class HealthCheckFault(RegionalFault, frozen=True, kw_only=True):
    """`field` of the region's health check becomes `to`, as text."""

    field: ClassVar[str]

    @property
    def to(self) -> str:
        raise NotImplementedError

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"route53:healthcheck/{stack.in_region(self.region).health_check_id}",)

    def read(self, target: Target) -> Values:
        check = read_health_check(target, target.stack.in_region(self.region))
        value: object = check["HealthCheckConfig"].get(self.field, "")
        return {self.field: str(value).lower() if isinstance(value, bool) else str(value)}

    def broken(self, snapshot: Values) -> Values:  # noqa: ARG002
        return {self.field: self.to}

    def snapshot(self, target: Target) -> Values:
        """The field, and the version at which it was read."""
        # The version first: a change that comes between the two looks is then refused by Route 53.
        version = _version(target, target.stack.in_region(self.region))
        return {**super().snapshot(target), VERSION: str(version)}

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (_update(stack.in_region(self.region), self.field, self.to, int(snapshot[VERSION])),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (_update(stack.in_region(self.region), self.field, snapshot[self.field], None),)

    def rollback(self, target: Target, snapshot: Values) -> None:
        regional = target.stack.in_region(self.region)
        version = _version(target, regional)
        if self.is_to_be_undone(target, snapshot):
            carry_out([_update(regional, self.field, snapshot[self.field], version)], target)


def read_health_check(target: Target, regional: RegionalStack) -> HealthCheckTypeDef:
    """Raises NotDeployed when there is none."""
    check_id = regional.health_check_id
    client = target.route53()
    with aws_errors(f"reading health check {check_id} of {regional.region}"):
        try:
            return client.get_health_check(HealthCheckId=check_id)["HealthCheck"]
        except client.exceptions.NoSuchHealthCheck as error:
            raise NotDeployed(
                f"health check {check_id} of {regional.region} does not exist: the target file is older than the "
                "stack; deploy or discover again"
            ) from error


def _version(target: Target, regional: RegionalStack) -> int:
    return read_health_check(target, regional)["HealthCheckVersion"]


def _update(regional: RegionalStack, field: str, value: str, version: int | None) -> AwsCall:
    """The call that sets one field; a path that is empty is taken away. None: whatever the version is."""
    given: dict[str, object] = {"HealthCheckId": regional.health_check_id}
    if version is not None:
        given[VERSION] = version
    if field in {"Inverted", "Disabled"}:
        given[field] = value == "true"
    elif value:
        given[field] = value
    else:
        given["ResetElements"] = [field]
    return aws_call("route53", GLOBAL_REGION, "UpdateHealthCheck", given)
