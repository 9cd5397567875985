"""Reads back, by boto3, everything that the rules of `checkers/deployment.py` judge; its docstring is the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from harness.aws import Aws, aws_errors
from harness.clock import Clock
from harness.errors import TargetError
from harness.events import DeployedResource, DeploymentSeen
from harness.stack import RegionalStack, RegionName, Stack

Read = Callable[[], Iterable[DeployedResource]]


def read_deployment(aws: Aws, stack: Stack, clock: Clock) -> DeploymentSeen:
    """The deployment now: records and health checks, then each region's API, domain, table and stack."""
    start_s = clock.now_s()
    with ThreadPoolExecutor(max_workers=len(stack.regions)) as pool:
        regional = list(pool.map(lambda place: list(_Region(aws, stack, place).read()), stack.regions))
    resources = [*_read_global(aws, stack), *(resource for part in regional for resource in part)]
    return DeploymentSeen(start_s=start_s, end_s=clock.now_s(), source="boto3", resources=tuple(resources))


def _resource(region: RegionName, kind: str, label: str, /, **properties: object) -> DeployedResource:
    """Booleans become "true" and "false"; what AWS does not report (None) is left out."""
    told = {key: _text(value) for key, value in properties.items() if value is not None}
    return DeployedResource(region=region, resource=f"{kind} {label}", properties=told)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _guarded(region: RegionName, kind: str, name: str, read: Read) -> list[DeployedResource]:
    """What `read` gives; nothing when AWS says that it does not exist; one resource with `error` when it can't tell."""
    try:
        with aws_errors(f"reading {kind} {name}"):
            return list(read())
    except TargetError as error:
        if _is_absent(error.__cause__):
            return []
        return [_resource(region, kind, name, error=str(error))]


def _is_absent(error: BaseException | None) -> bool:
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    return code.startswith(("NotFound", "NoSuch", "ResourceNotFound")) or "does not exist" in str(error)


def _read_global(aws: Aws, stack: Stack) -> list[DeployedResource]:
    def records() -> Iterator[DeployedResource]:
        pages = aws.route53().get_paginator("list_resource_record_sets").paginate(HostedZoneId=stack.hosted_zone_id)
        for page in pages:
            for record in page["ResourceRecordSets"]:
                if record["Name"].rstrip(".") == stack.domain_name:
                    yield _record(stack, record)

    found = _guarded(stack.main_region, "AWS::Route53::RecordSet", stack.domain_name, records)
    regions_of_checks = {regional.health_check_id: regional.region for regional in stack.regions}
    for record in found:
        check = record.properties.get("health_check_id")
        if check:
            regions_of_checks.setdefault(check, record.region)
    for check, region in regions_of_checks.items():
        found += _guarded(region, "AWS::Route53::HealthCheck", check, partial(_check, aws, region, check))
    return found


def _record(stack: Stack, record: Any) -> DeployedResource:
    region = record.get("Region")
    return _resource(
        region if region in stack.region_names else stack.main_region,
        "AWS::Route53::RecordSet",
        " ".join(filter(None, (record["Name"].rstrip("."), record["Type"], record.get("SetIdentifier")))),
        name=record["Name"].rstrip("."),
        type=record["Type"],
        set_identifier=record.get("SetIdentifier"),
        latency_region=region,
        alias_target=record.get("AliasTarget", {}).get("DNSName", "").rstrip(".") or None,
        health_check_id=record.get("HealthCheckId"),
    )


def _check(aws: Aws, region: RegionName, check_id: str) -> list[DeployedResource]:
    config = aws.route53().get_health_check(HealthCheckId=check_id)["HealthCheck"]["HealthCheckConfig"]
    return [
        _resource(
            region,
            "AWS::Route53::HealthCheck",
            check_id,
            id=check_id,
            type=config["Type"],
            port=config.get("Port"),
            host=config.get("FullyQualifiedDomainName"),
            path=config.get("ResourcePath"),
            interval_s=config.get("RequestInterval"),
            failure_threshold=config.get("FailureThreshold"),
            disabled=config.get("Disabled", False),
            inverted=config.get("Inverted", False),
            sni=config.get("EnableSNI"),
        )
    ]


