from __future__ import annotations

import json

import pytest

from harness.lab.gateway.config import BasePathMapping, RequestValidator, Throttle


def policy(*statements):
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [everybody, *statements]})


def deny(resource="execute-api:/*", **more):
    return {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource, **more}


@pytest.fixture
def health(build):
    return build.Resource(path="/health", methods=(build.mock(),))


@pytest.mark.parametrize("path", ["/nope", "/health/more", "/"])
def test_an_unknown_path_is_403_missing_authentication_token(running, build, health, path):
    running.serve(health)
    reply = running.get(path, host=build.DOMAIN)

    assert (reply.status, reply.body) == (403, '{"message":"Missing Authentication Token"}')
    assert reply.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_an_unknown_method_is_403_missing_authentication_token(running, health):
    running.serve(health)

    assert running.get("/prod/health", method="DELETE").body == '{"message":"Missing Authentication Token"}'


@pytest.mark.parametrize("path", ["/", "/nostage/health"])
def test_an_unknown_stage_is_403_forbidden(running, health, path):
    running.serve(health)
    reply = running.get(path)

    assert (reply.status, reply.body, reply.headers["x-amzn-ErrorType"]) == (
        403, '{"message":"Forbidden"}', "ForbiddenException",
    )  # fmt: skip


def test_any_takes_what_no_other_method_takes(running, build):
    running.serve(
        build.Resource(
            path="/x",
            methods=(
                build.mock("ANY", responses=(build.response(200, "any"),)),
                build.mock("GET", responses=(build.response(200, "get"),)),
            ),
        )
    )

    assert [running.get("/prod/x", method=method).body for method in ("GET", "PUT")] == ["get", "any"]


def test_the_longest_base_path_wins_and_the_root_takes_the_rest(running, build, health):
    resource = build.Resource(path="/a", methods=(build.mock(responses=(build.response(200, "a"),)),))
    mappings = [BasePathMapping(base_path=path, api_id="api1", stage="prod") for path in ("(none)", "v1", "v1/deep")]
    running.serve(health, resource, mappings=mappings)

    for path in ("/a", "/v1/a", "/v1/deep/a"):
        assert running.get(path, host=build.DOMAIN).body == "a"


def test_a_domain_without_mapping_is_403_forbidden_while_the_execute_api_host_works(running, build, health):
    running.serve(health, mappings=())

    assert running.get("/health", host=build.DOMAIN).body == '{"message":"Forbidden"}'
    assert running.get("/prod/health").status == 200


def test_a_disabled_execute_api_endpoint_is_403_while_the_domain_works(running, build, health):
    running.serve(health, execute_api_disabled=True)

    assert running.get("/prod/health").body == '{"message":"Forbidden"}'
    assert running.get("/health", host=build.DOMAIN).status == 200


def test_a_rate_of_zero_is_429_for_everything(running, health):
    running.serve(health, throttles={"*/*": Throttle(rate_rps=0, burst=0)})
    reply = running.get("/prod/health")

    assert (reply.status, reply.body) == (429, '{"message":"Too Many Requests"}')
    assert reply.headers["x-amzn-ErrorType"] == "TooManyRequestsException"


def test_a_method_may_be_throttled_alone(running, build, health):
    data = build.Resource(path="/data", methods=(build.mock(),))
    running.serve(health, data, throttles={"data/GET": Throttle(rate_rps=0, burst=0)})

    assert (running.get("/prod/data").status, running.get("/prod/health").status) == (429, 200)


def test_an_unrelated_change_does_not_refill_a_bucket(running, health):
    throttle = {"*/*": Throttle(rate_rps=1, burst=1)}
    running.serve(health, throttles=throttle)
    assert running.get("/prod/health").status == 200

    running.serve(health, throttles=throttle, variables={"X": "1"})

    assert running.get("/prod/health").status == 429


def test_a_denying_policy_is_403_with_the_masked_arn(running, health):
    running.serve(health, policy=policy(deny()))
    reply = running.get("/prod/health")

    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert json.loads(reply.body) == {
        "Message": "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
        "arn:aws:execute-api:eu-west-1:********9012:api1/prod/GET/health with an explicit deny"
    }


