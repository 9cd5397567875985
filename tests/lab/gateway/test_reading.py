"""Against a real moto server: what boto3 wrote is what the gateway gets, deployments included."""

from __future__ import annotations

from types import SimpleNamespace

import boto3
import pytest
from moto.server import ThreadedMotoServer

from harness.lab.gateway.config import GatewayResponse, RequestValidator, Throttle
from harness.lab.gateway.reading import read_api_config, snapshot_from

REGION = "af-south-1"  # Used by no other test: moto keeps its state per process.


@pytest.fixture(scope="module")
def aws_url():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def deployed(aws_url):
    """One API with GET /health, a stage, a throttled method and a mapped domain."""
    client = boto3.client(
        "apigateway", endpoint_url=aws_url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )
    api = client.create_rest_api(name="demo", policy='{"Statement":[]}')["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    resource = client.create_resource(restApiId=api, parentId=root, pathPart="health")["id"]
    validator = client.create_request_validator(restApiId=api, name="v", validateRequestBody=True)["id"]
    client.create_model(restApiId=api, name="Item", contentType="application/json", schema='{"type":"object"}')
    method = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
    models = {"application/json": "Item"}
    client.put_method(**method, authorizationType="NONE", requestModels=models, requestValidatorId=validator)
    client.put_method_response(**method, statusCode="200")
    template = {"application/json": '{"statusCode": 200}'}
    client.put_integration(**method, type="MOCK", requestTemplates=template, passthroughBehavior="NEVER")
    client.put_integration_response(
        **method, statusCode="200", selectionPattern="2..", responseTemplates={"application/json": "{}"},
        responseParameters={},
    )  # fmt: skip
    parameters = {"gatewayresponse.header.x": "'a'"}
    client.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX", responseParameters=parameters)
    deployment = client.create_deployment(restApiId=api)["id"]
    client.create_stage(restApiId=api, stageName="prod", deploymentId=deployment, variables={"HEALTH": "200"})
    operations = [
        {"op": "replace", "path": "/~1health/GET/throttling/rateLimit", "value": "5"},
        {"op": "replace", "path": "/~1health/GET/throttling/burstLimit", "value": "7"},
    ]
    client.update_stage(restApiId=api, stageName="prod", patchOperations=operations)
    client.create_domain_name(domainName="api.example.com", endpointConfiguration={"types": ["REGIONAL"]})
    client.create_base_path_mapping(domainName="api.example.com", restApiId=api, stage="prod")
    return SimpleNamespace(api=api, deployment=deployment)


@pytest.fixture(scope="module")
def config(aws_url, deployed):
    return read_api_config(aws_url, REGION)


@pytest.fixture(scope="module")
def stage(config):
    return config.apis[0].stages[0]


def test_stages_keep_variables_and_throttles(stage):
    assert (stage.name, stage.variables) == ("prod", {"HEALTH": "200"})
    assert stage.throttles == {"health/GET": Throttle(rate_rps=5, burst=7)}


def test_domains_keep_their_target_and_mappings(config, deployed):
    (domain,) = config.domains
    (mapping,) = domain.mappings

    assert domain.regional_target.endswith(f".execute-api.{REGION}.amazonaws.com")
    assert (mapping.base_path, mapping.api_id, mapping.stage) == ("(none)", deployed.api, "prod")


def test_methods_keep_all_that_serving_needs(stage):
    (resource,) = [each for each in stage.snapshot.resources if each.path == "/health"]
    (method,) = resource.methods
    (response,) = method.integration.responses

    assert method.validator == RequestValidator(validates_body=True)
    assert (method.request_models, method.response_statuses) == ({"application/json": "Item"}, (200,))
    assert (method.integration.type, method.integration.passthrough_behavior) == ("MOCK", "NEVER")
    assert (response.status_code, response.selection_pattern) == (200, "2..")


def test_the_api_keeps_models_policy_and_only_its_own_gateway_responses(stage):
    snapshot = stage.snapshot

    assert snapshot.models["Item"] == '{"type":"object"}'
    assert snapshot.policy == '{"Statement":[]}'
    assert snapshot.gateway_responses == (
        GatewayResponse(response_type="DEFAULT_4XX", parameters={"gatewayresponse.header.x": "'a'"}),
    )


def test_with_a_source_of_deployments_a_stage_serves_its_deployments_snapshot(aws_url, deployed):
    frozen = SimpleNamespace(
        rest_api={"disableExecuteApiEndpoint": True}, resources=[{"path": "/old"}], gateway_responses=[],
        request_validators=[], models=[],
    )  # fmt: skip
    asked = []

    def deployed_snapshot(*place):
        asked.append(place)
        return frozen

    config = read_api_config(aws_url, REGION, deployed=deployed_snapshot)

    assert config.apis[0].stages[0].snapshot == snapshot_from(frozen)
    assert asked == [(REGION, deployed.api, deployed.deployment)]


def test_gateway_responses_that_aws_shows_as_its_own_are_not_the_apis():
    shown = [{"responseType": "THROTTLED", "statusCode": "429", "defaultResponse": True}]
    api = SimpleNamespace(rest_api={}, resources=[], gateway_responses=shown, request_validators=[], models=[])

    assert snapshot_from(api).gateway_responses == ()


def test_a_policy_with_its_quotes_escaped_once_more_is_read_as_aws_shows_it():
    api = SimpleNamespace(
        rest_api={"policy": '{\\"Statement\\":[]}'},
        resources=[],
        gateway_responses=[],
        request_validators=[],
        models=[],
    )

    assert snapshot_from(api).policy == '{"Statement":[]}'
