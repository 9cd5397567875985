from __future__ import annotations

import json

import pytest

from harness.lab.gateway.policy import ResourcePolicy

API = "arn:aws:execute-api:eu-west-1:123456789012:api1"
ARN = f"{API}/prod/GET/health"
FACTS = {"aws:currenttime": "2026-01-01T00:00:00+00:00", "aws:sourceip": "127.0.0.1"}
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}
DENY = {**ALLOW, "Effect": "Deny"}


def refusal(*statements):
    return ResourcePolicy(json.dumps({"Statement": list(statements)}), API).refusal(ARN, FACTS)


def test_an_allow_lets_pass():
    assert refusal(ALLOW) is None


def test_nothing_said_is_an_implicit_denial():
    assert refusal() == "implicit"


def test_a_deny_wins_over_an_allow():
    assert refusal(ALLOW, DENY) == "explicit"


@pytest.mark.parametrize(
    ("changed", "applies"),
    [
        ({"Resource": "execute-api:/prod/GET/*"}, True),
        ({"Resource": "execute-api:/prod/POST/*"}, False),
        ({"Resource": [f"{API}/other/*", f"{API}/*"]}, True),
        ({"Action": "execute-api:*"}, True),
        ({"Action": "execute-api:ManageConnections"}, False),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, False),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:01Z"}}}, True),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "2025-12-31T00:00:00Z"}}}, False),
        ({"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2025-12-31T00:00:00Z"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"UnheardOf": {"aws:SourceIp": "x"}}}, False),
    ],
)
def test_a_statement_applies_where_all_of_it_fits(changed, applies):
    assert refusal(ALLOW, {**DENY, **changed}) == ("explicit" if applies else None)


def test_a_document_without_statement_is_no_policy():
    with pytest.raises(ValueError, match="Statement"):
        ResourcePolicy("{}", API)
