"""The functionless REST API: API Gateway answers by itself or talks to DynamoDB, through mapping templates."""

from __future__ import annotations

from aws_cdk import Aws, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import mapping
from infra.integrations import JSON, Reply, common_headers, dynamodb, method_responses, mock

STAGE_NAME = "prod"

_REFUSED_OR_FAILED = (
    Reply(status=400, template=mapping.REFUSED, pattern="400"),
    Reply(status=502, template=mapping.TABLE_FAILED),
)


def create_api(scope: Construct, *, name: str, table_name: str) -> apigateway.RestApi:
    """POST /data, GET /data/{pk}, GET /health and GET /health/deep on a regional endpoint."""
    role = _table_role(scope, table_name)
    api = _rest_api(scope, name, table_name)
    _add_data(api, role)
    _add_health(api, role)
    _add_gateway_responses(api)
    return api


def _table_role(scope: Construct, table_name: str) -> iam.Role:
    """May put and get items of this table in this region, no more; its generated name is unique to the region."""
    table_arn = Stack.of(scope).format_arn(
        service="dynamodb", region=Aws.REGION, resource="table", resource_name=table_name
    )
    may_put_and_get = iam.PolicyStatement(actions=["dynamodb:GetItem", "dynamodb:PutItem"], resources=[table_arn])
    return iam.Role(
        scope,
        "ApiRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        description="Lets the API reach its table",
        inline_policies={"table": iam.PolicyDocument(statements=[may_put_and_get])},
    )


def _rest_api(scope: Construct, name: str, table_name: str) -> apigateway.RestApi:
    """HEALTH is the switch: anything but 200 makes both health paths answer 503, with no new deployment."""
    api = apigateway.RestApi(
        scope,
        "Api",
        rest_api_name=name,
        endpoint_types=[apigateway.EndpointType.REGIONAL],
        cloud_watch_role=False,
        deploy_options=apigateway.StageOptions(stage_name=STAGE_NAME, variables={"HEALTH": "200", "TABLE": table_name}),
    )
    # The stack has its own outputs.
    api.node.try_remove_child("Endpoint")
    return api


def _add_data(api: apigateway.RestApi, role: iam.IRole) -> None:
    data = api.root.add_resource("data")
    item = data.add_resource("{pk}")
    put = (Reply(status=200, template=mapping.ITEM_PUT, pattern="200"), *_REFUSED_OR_FAILED)
    data.add_method(
        "POST",
        dynamodb("PutItem", mapping.PUT_ITEM, put, role=role),
        method_responses=method_responses(put),
        request_models={JSON: _new_item(api)},
        request_validator=api.add_request_validator("BodyValidator", validate_request_body=True),
    )
    got = (Reply(status=200, template=mapping.ITEM_GOT, pattern="200"), *_REFUSED_OR_FAILED)
    item.add_method(
        "GET",
        dynamodb("GetItem", mapping.GET_ITEM, got, role=role),
        method_responses=method_responses(got),
        request_parameters={"method.request.path.pk": True},
    )
    _add_preflight(data, "OPTIONS,POST")
    _add_preflight(item, "GET,OPTIONS")


def _new_item(api: apigateway.RestApi) -> apigateway.Model:
    """A body without a text as `name` is answered with 400 before DynamoDB sees it."""
    return api.add_model(
        "NewItem",
        content_type=JSON,
        schema=apigateway.JsonSchema(
            schema=apigateway.JsonSchemaVersion.DRAFT4,
            type=apigateway.JsonSchemaType.OBJECT,
            required=["name"],
            properties={"name": apigateway.JsonSchema(type=apigateway.JsonSchemaType.STRING)},
        ),
    )


def _add_preflight(resource: apigateway.Resource, methods: str) -> None:
    """Not CDK's own preflight: that one cannot name the region in its reply."""
    allowed = {"Access-Control-Allow-Methods": f"'{methods}'", "Access-Control-Allow-Headers": "'Content-Type'"}
    replies = (Reply(status=204, headers=allowed),)
    resource.add_method("OPTIONS", mock(mapping.PREFLIGHT, replies), method_responses=method_responses(replies))


def _add_health(api: apigateway.RestApi, role: iam.IRole) -> None:
    health = api.root.add_resource("health")
    switched = (
        Reply(status=200, template=mapping.HEALTHY, pattern="200"),
        Reply(status=503, template=mapping.SWITCHED_OFF),
    )
    health.add_method("GET", mock(mapping.HEALTH_SWITCH, switched), method_responses=method_responses(switched))
    read = (
        Reply(status=200, template=mapping.TABLE_ANSWERED, pattern="200"),
        Reply(status=503, template=mapping.TABLE_SILENT),
    )
    health.add_resource("deep").add_method(
        "GET",
        dynamodb("GetItem", mapping.READ_HEALTH_ITEM, read, role=role),
        method_responses=method_responses(read),
    )


def _add_gateway_responses(api: apigateway.RestApi) -> None:
    """What API Gateway answers by itself (unknown path, bad body, throttled, timeout) names the region too."""
    refusals = {
        "ClientError": apigateway.ResponseType.DEFAULT_4_XX,
        "ServerError": apigateway.ResponseType.DEFAULT_5_XX,
    }
    for construct_id, refusal in refusals.items():
        api.add_gateway_response(construct_id, type=refusal, response_headers=common_headers())
