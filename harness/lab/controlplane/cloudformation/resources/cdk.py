"""AWS::CDK::Metadata: carries a version string and makes nothing."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

from harness.lab.controlplane.cloudformation.registry import Context, Made, Properties, ResourceType, cfn


@cfn("AWS::CDK::Metadata", properties="Analytics")
class Metadata(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        return Made(physical_id=f"{context.stack_name}-{context.logical_id}")

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """There is nothing to delete."""