class _Region:
    """Reads one region's part."""

    def __init__(self, aws: Aws, stack: Stack, place: RegionalStack) -> None:
        self._aws = aws
        self._stack = stack
        self._place = place
        self._region = place.region

    def read(self) -> Iterator[DeployedResource]:
        place, domain = self._place, self._stack.domain_name
        domains = self._guard("AWS::ApiGateway::DomainName", domain, self._domain)
        yield from domains
        for found in domains:
            certificate = found.properties.get("certificate_arn")
            if certificate:
                yield from self._guard(
                    "AWS::CertificateManager::Certificate", certificate, partial(self._certificate, certificate)
                )
        yield from self._guard("AWS::ApiGateway::BasePathMapping", domain, self._mappings)
        yield from self._guard("AWS::ApiGateway::RestApi", place.rest_api_id, self._rest_api)
        yield from self._guard("AWS::ApiGateway::Stage", f"{place.rest_api_id}/{place.stage}", self._stage)
        yield from self._guard("AWS::DynamoDB::GlobalTable", place.table_name, self._table)
        yield from self._guard("AWS::CloudFormation::Stack", self._stack.name, self._cloudformation)

    def _guard(self, kind: str, name: str, read: Read) -> list[DeployedResource]:
        return _guarded(self._region, kind, name, read)

    def _domain(self) -> Iterator[DeployedResource]:
        found = self._aws.apigateway(self._region).get_domain_name(domainName=self._stack.domain_name)
        yield _resource(
            self._region,
            "AWS::ApiGateway::DomainName",
            self._stack.domain_name,
            domain_name=found.get("domainName"),
            regional_domain_name=found.get("regionalDomainName"),
            endpoint_types=",".join(found.get("endpointConfiguration", {}).get("types", [])) or None,
            security_policy=found.get("securityPolicy"),
            certificate_arn=found.get("regionalCertificateArn"),
        )

    def _certificate(self, arn: str) -> Iterator[DeployedResource]:
        found = self._aws.acm(self._region).describe_certificate(CertificateArn=arn)["Certificate"]
        names = dict.fromkeys([found["DomainName"], *found.get("SubjectAlternativeNames", [])])
        yield _resource(
            self._region,
            "AWS::CertificateManager::Certificate",
            arn,
            arn=arn,
            status=found.get("Status"),
            names=",".join(names),
        )

    def _mappings(self) -> Iterator[DeployedResource]:
        domain = self._stack.domain_name
        pages = self._aws.apigateway(self._region).get_paginator("get_base_path_mappings").paginate(domainName=domain)
        for page in pages:
            for found in page.get("items", []):
                base_path = found.get("basePath") or "(none)"
                yield _resource(
                    self._region,
                    "AWS::ApiGateway::BasePathMapping",
                    f"{domain} {base_path}",
                    domain_name=domain,
                    base_path=base_path,
                    rest_api_id=found.get("restApiId"),
                    stage=found.get("stage"),
                )

    def _rest_api(self) -> Iterator[DeployedResource]:
        client, api = self._aws.apigateway(self._region), self._place.rest_api_id
        found = client.get_rest_api(restApiId=api)
        routes = [
            f"{method} {resource['path']}"
            for page in client.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
            for resource in page.get("items", [])
            for method in resource.get("resourceMethods", {})
        ]
        yield _resource(
            self._region,
            "AWS::ApiGateway::RestApi",
            api,
            id=api,
            endpoint_types=",".join(found.get("endpointConfiguration", {}).get("types", [])) or None,
            routes=",".join(sorted(routes)),
        )

    def _stage(self) -> Iterator[DeployedResource]:
        api, stage = self._place.rest_api_id, self._place.stage
        found = self._aws.apigateway(self._region).get_stage(restApiId=api, stageName=stage)
        variables = {f"variable.{name}": value for name, value in found.get("variables", {}).items()}
        yield _resource(
            self._region, "AWS::ApiGateway::Stage", f"{api}/{stage}", rest_api_id=api, stage=stage, **variables
        )

    def _table(self) -> Iterator[DeployedResource]:
        name = self._place.table_name
        found = self._aws.dynamodb(self._region).describe_table(TableName=name)["Table"]
        replicas = {
            f"replica.{replica['RegionName']}": replica.get("ReplicaStatus") for replica in found.get("Replicas", [])
        }
        yield _resource(
            self._region,
            "AWS::DynamoDB::GlobalTable",
            name,
            table_name=name,
            status=found.get("TableStatus"),
            **replicas,
        )

    def _cloudformation(self) -> Iterator[DeployedResource]:
        name = self._stack.name
        found = self._aws.cloudformation(self._region).describe_stacks(StackName=name)["Stacks"][0]
        tags = {f"tag.{tag['Key']}": tag["Value"] for tag in found.get("Tags", [])}
        yield _resource(
            self._region, "AWS::CloudFormation::Stack", name, stack_name=name, status=found["StackStatus"], **tags
        )
