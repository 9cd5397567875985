"""A control plane for the whole session, emptied before each test; boto3 clients of it; a small template."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from harness.clock import ScaledClock
from harness.lab.controlplane import ControlPlane
from harness.lab.ports import Change

CHANGES: list[Change] = []
REGION = "eu-west-1"


def hello_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello from the lab"]


@pytest.fixture(scope="session")
def running() -> Iterator[ControlPlane]:
    plane = ControlPlane(clock=ScaledClock(20), seed=1, lab_routes={"/lab/hello": hello_app})
    plane.on_change(CHANGES.append)
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def plane(running: ControlPlane) -> ControlPlane:
    running.reset()
    running.health = running.dns = None
    CHANGES.clear()
    return running


@pytest.fixture
def changes(plane: ControlPlane) -> list[Change]:
    return CHANGES


@pytest.fixture(scope="session")
def session_clients(running: ControlPlane) -> dict[tuple[str, str], Any]:
    return {}


@pytest.fixture
def client(plane: ControlPlane, session_clients: dict[tuple[str, str], Any]) -> Callable[..., Any]:
    """client("apigateway"), client("acm", "us-east-1"): made once for all tests, since making one takes long."""

    def get(service: str, region: str = REGION) -> Any:
        key = (service, region)
        if key not in session_clients:
            session_clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=plane.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return session_clients[key]

    return get


@pytest.fixture
def zone_id(client: Callable[..., Any]) -> str:
    made = client("route53").create_hosted_zone(Name="example.com", CallerReference="test")
    return str(made["HostedZone"]["Id"].rsplit("/", 1)[-1])


@pytest.fixture
def template() -> dict[str, Any]:
    """Every resource type the lab has but the global table, in a stack like the reference stack."""
    return copy.deepcopy(_TEMPLATE)


@pytest.fixture
def deploy(client: Callable[..., Any], zone_id: str) -> Callable[..., dict[str, Any]]:
    """Creates the stack by create_stack and gives describe_stacks' answer for it."""

    def create(template: dict[str, Any], region: str = REGION, **parameters: str) -> dict[str, Any]:
        cloudformation = client("cloudformation", region)
        cloudformation.create_stack(StackName="app", **submission(template, zone_id, **parameters))
        return dict(cloudformation.describe_stacks(StackName="app")["Stacks"][0])

    return create


@pytest.fixture
def submit(zone_id: str) -> Callable[..., dict[str, Any]]:
    """Arguments of create_stack, update_stack and create_change_set for a template and parameters."""

    def arguments(template: dict[str, Any], **parameters: str) -> dict[str, Any]:
        return submission(template, zone_id, **parameters)

    return arguments


def submission(template: dict[str, Any], zone_id: str, **parameters: str) -> dict[str, Any]:
    values = parameters | ({"Zone": zone_id} if "Zone" in template.get("Parameters", {}) else {})
    return {
        "TemplateBody": json.dumps(template),
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "team", "Value": "edge"}],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    }


@pytest.fixture
def outputs() -> Callable[[dict[str, Any]], dict[str, str]]:
    return lambda stack: {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


@pytest.fixture
def physical_ids(client: Callable[..., Any]) -> Callable[..., dict[str, str]]:
    """Logical id -> physical id of the stack's resources."""

    def read(region: str = REGION) -> dict[str, str]:
        found = client("cloudformation", region).describe_stack_resources(StackName="app")["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    return read


_MOCK = {
    "Type": "MOCK",
    "RequestTemplates": {"application/json": '{"statusCode": $stageVariables.HEALTH}'},
    "IntegrationResponses": [
        {"StatusCode": "200", "ResponseTemplates": {"application/json": "ok"}},
        {"StatusCode": "503", "SelectionPattern": "503"},
    ],
}
_TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Zone": {"Type": "String"},
        "Interval": {"Type": "Number", "Default": "30", "AllowedValues": ["10", "30"]},
        "Health": {"Type": "String", "Default": "200"},
    },
    "Resources": {
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "app", "EndpointConfiguration": {"Types": ["REGIONAL"]}},
        },
        "HealthPath": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "PathPart": "health",
            },
        },
        "GetHealth": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResourceId": {"Ref": "HealthPath"},
                "HttpMethod": "GET",
                "AuthorizationType": "NONE",
                "RequestValidatorId": {"Ref": "Validator"},
                "Integration": _MOCK,
                "MethodResponses": [{"StatusCode": "200"}, {"StatusCode": "503"}],
            },
        },
        "Validator": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": {"RestApiId": {"Ref": "Api"}, "ValidateRequestBody": True},
        },
        "Item": {
            "Type": "AWS::ApiGateway::Model",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ContentType": "application/json",
                "Schema": {"type": "object", "required": ["name"]},
            },
        },
        "Denied": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResponseType": "DEFAULT_4XX",
                "ResponseParameters": {"gatewayresponse.header.x-region": {"Fn::Sub": "'${AWS::Region}'"}},
            },
        },
        # Nothing refers to the method: only DependsOn makes it exist before the deployment.
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": ["GetHealth", "Denied"],
            "Properties": {"RestApiId": {"Ref": "Api"}, "Description": "first"},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "prod",
                "Variables": {"HEALTH": {"Ref": "Health"}},
                "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 50}],
            },
        },
        "Logs": {
            "Type": "AWS::ApiGateway::Account",
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            },
        },
        "MayWrite": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "may-write",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}],
                },
            },
        },
        "Certificate": {
            "Type": "AWS::CertificateManager::Certificate",
            "Properties": {
                "DomainName": "api.example.com",
                "ValidationMethod": "DNS",
                "DomainValidationOptions": [{"DomainName": "api.example.com", "HostedZoneId": {"Ref": "Zone"}}],
            },
        },
        "Domain": {
            "Type": "AWS::ApiGateway::DomainName",
            "Properties": {
                "DomainName": "api.example.com",
                "RegionalCertificateArn": {"Ref": "Certificate"},
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "SecurityPolicy": "TLS_1_2",
            },
        },
        "Mapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Properties": {"DomainName": {"Ref": "Domain"}, "RestApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}},
        },
        "Check": {
            "Type": "AWS::Route53::HealthCheck",
            "Properties": {
                "HealthCheckConfig": {
                    "Type": "HTTPS",
                    "FullyQualifiedDomainName": {"Fn::Sub": "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
                    "Port": 443,
                    "ResourcePath": "/prod/health",
                    "RequestInterval": {"Ref": "Interval"},
                    "FailureThreshold": "3",
                },
                "HealthCheckTags": [{"Key": "Name", "Value": "app"}],
            },
        },
        "Record": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "HostedZoneId": {"Ref": "Zone"},
                "Name": "api.example.com",
                "Type": "A",
                "Region": {"Ref": "AWS::Region"},
                "SetIdentifier": {"Fn::Sub": "${AWS::Region}Api"},
                "HealthCheckId": {"Ref": "Check"},
                "AliasTarget": {
                    "DNSName": {"Fn::GetAtt": ["Domain", "RegionalDomainName"]},
                    "HostedZoneId": {"Fn::GetAtt": ["Domain", "RegionalHostedZoneId"]},
                },
            },
        },
        "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:x"}},
    },
    "Outputs": {
        "ApiId": {"Value": {"Ref": "Api"}},
        "Target": {"Value": {"Fn::GetAtt": ["Domain", "RegionalDomainName"]}, "Description": "alias target"},
        "Zone": {"Value": {"Fn::GetAtt": ["Domain", "RegionalHostedZoneId"]}},
        "CheckId": {"Value": {"Fn::GetAtt": ["Check", "HealthCheckId"]}},
    },
}
