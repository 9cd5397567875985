"""AWS::ApiGateway types around REST APIs: custom domain names, base path mappings, the account."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any

from harness.lab.controlplane.cloudformation.registry import Context, Made, Properties, ResourceType, cfn
from harness.lab.controlplane.services import apigateway_state as state


@cfn(
    "AWS::ApiGateway::DomainName",
    properties="CertificateArn DomainName EndpointConfiguration RegionalCertificateArn SecurityPolicy Tags",
    replaced_by="DomainName",
    attributes="DistributionDomainName DistributionHostedZoneId DomainNameArn RegionalDomainName RegionalHostedZoneId",
)
class DomainName(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        domain = state.create_domain_name(
            context.region, properties["DomainName"], regional_certificate_arn=properties.get("RegionalCertificateArn")
        )
        self._assign(context, domain, properties)
        return self._made(context, domain)

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        domain = state.backend(context.region).get_domain_name(made.physical_id)
        arn = new.get("RegionalCertificateArn")
        state.check_certificate(context.region, arn, made.physical_id)
        domain.regional_certificate_arn = arn
        self._assign(context, domain, new)
        return self._made(context, domain)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.delete_domain_name(context.region, made.physical_id)

    def _assign(self, context: Context, domain: Any, properties: Properties) -> None:
        endpoint = properties.get("EndpointConfiguration") or {}
        domain.certificate_arn = properties.get("CertificateArn")
        domain.security_policy = properties.get("SecurityPolicy", "TLS_1_2")
        domain.endpoint_configuration = {
            "types": list(endpoint.get("Types") or ["EDGE"]),
            "ipAddressType": endpoint.get("IpAddressType", "ipv4"),
        }
        domain.tags = context.tags(properties)

    def _made(self, context: Context, domain: Any) -> Made:
        attributes = {
            "DistributionDomainName": domain.distribution_domain_name,
            "DistributionHostedZoneId": domain.distribution_hosted_zone_id,
            "DomainNameArn": f"arn:aws:apigateway:{context.region}::/domainnames/{domain.domain_name}",
            "RegionalDomainName": domain.regional_domain_name,
            "RegionalHostedZoneId": domain.regional_hosted_zone_id,
        }
        return Made(physical_id=domain.domain_name, attributes=attributes)


@cfn(
    "AWS::ApiGateway::BasePathMapping",
    properties="BasePath DomainName RestApiId Stage",
    replaced_by="BasePath DomainName",
)
class BasePathMapping(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        mapping = state.create_base_path_mapping(
            context.region,
            properties["DomainName"],
            properties.get("BasePath"),
            properties["RestApiId"],
            properties.get("Stage"),
        )
        return Made(physical_id=f"{mapping.domain_name}|{mapping.base_path}")

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        operations = [{"op": "replace", "path": "/restapiId", "value": new["RestApiId"]}]
        if "Stage" in new:
            operations.append({"op": "replace", "path": "/stage", "value": new["Stage"]})
        backend = state.backend(context.region)
        backend.update_base_path_mapping(new["DomainName"], _base_path(made), operations)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        state.base_path_mappings(context.region, properties["DomainName"]).pop(_base_path(made), None)


@cfn("AWS::ApiGateway::Account", properties="CloudWatchRoleArn", attributes="Id")
class Account(ResourceType):
    """A region's settings for its logs; CloudFormation leaves them when the resource is deleted, as AWS does."""

    def create(self, context: Context, properties: Properties) -> Made:
        state.backend(context.region).account.cloudwatch_role_arn = properties.get("CloudWatchRoleArn")
        return Made(physical_id=context.logical_id, attributes={"Id": context.logical_id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        state.backend(context.region).account.cloudwatch_role_arn = new.get("CloudWatchRoleArn")
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """There is nothing to delete."""


def _base_path(made: Made) -> str:
    return made.physical_id.partition("|")[2]
