"""The mapping templates, rendered as API Gateway renders them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = [
    "Anna",
    'Anna "the fox"',
    "O'Neil",
    "back\\slash",
    "\\'",
    "ends with \\",
    "two\nlines\tand a tab",
    "Søren 東京 🦊",
    "</script>$util.x#if(true)",
    '", "region": {"S": "mars"}, "x": "',
    "",
    "\u2028\x00\x7f",
]
WITHOUT_EMPTY = [name for name in NAMES if name]


def request_of(template, method):
    return template.methods()[method]["Integration"]["RequestTemplates"]["application/json"]


def answer_to(template, method, status):
    """The response template for an integration that answered with `status`, and the status of the reply."""
    answers = template.methods()[method]["Integration"]["IntegrationResponses"]
    matching = [answer for answer in answers if answer.get("SelectionPattern") == str(status)]
    (chosen,) = matching or [answer for answer in answers if "SelectionPattern" not in answer]
    return chosen["ResponseTemplates"]["application/json"], int(chosen["StatusCode"])


def status_of(rendered, mapped):
    return mapped if rendered.status is None else rendered.status


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_put_as_it_was_given(ireland, render, name):
    request = render(request_of(ireland, "POST /data"), body={"name": name})

    assert request.json()["Item"]["name"] == {"S": name}


def test_the_item_holds_the_serving_region(template, render):
    item = render(request_of(template, "POST /data"), body={"name": "Anna"}).json()["Item"]

    assert item["region"] == {"S": template.region}
    assert set(item) == {"pk", "name", "region"}


def test_the_key_is_the_request_id_that_the_caller_cannot_choose(ireland, render):
    request = render(request_of(ireland, "POST /data"), body={"name": "Anna"}).json()

    assert request["Item"]["pk"] == {"S": "JKJaXmPLvHcESHA="}
    assert request["TableName"] == "GlobalApplication"


def test_the_reply_to_a_put_says_under_which_key_the_item_is_and_who_served(ireland, render):
    template, status = answer_to(ireland, "POST /data", 200)

    assert status == 200
    assert render(template, body={}).json() == {
        "pk": "JKJaXmPLvHcESHA=",
        "requestId": "JKJaXmPLvHcESHA=",
        "region": "eu-west-1",
    }


@pytest.mark.parametrize("key", WITHOUT_EMPTY)
def test_any_key_is_asked_for_as_it_stands_in_the_path(ireland, render, key):
    request = render(request_of(ireland, "GET /data/{pk}"), path={"pk": key})

    assert request.json() == {"TableName": "GlobalApplication", "Key": {"pk": {"S": key}}}


@settings(max_examples=100, deadline=None)
@given(text=st.text(min_size=1))
def test_no_text_breaks_out_of_the_request(text, escape_template, render):
    assert render(escape_template, path={"pk": text}).json()["Key"]["pk"] == {"S": text}


@pytest.mark.parametrize("name", NAMES)
def test_an_item_is_shown_as_plain_json(ireland, render, name):
    template, status = answer_to(ireland, "GET /data/{pk}", 200)
    item = {"pk": {"S": "k'1"}, "name": {"S": name}, "region": {"S": "us-east-1"}}

    rendered = render(template, body={"Item": item})

    assert status_of(rendered, status) == 200
    assert rendered.json() == {"pk": "k'1", "name": name, "region": "us-east-1"}


def test_an_absent_item_is_not_found(ireland, render):
    template, status = answer_to(ireland, "GET /data/{pk}", 200)

    rendered = render(template, body={})

    assert status_of(rendered, status) == 404
    assert rendered.json() == {"error": "Not found", "region": "eu-west-1"}


@pytest.mark.parametrize("method", ["POST /data", "GET /data/{pk}"])
@pytest.mark.parametrize(
    ("error_type", "status"),
    [
        ("com.amazon.coral.validate#ValidationException", 400),
        ("com.amazon.coral.service#SerializationException", 400),
        ("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", 429),
        ("com.amazon.coral.availability#ThrottlingException", 429),
        ("com.amazonaws.dynamodb.v20120810#RequestLimitExceeded", 429),
        ("com.amazon.coral.service#AccessDeniedException", 503),
        ("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", 503),
        ("ThrottlingException", 429),
    ],
)
def test_dynamodbs_400s_are_told_apart(ireland, render, method, error_type, status):
    template, mapped = answer_to(ireland, method, 400)

    rendered = render(template, body={"__type": error_type, "message": "..."})

    assert status_of(rendered, mapped) == status
    assert rendered.json()["cause"] == error_type.rpartition("#")[2]


def test_a_400_that_does_not_say_why_is_not_blamed_on_the_caller(ireland, render):
    template, mapped = answer_to(ireland, "POST /data", 400)

    assert status_of(render(template, body={}), mapped) == 503


@pytest.mark.parametrize("method", ["POST /data", "GET /data/{pk}"])
@pytest.mark.parametrize("failed", [500, 503])
def test_dynamodbs_500s_are_a_bad_gateway(ireland, render, method, failed):
    template, status = answer_to(ireland, method, failed)

    assert status == 502
    assert render(template).json()["region"] == "eu-west-1"


@pytest.mark.parametrize(("switch", "status", "word"), [("200", 200, "ok"), ("503", 503, "unhealthy")])
def test_the_switch_decides_what_health_answers(ireland, render, switch, status, word):
    """API Gateway picks a MOCK's answer by the status code that its request template renders."""
    chosen = render(request_of(ireland, "GET /health"), health=switch).json()["statusCode"]
    template, answered = answer_to(ireland, "GET /health", chosen)

    assert answered == status
    assert render(template).json()["status"] == word
    assert render(template).json()["region"] == "eu-west-1"


@pytest.mark.parametrize("switch", ["500", "404", "299"])
def test_any_other_value_of_the_switch_is_unhealthy_too(ireland, switch):
    """Route 53 takes everything from 200 to 399 as healthy."""
    _, status = answer_to(ireland, "GET /health", switch)

    assert status == 503


def test_the_deep_check_asks_the_tables_leader_for_one_item(ireland, render):
    request = render(request_of(ireland, "GET /health/deep")).json()

    assert request == {"TableName": "GlobalApplication", "Key": {"pk": {"S": "health"}}, "ConsistentRead": True}


def test_the_deep_check_is_healthy_when_the_table_answers_even_without_the_item(ireland, render):
    template, status = answer_to(ireland, "GET /health/deep", 200)

    rendered = render(template, body={})

    assert status_of(rendered, status) == 200
    assert rendered.json() == {"status": "ok", "region": "eu-west-1"}


def test_the_same_switch_breaks_the_deep_check(ireland, render):
    template, status = answer_to(ireland, "GET /health/deep", 200)

    rendered = render(template, body={}, health="503")

    assert status_of(rendered, status) == 503
    assert rendered.json() == {"status": "unhealthy", "cause": "switch", "region": "eu-west-1"}


@pytest.mark.parametrize("failed", [400, 403, 500, 503])
def test_the_deep_check_is_unhealthy_when_the_table_refuses_or_fails(ireland, render, failed):
    template, status = answer_to(ireland, "GET /health/deep", failed)

    assert status == 503
    assert render(template).json()["cause"] == "table"


def test_a_preflight_answers_204(ireland, render):
    assert json.loads(request_of(ireland, "OPTIONS /data")) == {"statusCode": 204}
