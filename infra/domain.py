"""How clients reach a region: certificate, custom domain, health check and latency record."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Aws, Fn
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class RegionalDomain:
    """The region's entrance under the common name."""

    domain: apigateway.DomainName
    health_check: route53.CfnHealthCheck


def create_regional_domain(scope: Construct, parameters: Parameters, api: apigateway.RestApi) -> RegionalDomain:
    """The common name leads to `api` for those who are nearest to this region, while it is healthy."""
    domain = _custom_domain(scope, parameters)
    mapping = apigateway.BasePathMapping(
        scope, "RootMapping", domain_name=domain, rest_api=api, stage=api.deployment_stage
    )
    health_check = _health_check(scope, parameters, api)
    record = _latency_record(scope, parameters, domain, health_check)
    # No client may be sent here before the name leads to the API: without a mapping it answers 403 to everything.
    record.node.add_dependency(mapping)
    return RegionalDomain(domain=domain, health_check=health_check)


def execute_api_host(api: apigateway.RestApi) -> str:
    """Host of the API's default endpoint, which belongs to this region alone."""
    return f"{api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"


def _custom_domain(scope: Construct, parameters: Parameters) -> apigateway.DomainName:
    name = parameters.domain_name.value_as_string
    in_zone = acm.CfnCertificate.DomainValidationOptionProperty(
        domain_name=name, hosted_zone_id=parameters.hosted_zone_id.value_as_string
    )
    certificate = acm.CfnCertificate(
        scope, "Certificate", domain_name=name, validation_method="DNS", domain_validation_options=[in_zone]
    )
    return apigateway.DomainName(
        scope,
        "Domain",
        domain_name=name,
        certificate=acm.Certificate.from_certificate_arn(scope, "IssuedCertificate", certificate.ref),
        endpoint_type=apigateway.EndpointType.REGIONAL,
        security_policy=apigateway.SecurityPolicy.TLS_1_2,
    )


def _health_check(scope: Construct, parameters: Parameters, api: apigateway.RestApi) -> route53.CfnHealthCheck:
    """Probes the API's own host, not the common name: that one is answered by whichever region is healthy."""
    return route53.CfnHealthCheck(
        scope,
        "HealthCheck",
        health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
            type="HTTPS",
            fully_qualified_domain_name=execute_api_host(api),
            port=443,
            resource_path=f"/{api.deployment_stage.stage_name}{parameters.health_check_path.value_as_string}",
            request_interval=parameters.health_check_interval.value_as_number,
            failure_threshold=parameters.failure_threshold.value_as_number,
            # API Gateway serves nobody without a server name in the TLS handshake.
            enable_sni=True,
        ),
    )


def _latency_record(
    scope: Construct, parameters: Parameters, domain: apigateway.DomainName, health_check: route53.CfnHealthCheck
) -> route53.CfnRecordSet:
    return route53.CfnRecordSet(
        scope,
        "LatencyRecord",
        hosted_zone_id=parameters.hosted_zone_id.value_as_string,
        name=parameters.domain_name.value_as_string,
        type="A",
        region=Aws.REGION,
        set_identifier=Fn.sub("${AWS::Region}Api"),
        health_check_id=health_check.attr_health_check_id,
        alias_target=route53.CfnRecordSet.AliasTargetProperty(
            dns_name=domain.domain_name_alias_domain_name,
            hosted_zone_id=domain.domain_name_alias_hosted_zone_id,
            # It would watch API Gateway as a service, not this API; the health check is what decides.
            evaluate_target_health=False,
        ),
    )
