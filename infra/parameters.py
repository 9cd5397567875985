"""The CloudFormation parameters: one synthesized template serves every deployment."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnParameter, Stack

from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Their values are tokens while synthesizing; CloudFormation fills them in."""

    hosted_zone_id: CfnParameter
    domain_name: CfnParameter
    table_name: CfnParameter
    health_check_interval: CfnParameter
    failure_threshold: CfnParameter
    health_check_path: CfnParameter
    allow_faults: CfnParameter


def declare_parameters(stack: Stack, settings: Settings) -> Parameters:
    """Adds the parameters to `stack`, with the defaults that `settings` knows."""
    return Parameters(
        hosted_zone_id=_hosted_zone_id(stack, settings),
        domain_name=_domain_name(stack, settings),
        table_name=CfnParameter(
            stack,
            "TableName",
            default=settings.stack_name,
            allowed_pattern=r"[A-Za-z0-9_.-]{3,255}",
            description="Name of the global table, the same in every region",
        ),
        health_check_interval=CfnParameter(
            stack,
            "HealthCheckInterval",
            type="Number",
            default="30",
            allowed_values=["10", "30"],
            description="Seconds between two probes of one Route 53 checker; a change replaces the health check",
        ),
        failure_threshold=CfnParameter(
            stack,
            "FailureThreshold",
            type="Number",
            default=3,
            min_value=1,
            max_value=10,
            description="Probes in a row that must fail, or pass, before a checker changes its mind",
        ),
        health_check_path=CfnParameter(
            stack,
            "HealthCheckPath",
            default="/health",
            allowed_values=["/health", "/health/deep"],
            description="/health answers without touching the table, /health/deep reads it",
        ),
        allow_faults=CfnParameter(
            stack,
            "AllowFaults",
            default="true",
            allowed_values=["true", "false"],
            description="Value of the tag harness:allow-faults; the harness breaks nothing without it",
        ),
    )


def _hosted_zone_id(stack: Stack, settings: Settings) -> CfnParameter:
    return CfnParameter(
        stack,
        "HostedZoneId",
        default=settings.hosted_zone_id,
        allowed_pattern=r"[A-Z0-9]{1,32}",
        constraint_description="the id of a public hosted zone, such as Z0123456789ABC, without /hostedzone/",
        description="Public hosted zone that holds DomainName",
    )


def _domain_name(stack: Stack, settings: Settings) -> CfnParameter:
    return CfnParameter(
        stack,
        "DomainName",
        default=settings.domain_name,
        allowed_pattern=r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}",
        constraint_description="a host name in lower case, such as api.example.com",
        description="The one name under which every region serves",
    )
