"""IAM actions -> the policy document that grants them, on the stack's resources and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from harness.stack import Stack

TO_WATCH = (
    "apigateway:GET",
    "route53:GetHealthCheck",
    "route53:GetHealthCheckStatus",
    "route53:GetHostedZone",
    "route53:ListResourceRecordSets",
    "dynamodb:DescribeTable",
    "acm:DescribeCertificate",
    "cloudformation:DescribeStacks",
)
"""What every run reads."""
TO_USE_ITEMS = (
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ListTagsOfResource",
    "cloudwatch:GetMetricStatistics",
)
"""What a workload of reads and writes calls."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    sid: str
    effect: str = "Allow"
    action: tuple[str, ...]
    resource: tuple[str, ...]


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    version: str = "2012-10-17"
    statement: tuple[Statement, ...]


def policy_for(actions: Iterable[str], stack: Stack) -> PolicyDocument:
    """One statement for each service, in order of name. A service that knows no resources of the stack gets "*"."""
    by_service: dict[str, set[str]] = {}
    for action in actions:
        by_service.setdefault(action.partition(":")[0], set()).add(action)
    return PolicyDocument(
        statement=tuple(
            Statement(sid=f"Harness{service.capitalize()}", action=tuple(sorted(found)), resource=_of(service, stack))
            for service, found in sorted(by_service.items())
        )
    )


def _of(service: str, stack: Stack) -> tuple[str, ...]:
    known = _RESOURCES.get(service)
    return known(stack) if known else ("*",)


def _apis(stack: Stack) -> tuple[str, ...]:
    apis = [
        f"arn:aws:apigateway:{regional.region}::/restapis/{regional.rest_api_id}{below}"
        for regional in stack.regions
        for below in ("", "/*")
    ]
    names = [
        f"arn:aws:apigateway:{regional.region}::/domainnames/{stack.domain_name}{below}"
        for regional in stack.regions
        for below in ("", "/*")
    ]
    return (*apis, *names)


def _zones_and_checks(stack: Stack) -> tuple[str, ...]:
    checks = [f"arn:aws:route53:::healthcheck/{regional.health_check_id}" for regional in stack.regions]
    return (f"arn:aws:route53:::hostedzone/{stack.hosted_zone_id}", "arn:aws:route53:::change/*", *checks)


def _tables(stack: Stack) -> tuple[str, ...]:
    return tuple(
        f"arn:aws:dynamodb:{regional.region}:*:table/{regional.table_name}{below}"
        for regional in stack.regions
        for below in ("", "/stream/*")
    )


_RESOURCES: dict[str, Callable[[Stack], tuple[str, ...]]] = {
    "apigateway": _apis,
    "route53": _zones_and_checks,
    "dynamodb": _tables,
}
