"""Building blocks of a functionless API: MOCK and DynamoDB integrations whose every reply names its region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import Aws, Fn
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam

from infra import mapping

JSON = "application/json"
SERVED_REGION_HEADER = "x-served-region"
"""Names the region that served, in every reply: errors, preflights and API Gateway's own refusals included."""


def text(template: str) -> str:
    """`template`, to be filled in by CloudFormation where it names what only the deployment knows."""
    return Fn.sub(template) if "${" in template else template


def common_headers() -> dict[str, str]:
    """In every reply; scripts of other origins may read the reply and the region that gave it."""
    return {
        SERVED_REGION_HEADER: text(f"'{mapping.REGION}'"),
        "Access-Control-Allow-Origin": "'*'",
        "Access-Control-Expose-Headers": f"'{SERVED_REGION_HEADER}'",
    }


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One way to answer."""

    status: int
    template: str | None = None
    pattern: str | None = None
    """Of the integration's status code; None takes whatever no other pattern matches."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        return {f"method.response.header.{name}": value for name, value in {**common_headers(), **self.headers}.items()}

    def integration_response(self) -> apigateway.IntegrationResponse:
        return apigateway.IntegrationResponse(
            status_code=str(self.status),
            selection_pattern=self.pattern,
            response_parameters=self.all_headers(),
            response_templates={JSON: text(self.template)} if self.template else None,
        )

    def method_response(self) -> apigateway.MethodResponse:
        return apigateway.MethodResponse(
            status_code=str(self.status), response_parameters=dict.fromkeys(self.all_headers(), True)
        )


def method_responses(replies: Sequence[Reply]) -> list[apigateway.MethodResponse]:
    """What a method declares, so that its integration may answer with `replies`."""
    return [reply.method_response() for reply in replies]


def mock(request: str, replies: Sequence[Reply]) -> apigateway.MockIntegration:
    """Answers by itself with the status that `request` renders."""
    return apigateway.MockIntegration(
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        request_templates={JSON: text(request)},
        integration_responses=[reply.integration_response() for reply in replies],
    )


def dynamodb(action: str, request: str, replies: Sequence[Reply], *, role: iam.IRole) -> apigateway.AwsIntegration:
    """Calls DynamoDB's `action` in the API's own region, as `role`."""
    return apigateway.AwsIntegration(
        service="dynamodb",
        action=action,
        region=Aws.REGION,
        options=apigateway.IntegrationOptions(
            credentials_role=role,
            # A body of a type without a template would otherwise reach DynamoDB as it is, with the API's role.
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates={JSON: text(request)},
            integration_responses=[reply.integration_response() for reply in replies],
        ),
    )
