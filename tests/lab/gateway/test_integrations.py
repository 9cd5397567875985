from __future__ import annotations

import json

import pytest

from harness.lab.gateway.config import Integration, IntegrationResponse, Method

PUT = '{"TableName": "t", "Item": {"pk": {"S": "$input.params(\'pk\')"}, "name": {"S": $input.json(\'$.name\')}}}'
GET = '{"TableName": "t", "Key": {"pk": {"S": "$input.params(\'pk\')"}}}'


@pytest.fixture
def table(running, build):
    """GET and PUT /data/{pk} on the table; 4xx become 400, the rest 200."""
    responses = [build.response(200, "$input.json('$')"), build.response(400, "$input.body", r"4\d{2}")]
    running.serve(
        build.Resource(
            path="/data/{pk}",
            methods=(
                build.dynamodb("GET", "GetItem", GET, responses),
                build.dynamodb("PUT", "PutItem", PUT, responses),
            ),
        )
    )
    return running


def one_method(running, build, method, **options):
    running.serve(build.Resource(path="/x", methods=(method,)), **options)
    return running.get("/prod/x", method=method.http_method)


@pytest.mark.parametrize("template", ['{"statusCode": 204}', "{ statusCode: 204 }", "{'statusCode': '204'}\n"])
def test_a_mock_reads_its_status_leniently(running, build, template):
    responses = (build.response(200, "default"), build.response(204, "", "204"))

    assert one_method(running, build, build.mock(template=template, responses=responses)).status == 204


@pytest.mark.parametrize(("variable", "status"), [("200", 200), ("503", 503), ("418", 500)])
def test_a_mock_picks_its_response_by_the_status_a_stage_variable_names(running, build, variable, status):
    responses = [build.response(status, "{}", str(status)) for status in (200, 503)]
    method = build.mock(template='{"statusCode": $stageVariables.HEALTH}', responses=responses)

    assert one_method(running, build, method, variables={"HEALTH": variable}).status == status


def test_a_pattern_must_match_the_whole_status(running, build):
    responses = (build.response(200, "", "20"), build.response(500, ""))

    assert one_method(running, build, build.mock(responses=responses)).status == 500


def test_a_mock_without_status_is_500(running, build):
    reply = one_method(running, build, build.mock(template="{}"))

    assert (reply.status, reply.body) == (500, '{"message":"Internal server error"}')


def test_an_item_written_is_read_back(table):
    table.get("/prod/data/a%2Fb", method="PUT", body=json.dumps({"name": 'é "quoted"'}))

    assert json.loads(table.get("/prod/data/a%2Fb").body)["Item"] == {"pk": {"S": "a/b"}, "name": {"S": 'é "quoted"'}}


def test_the_table_is_called_as_the_integrations_role_in_the_uris_region(running, build):
    one_method(running, build, build.dynamodb("GET", "GetItem", GET, [build.response(200, "")], region="us-east-1"))

    assert running.tables.calls == [("us-east-1", "GetItem", {"TableName": "t", "Key": {"pk": {"S": ""}}}, build.ROLE)]


def test_the_tables_error_is_mapped_by_its_status(table):
    table.tables.answers["GetItem"] = (400, {"__type": "com.amazon.coral.service#AccessDeniedException"})
    reply = table.get("/prod/data/a")

    assert (reply.status, reply.body) == (400, '{"__type":"com.amazon.coral.service#AccessDeniedException"}')


def test_a_request_that_is_not_json_is_dynamodbs_serialization_exception(running, build):
    method = build.dynamodb("GET", "GetItem", "{broken", [build.response(200, "$input.path('$.__type')")])

    assert one_method(running, build, method).body == "com.amazon.coral.service#SerializationException"
    assert running.tables.calls == []


def test_a_call_that_takes_longer_than_the_timeout_is_504(running, build):
    running.tables.on_call = lambda: running.clock.advance_s(0.6)
    method = build.dynamodb("GET", "GetItem", GET, [build.response(200, "")], timeout_ms=500)
    reply = one_method(running, build, method)

    assert (reply.status, reply.body) == (504, '{"message":"Endpoint request timed out"}')


def test_a_template_overrides_status_and_headers(running, build):
    template = '#set($context.responseOverride.status = 404)#set($context.responseOverride.header.X-A = "b")gone'
    reply = one_method(running, build, build.mock(responses=(build.response(200, template),)))

    assert (reply.status, reply.headers["X-A"], reply.body) == (404, "b", "gone")


