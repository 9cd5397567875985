"""AWS::CertificateManager::Certificate. Issued at once: nobody waits for a validation e-mail in a lab."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

from harness.lab.controlplane.cloudformation.errors import ResourceFailed
from harness.lab.controlplane.cloudformation.registry import Context, Made, Properties, ResourceType, cfn
from harness.lab.controlplane.services import acm


@cfn(
    "AWS::CertificateManager::Certificate",
    properties="CertificateTransparencyLoggingPreference DomainName DomainValidationOptions KeyAlgorithm"
    " SubjectAlternativeNames Tags ValidationMethod",
    replaced_by="DomainName DomainValidationOptions KeyAlgorithm SubjectAlternativeNames ValidationMethod",
)
class Certificate(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        if properties.get("ValidationMethod") != "DNS":
            raise ResourceFailed(
                f"{context.logical_id}: ValidationMethod must be DNS; by e-mail the stack would wait for a person"
            )
        arn = acm.issue_certificate(
            context.region, properties["DomainName"], list(properties.get("SubjectAlternativeNames") or ())
        )
        acm.set_tags(context.region, arn, context.tags(properties))
        return Made(physical_id=arn)

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        acm.set_tags(context.region, made.physical_id, context.tags(new))
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        acm.delete_certificate(context.region, made.physical_id)
