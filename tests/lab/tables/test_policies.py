from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from harness.lab.tables.policies import Caller, InvalidPolicy, is_denied, parse_policy

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
ROLE = "arn:aws:iam::123456789012:role/api"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def policy(**changes) -> str:
    statement = {"Sid": "S", "Effect": "Deny", "Principal": "*", "Action": "dynamodb:*", "Resource": TABLE, **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def denies(document: str, principal_arn: str = ROLE, action: str = "dynamodb:PutItem", resource: str = TABLE) -> bool:
    return is_denied(document, Caller(principal_arn=principal_arn, at=NOON), action, resource)


@pytest.mark.parametrize(
    ("principal", "denied"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ROLE}, True),
        ({"AWS": ["arn:aws:iam::123456789012:role/other", ROLE]}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, False),
        ({"AWS": "123456789012"}, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": "999999999999"}, False),
        ({"Service": "replication.dynamodb.amazonaws.com"}, False),
    ],
)
def test_a_statement_is_for_its_principals(principal, denied):
    assert denies(policy(Principal=principal)) is denied


def test_a_session_of_a_role_is_covered_by_the_role():
    session = "arn:aws:sts::123456789012:assumed-role/api/i-0123"

    assert denies(policy(Principal={"AWS": ROLE}), principal_arn=session)
    assert denies(policy(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}), principal_arn=session)


@pytest.mark.parametrize(
    ("actions", "denied"),
    [
        ("dynamodb:PutItem", True),
        ("dynamodb:putitem", True),
        ("dynamodb:Put*", True),
        ("*", True),
        (["dynamodb:GetItem", "dynamodb:P?tItem"], True),
        ("dynamodb:GetItem", False),
        ("s3:*", False),
    ],
)
def test_actions_match_with_wildcards_and_in_any_case(actions, denied):
    assert denies(policy(Action=actions)) is denied


@pytest.mark.parametrize(
    ("resource", "denied"), [(TABLE, True), ("*", True), (TABLE + "/index/*", False), (TABLE + "2", False)]
)
def test_a_statement_is_for_its_resources(resource, denied):
    assert denies(policy(Resource=resource)) is denied


@pytest.mark.parametrize(
    ("limit", "denied"),
    [("2026-01-01T12:00:01Z", True), ("2026-01-01T12:00:00Z", False), ("1767268801", True), ("1767268800", False)],
)
def test_a_denial_ends_at_its_date(limit, denied):
    assert denies(policy(Condition={"DateLessThan": {"aws:CurrentTime": limit}})) is denied


def test_all_conditions_have_to_hold():
    now = {"DateLessThan": {"aws:CurrentTime": "2026-01-02T00:00:00Z"}}

    assert denies(policy(Condition={**now, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a*"}}))
    assert not denies(policy(Condition={**now, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/b*"}}))


def test_the_denial_of_the_replication_service_does_not_touch_other_callers():
    """The statement that AWS FIS writes to pause replication."""
    paused = policy(
        Principal={"AWS": "*"},
        Condition={"StringEquals": {"aws:PrincipalServiceName": "replication.dynamodb.amazonaws.com"}},
    )
    service = Caller(principal_arn="", at=NOON, service_name="replication.dynamodb.amazonaws.com")

    assert not denies(paused)
    assert is_denied(paused, service, "dynamodb:WriteDataForReplication", TABLE)


def test_an_allow_statement_denies_nothing():
    assert not denies(policy(Effect="Allow"))


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "Statement"),
        (policy(Effect="Forbid"), "Allow or Deny"),
        (policy(Principal=None), "no Principal"),
        (policy(Action=[]), "no Action"),
        (policy(NotAction="x"), "NotAction"),
        (policy(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "IpAddress"),
        (policy(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}), "aws:SourceVpc"),
        (policy(Condition={"DateLessThan": {"aws:CurrentTime": "soon"}}), "'soon' is not a date"),
    ],
)
def test_what_the_lab_cannot_evaluate_is_refused_by_name(document, complaint):
    with pytest.raises(InvalidPolicy, match=complaint):
        parse_policy(document)