def test_headers_are_mapped_from_literals_body_and_context(running, build):
    parameters = {
        "method.response.header.x-region": "'eu-west-1'",
        "method.response.header.x-name": "integration.response.body.Item.name.S",
        "method.response.header.x-stage": "context.stage",
        "method.response.header.x-absent": "integration.response.header.nothing",
    }
    running.tables.answers["GetItem"] = (200, {"Item": {"name": {"S": "bob\r\nx-injected: 1"}}})
    reply = one_method(running, build, build.dynamodb("GET", "GetItem", GET, [build.response(200, "", **parameters)]))

    assert [reply.headers[f"x-{name}"] for name in ("region", "stage", "absent")] == ["eu-west-1", "prod", None]
    assert (reply.headers["x-name"], reply.headers["x-injected"]) == ("bob  x-injected: 1", None)


def test_the_response_template_is_the_one_the_client_accepts(running, build):
    response = IntegrationResponse(status_code=200, response_templates={"application/json": "j", "text/plain": "t"})
    running.serve(build.Resource(path="/x", methods=(build.mock(responses=(response,)),)))

    plain = running.get("/prod/x", headers={"Accept": "image/png, text/plain;q=0.5"})
    assert (plain.body, plain.headers["Content-Type"]) == ("t", "text/plain")
    assert running.get("/prod/x", headers={"Accept": "*/*"}).body == "j"


@pytest.mark.parametrize(
    ("behavior", "templates", "status"),
    [
        ("WHEN_NO_MATCH", {"application/json": GET}, 200),
        ("WHEN_NO_TEMPLATES", {"application/json": GET}, 415),
        ("WHEN_NO_TEMPLATES", {}, 200),
        ("NEVER", {}, 415),
    ],
)
def test_a_content_type_without_template_is_passed_through_or_415(running, build, behavior, templates, status):
    integration = Integration(
        type="AWS", uri=f"arn:aws:apigateway:{build.REGION}:dynamodb:action/GetItem", credentials=build.ROLE,
        request_templates=templates, passthrough_behavior=behavior, responses=(IntegrationResponse(status_code=200),),
    )  # fmt: skip
    method = Method(http_method="POST", integration=integration, response_statuses=(200,))
    running.serve(build.Resource(path="/x", methods=(method,)))
    body = '{"Key": {"pk": {"S": "a"}}}'

    reply = running.get("/prod/x", method="POST", body=body, headers={"Content-Type": "application/x-other"})

    assert reply.status == status
    assert len(running.tables.calls) == (status == 200)


def test_a_response_that_the_method_does_not_declare_is_500(running, build, caplog):
    integration = build.mock().integration
    reply = one_method(running, build, Method(http_method="GET", integration=integration))

    assert reply.status == 500
    assert "invalid method response: 200" in caplog.text


@pytest.mark.parametrize(
    "integration",
    [
        Integration(type="HTTP_PROXY", uri="https://example.com"),
        Integration(type="AWS", uri="arn:aws:apigateway:eu-west-1:sqs:action/SendMessage", credentials="arn:x:role/r"),
        Integration(type="AWS", uri="arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem"),
        Integration(type="MOCK", request_templates={"application/json": "#if(broken"}),
        Integration(type="MOCK", responses=(IntegrationResponse(status_code=200, selection_pattern="("),)),
        None,
    ],
)
def test_what_the_lab_cannot_serve_is_500_and_named_in_the_log(running, build, caplog, integration):
    reply = one_method(running, build, Method(http_method="GET", integration=integration))

    assert (reply.status, reply.body) == (500, '{"message":"Internal server error"}')
    assert "api1/prod GET /x: " in caplog.text


def test_stage_variables_choose_role_and_action(running, build):
    integration = Integration(
        type="AWS",
        uri="arn:aws:apigateway:eu-west-1:dynamodb:action/${stageVariables.ACTION}",
        credentials="arn:aws:iam::123456789012:role/${stageVariables.ROLE}",
        request_templates={"application/json": GET},
        responses=(IntegrationResponse(status_code=200),),
    )
    method = Method(http_method="GET", integration=integration, response_statuses=(200,))
    one_method(running, build, method, variables={"ACTION": "GetItem", "ROLE": "reader"})

    (_region, action, _request, role) = running.tables.calls[0]
    assert (action, role) == ("GetItem", "arn:aws:iam::123456789012:role/reader")


def test_a_request_body_that_is_not_json_is_400_when_a_template_reads_it(table):
    reply = table.get("/prod/data/a", method="PUT", body="{")

    assert reply.status == 400
    assert "Could not parse request body into json" in reply.body
