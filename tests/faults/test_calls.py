"""A call as data: the same that is made, that a person can type, and whose permissions are counted."""

from __future__ import annotations

import shlex

import msgspec
import pytest
from builders import EU, a_stack
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import NeedsLevers, TargetError
from harness.faults.calls import AwsCall, Call, LeverCall, actions_of, aws_call, carry_out
from harness.target import Target

STAGE = aws_call(
    "apigateway",
    EU,
    "UpdateStage",
    {
        "restApiId": "a1b2",
        "stageName": "prod",
        "patchOperations": [{"op": "replace", "path": "/variables/HEALTH", "value": "503"}],
    },
)
INVERTED = aws_call("route53", "us-east-1", "UpdateHealthCheck", {"HealthCheckId": "h1", "Inverted": True})


def test_a_call_is_shown_as_the_command_of_awss_command_line() -> None:
    assert STAGE.shell() == (
        "aws apigateway update-stage --region eu-west-1 --rest-api-id a1b2 --stage-name prod "
        """--patch-operations '[{"op":"replace","path":"/variables/HEALTH","value":"503"}]'"""
    )


def test_flags_are_on_or_off_without_a_value() -> None:
    assert INVERTED.shell().endswith("--health-check-id h1 --inverted")
    off = aws_call("route53", "us-east-1", "UpdateHealthCheck", {"HealthCheckId": "h1", "Inverted": False})
    assert off.shell().endswith("--health-check-id h1 --no-inverted")


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
def test_any_value_comes_out_of_the_shell_as_it_went_in(value: str) -> None:
    """Quotes, spaces and dollars in a policy are data, not shell."""
    call = aws_call("dynamodb", EU, "PutResourcePolicy", {"Policy": value})

    assert shlex.split(call.shell())[-1] == value


def test_permissions_of_api_gateway_are_http_methods_and_others_are_operations() -> None:
    records = aws_call("route53", "us-east-1", "ChangeResourceRecordSets", {})

    assert actions_of([STAGE, INVERTED, INVERTED, records]) == (
        "apigateway:PATCH",
        "route53:UpdateHealthCheck",
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
    )


def test_calls_go_through_json_as_a_tagged_union_with_their_parameters_in_the_open() -> None:
    lever = LeverCall(method="PUT", path="skew/eu-west-1", body=msgspec.Raw(b'{"ahead_s":5}'))
    data = msgspec.json.encode([STAGE, lever])

    assert b'"parameters":{"restApiId":"a1b2"' in data
    assert msgspec.json.decode(data, type=list[Call]) == [STAGE, lever]


def test_a_lever_needs_a_target_that_has_them() -> None:
    lever = LeverCall(method="PUT", path="skew/eu-west-1", body=msgspec.Raw(b'{"ahead_s":5}'))

    with pytest.raises(NeedsLevers, match="only a lab has"):
        carry_out([lever], Target(a_stack(), name="aws"))


@pytest.mark.lab
def test_calls_are_made_in_order_and_stop_at_the_first_that_fails(lab_target: Target) -> None:
    regional = lab_target.stack.in_region(EU)

    def variable(value: str, stage: str = regional.stage) -> AwsCall:
        operation = {"op": "replace", "path": "/variables/COLOUR", "value": value}
        parameters = {"restApiId": regional.rest_api_id, "stageName": stage, "patchOperations": [operation]}
        return aws_call("apigateway", EU, "UpdateStage", parameters)

    client = lab_target.apigateway(EU)
    with pytest.raises(TargetError, match="apigateway UpdateStage in eu-west-1: UpdateStage failed with NotFound"):
        carry_out([variable("red"), variable("blue", "nowhere"), variable("green")], lab_target)
    try:
        stage = client.get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
        assert stage["variables"]["COLOUR"] == "red"
    finally:
        client.update_stage(
            restApiId=regional.rest_api_id,
            stageName=regional.stage,
            patchOperations=[{"op": "remove", "path": "/variables/COLOUR"}],
        )
