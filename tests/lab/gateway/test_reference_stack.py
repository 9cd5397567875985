"""The routes of a template in infra/templates, served as deployed: the resources are read from the template itself."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.lab.gateway.reading import snapshot_from

TEMPLATE = Path(__file__).parents[3] / "infra" / "templates" / "GlobalApplication-eu-west-1.template.json"
VALUES = {"AWS::Region": "eu-west-1", "AWS::Partition": "aws"}
ROLE = "arn:aws:iam::123456789012:role/ApiRole"


def resolved(value):
    """The template's value with Ref, Sub, Join and GetAtt done: enough of CloudFormation for these templates."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return VALUES.get(name, name)
        case {"Fn::GetAtt": [name, attribute]}:
            return ROLE if attribute == "Arn" else name
        case {"Fn::Join": [separator, parts]}:
            return separator.join(resolved(parts))
        case {"Fn::Sub": str() as text}:
            for name, replacement in VALUES.items():
                text = text.replace(f"${{{name}}}", replacement)
            return text
    return {key: resolved(each) for key, each in value.items()}


def lowered(value):
    """AWS's API writes "statusCode" where CloudFormation writes "StatusCode"; keys of maps stay as they are."""
    return {key[0].lower() + key[1:]: each for key, each in value.items()}


def by_status(responses):
    return {response["StatusCode"]: lowered(response) for response in responses}


def path_of(name, resources):
    resource = resources.get(name)
    if resource is None or resource["Type"] != "AWS::ApiGateway::Resource":
        return ""
    properties = resolved(resource["Properties"])
    return f"{path_of(properties['ParentId'], resources)}/{properties['PathPart']}"


def method_of(properties):
    integration = lowered(properties["Integration"])
    integration["integrationResponses"] = by_status(integration.get("integrationResponses", []))
    method = lowered(properties) | {"methodIntegration": integration}
    method["methodResponses"] = by_status(properties.get("MethodResponses", []))
    return method


@pytest.fixture(scope="module")
def snapshot():
    resources = json.loads(TEMPLATE.read_text())["Resources"]
    paths: dict = {}
    found: dict = {"GatewayResponse": [], "RequestValidator": [], "Model": []}
    for name, resource in resources.items():
        kind = resource["Type"].removeprefix("AWS::ApiGateway::")
        properties = resolved(resource.get("Properties", {}))
        if kind == "Method":
            methods = paths.setdefault(path_of(properties["ResourceId"], resources), {})
            methods[properties["HttpMethod"]] = method_of(properties)
        elif kind in found:
            found[kind].append(lowered(properties) | {"id": name, "name": name})
    return snapshot_from(
        SimpleNamespace(
            rest_api={},
            resources=[{"path": path, "resourceMethods": methods} for path, methods in paths.items()],
            gateway_responses=found["GatewayResponse"],
            request_validators=found["RequestValidator"],
            models=found["Model"],
        )
    )


@pytest.fixture
def deployed(running, build, snapshot):
    def deploy(health="200"):
        config = build.config(variables={"HEALTH": health, "TABLE": "items"})
        stage = config.apis[0].stages[0]
        running.gateway.replace_config(
            type(config)(
                region=config.region,
                domains=config.domains,
                apis=(type(config.apis[0])(api_id="api1", stages=(type(stage)(
                    name="prod", snapshot=snapshot, variables=stage.variables),)),),
            )
        )  # fmt: skip
        return running

    return deploy


def test_an_item_posted_is_read_back(deployed):
    running = deployed()
    posted = running.get("/prod/data", method="POST", body=json.dumps({"name": """it's "é" \\ / \n"""}))
    pk = json.loads(posted.body)["pk"]

    read = running.get(f"/prod/data/{pk}")

    assert (posted.status, read.status) == (200, 200)
    assert json.loads(read.body) == {"pk": pk, "name": """it's "é" \\ / \n""", "region": "eu-west-1"}


def test_a_key_with_quotes_is_looked_up_as_it_is(deployed):
    running = deployed()
    running.get("/prod/data/it's%20%22x%22")

    assert running.tables.calls[-1][2]["Key"] == {"pk": {"S": """it's "x\""""}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/prod/data/absent", None, 404),
        ("POST", "/prod/data", '{"name": 1}', 400),
        ("GET", "/prod/health", None, 200),
        ("GET", "/prod/health/deep", None, 200),
        ("OPTIONS", "/prod/data", None, 204),
        ("OPTIONS", "/prod/data/a", None, 204),
        ("GET", "/prod/nope", None, 403),
    ],
)
def test_every_reply_names_the_region_that_served(deployed, method, path, body, status):
    reply = deployed().get(path, method=method, body=body)

    assert (reply.status, reply.headers["x-served-region"]) == (status, "eu-west-1")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/prod/health", "/prod/health/deep"])
def test_the_switch_breaks_both_health_paths(deployed, path):
    reply = deployed(health="503").get(path)

    assert (reply.status, json.loads(reply.body)["cause"]) == (503, "switch")


def test_health_deep_is_503_when_the_table_refuses(deployed):
    running = deployed()
    running.tables.answers["GetItem"] = (400, {"__type": "com.amazon.coral.service#AccessDeniedException"})

    assert running.get("/prod/health/deep").status == 503
    assert running.get("/prod/health").status == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("com.amazon.coral.service#AccessDeniedException", 503),
        ("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", 429),
        ("com.amazon.coral.validate#ValidationException", 400),
    ],
)
def test_the_tables_refusals_are_told_apart(deployed, error, status):
    running = deployed()
    running.tables.answers["GetItem"] = (400, {"__type": error})

    assert running.get("/prod/data/a").status == status


def test_a_table_that_fails_is_502(deployed):
    running = deployed()
    running.tables.answers["PutItem"] = (500, {"__type": "com.amazon.coral.service#InternalServerError"})

    assert running.get("/prod/data", method="POST", body='{"name": "a"}').status == 502