def test_a_denial_that_ends_by_date_ends_on_the_stacks_calendar(running, health):
    """The virtual calendar starts on 2026-01-01; the denial lasts ten minutes of it."""
    until = {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:10:00Z"}}
    running.serve(health, policy=policy(deny(Condition=until)))
    assert running.get("/prod/health").status == 403

    running.clock.advance_s(601)

    assert running.get("/prod/health").status == 200


@pytest.mark.parametrize(
    ("options", "status", "body"),
    [
        ({"authorization_type": "AWS_IAM"}, 403, '{"message":"Missing Authentication Token"}'),
        ({"authorization_type": "CUSTOM"}, 401, '{"message":"Unauthorized"}'),
        ({"api_key_required": True}, 403, '{"message":"Forbidden"}'),
    ],
)
def test_methods_that_ask_for_credentials_refuse_the_anonymous(running, build, options, status, body):
    running.serve(build.Resource(path="/x", methods=(build.mock(**options),)))
    reply = running.get("/prod/x")

    assert (reply.status, reply.body) == (status, body)


def test_a_body_that_does_not_fit_its_model_is_400(running, build):
    method = build.mock(
        "POST", validator=RequestValidator(validates_body=True), request_models={"application/json": "Item"}
    )
    schema = '{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}'
    running.serve(build.Resource(path="/x", methods=(method,)), models={"Item": schema})

    replies = [running.get("/prod/x", method="POST", body=body) for body in ('{"name": 1}', "{}", "no JSON", "")]
    assert {(reply.status, reply.body) for reply in replies} == {(400, '{"message":"Invalid request body"}')}
    assert running.get("/prod/x", method="POST", body='{"name": "a"}').status == 200


def test_a_missing_required_parameter_is_400_and_named(running, build):
    method = build.mock(
        validator=RequestValidator(validates_parameters=True),
        request_parameters={"method.request.querystring.q": True, "method.request.header.X-Maybe": False},
    )
    running.serve(build.Resource(path="/x", methods=(method,)))

    assert running.get("/prod/x").body == '{"message":"Missing required request parameters: [q]"}'
    assert running.get("/prod/x?q=1").status == 200


def test_gateway_responses_add_headers_and_change_status_and_body(running, build, health):
    running.serve(
        health,
        variables={"REGION": "here"},
        gateway_responses=(
            build.GatewayResponse(
                response_type="DEFAULT_4XX",
                status_code=404,
                parameters={
                    "gatewayresponse.header.x-region": "'eu-west-1'",
                    "gatewayresponse.header.x-path": "context.path",
                    "gatewayresponse.header.x-variable": "stageVariables.REGION",
                },
                templates={"application/json": '{"error": $context.error.messageString, "r": "$context.requestId"}'},
            ),
        ),
    )
    reply = running.get("/prod/nope")

    assert reply.status == 404
    assert json.loads(reply.body) == {"error": "Missing Authentication Token", "r": reply.headers["x-amzn-RequestId"]}
    assert [reply.headers[f"x-{name}"] for name in ("region", "path", "variable")] == [
        "eu-west-1",
        "/prod/nope",
        "here",
    ]


def test_a_specific_gateway_response_wins_over_the_default(running, build, health):
    responses = [
        build.GatewayResponse(response_type="THROTTLED", status_code=503),
        build.GatewayResponse(response_type="DEFAULT_4XX", status_code=400),
    ]
    throttles = {"*/*": Throttle(rate_rps=0, burst=0)}
    running.serve(health, throttles=throttles, gateway_responses=tuple(responses))

    assert running.get("/prod/health").status == 503


def test_ping_is_api_gateways_own(running, health):
    running.serve(health)

    assert running.get("/ping").body == "healthy"


def test_a_failure_of_ours_is_500_and_not_the_end(running, build, health, caplog):
    def fail(*_):
        raise RuntimeError("planted")

    running.serve(
        health,
        build.Resource(
            path="/x",
            methods=(build.dynamodb("GET", "GetItem", '{"Key": {"pk": {"S": "a"}}}', [build.response(200, "{}")]),),
        ),
    )
    running.tables.call = fail

    assert running.get("/prod/x").body == '{"message":"Internal server error"}'
    assert "planted" in caplog.text
    assert running.get("/prod/health").status == 200
