"""GlobalApplication: everything that one region holds."""

from __future__ import annotations

from aws_cdk import Aws, BootstraplessSynthesizer, CfnOutput, Environment, Stack, Tags
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from harness.stack import OPT_IN_TAG, RegionName
from infra.api import create_api
from infra.domain import RegionalDomain, create_regional_domain, execute_api_host
from infra.parameters import Parameters, declare_parameters
from infra.settings import Settings
from infra.table import create_global_table, replica_by_name


class GlobalApplication(Stack):
    """One region's stack; the main region's also owns the global table with the replicas of all regions."""

    def __init__(self, scope: Construct, construct_id: str, *, region: RegionName, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name,
            env=Environment(region=region),
            description="Active-active serverless application, the part of one region",
            # There is nothing to upload, so the account need not be bootstrapped.
            synthesizer=BootstraplessSynthesizer(),
        )
        parameters = declare_parameters(self, settings)
        table_name = self._table_name(parameters, settings)
        api = create_api(self, name=Aws.STACK_NAME, table_name=table_name)
        regional = create_regional_domain(self, parameters, api)
        self._add_outputs(parameters, table_name, api, regional)
        allow_faults = parameters.allow_faults.value_as_string
        # The tag of the stack itself cannot hold a parameter's value; the harness reads that of the REST API.
        Tags.of(self).add(OPT_IN_TAG, allow_faults, exclude_resource_types=["aws:cdk:stack"])

    def _table_name(self, parameters: Parameters, settings: Settings) -> str:
        name = parameters.table_name.value_as_string
        if self.region != settings.main_region:
            return replica_by_name(self, name).table_name
        replicas = settings.regions[1:]
        return create_global_table(self, name=name, replica_regions=replicas, retain=settings.retain_table).table_name

    def _add_outputs(
        self, parameters: Parameters, table_name: str, api: apigateway.RestApi, regional: RegionalDomain
    ) -> None:
        """All that the harness has to know about a region, so that it need not guess names."""
        outputs = {
            "RestApiId": api.rest_api_id,
            "StageName": api.deployment_stage.stage_name,
            "ExecuteApiHost": execute_api_host(api),
            "ApiUrl": f"https://{parameters.domain_name.value_as_string}/",
            "RegionalDomainName": regional.domain.domain_name_alias_domain_name,
            "RegionalHostedZoneId": regional.domain.domain_name_alias_hosted_zone_id,
            "HealthCheckId": regional.health_check.attr_health_check_id,
            "TableName": table_name,
            "DomainName": parameters.domain_name.value_as_string,
            "HostedZoneId": parameters.hosted_zone_id.value_as_string,
            "HealthCheckInterval": parameters.health_check_interval.value_as_string,
            "FailureThreshold": parameters.failure_threshold.value_as_string,
            "HealthCheckPath": parameters.health_check_path.value_as_string,
        }
        for name, value in outputs.items():
            # Parameters have taken some of the construct ids; in the template, outputs have names of their own.
            CfnOutput(self, f"Output{name}", value=value).override_logical_id(name)
