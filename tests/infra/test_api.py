"""The REST API: its methods, its role, and the region in every reply, as the templates say them."""

from __future__ import annotations

import itertools

import pytest

REGION_HEADER = "x-served-region"


def test_the_api_has_two_data_and_two_health_methods_and_preflights_for_data(ireland):
    assert set(ireland.methods()) == {
        "POST /data",
        "OPTIONS /data",
        "GET /data/{pk}",
        "OPTIONS /data/{pk}",
        "GET /health",
        "GET /health/deep",
    }


def test_the_endpoint_is_regional(template):
    assert template.only("AWS::ApiGateway::RestApi")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_every_answer_of_every_method_names_the_region(template):
    answers = list(
        itertools.chain.from_iterable(
            method["Integration"]["IntegrationResponses"] for method in template.methods().values()
        )
    )

    served = {answer["ResponseParameters"].get(f"method.response.header.{REGION_HEADER}") for answer in answers}
    assert served == {f"'{template.region}'"}


def test_every_header_of_an_answer_is_declared_by_its_method(ireland):
    """API Gateway refuses an integration response whose header or status its method does not declare."""
    for method in ireland.methods().values():
        declared = {reply["StatusCode"]: set(reply["ResponseParameters"]) for reply in method["MethodResponses"]}
        for answer in method["Integration"]["IntegrationResponses"]:
            assert set(answer["ResponseParameters"]) <= declared[answer["StatusCode"]]


def test_what_api_gateway_refuses_by_itself_names_the_region_too(template):
    responses = template.of_type("AWS::ApiGateway::GatewayResponse").values()

    assert {response["ResponseType"] for response in responses} == {"DEFAULT_4XX", "DEFAULT_5XX"}
    assert {response["ResponseParameters"][f"gatewayresponse.header.{REGION_HEADER}"] for response in responses} == {
        f"'{template.region}'"
    }


def test_scripts_of_other_origins_may_read_the_region(ireland):
    for method in ireland.methods().values():
        for answer in method["Integration"]["IntegrationResponses"]:
            headers = answer["ResponseParameters"]
            assert headers["method.response.header.Access-Control-Expose-Headers"] == f"'{REGION_HEADER}'"
            assert headers["method.response.header.Access-Control-Allow-Origin"] == "'*'"


@pytest.mark.parametrize(("method", "allowed"), [("/data", "'OPTIONS,POST'"), ("/data/{pk}", "'GET,OPTIONS'")])
def test_a_preflight_lists_the_methods_of_its_resource(ireland, method, allowed):
    (answer,) = ireland.methods()[f"OPTIONS {method}"]["Integration"]["IntegrationResponses"]

    assert answer["ResponseParameters"]["method.response.header.Access-Control-Allow-Methods"] == allowed


def test_no_body_without_a_template_passes_through_to_dynamodb(ireland):
    """WHEN_NO_MATCH, the default, would send a text/plain body to PutItem as it is, with the API's role."""
    assert {method["Integration"]["PassthroughBehavior"] for method in ireland.methods().values()} == {"NEVER"}


def test_a_body_without_a_text_as_name_is_refused_before_dynamodb_sees_it(ireland):
    (model,) = ireland.of_type("AWS::ApiGateway::Model").items()
    (validator,) = ireland.of_type("AWS::ApiGateway::RequestValidator").items()
    post = ireland.methods()["POST /data"]

    assert post["RequestModels"] == {"application/json": f"<{model[0]}>"}
    assert (post["RequestValidatorId"], validator[1]["ValidateRequestBody"]) == (f"<{validator[0]}>", True)
    assert model[1]["Schema"]["required"] == ["name"]
    assert model[1]["Schema"]["properties"] == {"name": {"type": "string"}}


@pytest.mark.parametrize(
    ("method", "action"),
    [("POST /data", "PutItem"), ("GET /data/{pk}", "GetItem"), ("GET /health/deep", "GetItem")],
)
def test_dynamodb_is_called_in_the_apis_own_region_with_the_apis_role(template, method, action):
    (role,) = template.of_type("AWS::IAM::Role")
    integration = template.methods()[method]["Integration"]

    assert integration["Uri"] == f"arn:aws:apigateway:{template.region}:dynamodb:action/{action}"
    assert integration["Credentials"] == f"<{role}.Arn>"


def test_the_role_may_put_and_get_items_of_its_table_in_its_region_and_no_more(template):
    role = template.only("AWS::IAM::Role")
    (policy,) = role["Policies"]

    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": f"arn:aws:dynamodb:{template.region}:123456789012:table/GlobalApplication",
        }
    ]
    assert not template.of_type("AWS::IAM::Policy")


def test_the_role_has_no_fixed_name_because_iam_is_one_for_all_regions(template):
    assert "RoleName" not in template.only("AWS::IAM::Role")


def test_the_stage_starts_healthy_and_knows_its_table(template_with):
    stage = template_with("eu-west-1", TableName="Items").only("AWS::ApiGateway::Stage")

    assert stage["StageName"] == "prod"
    assert stage["Variables"] == {"HEALTH": "200", "TABLE": "Items"}


def test_no_parameter_is_filled_in_where_a_change_would_need_a_new_deployment(template_with):
    """CloudFormation deploys the API anew when its template changes, and not when a parameter's value does."""
    one, another = (template_with("eu-west-1", TableName=name).methods() for name in ("Items", "Others"))

    assert one == another


def test_the_deployment_waits_for_all_that_it_publishes(template):
    (deployment,) = (r for r in template.resources.values() if r["Type"] == "AWS::ApiGateway::Deployment")
    published = {"Method", "Resource", "Model", "RequestValidator", "GatewayResponse"}
    wanted = {i for kind in published for i in template.of_type(f"AWS::ApiGateway::{kind}")}

    assert wanted == set(deployment["DependsOn"])
