"""What is told from a request without serving it."""

from __future__ import annotations

import pytest

from harness.lab.controlplane.requests import Scope, changes_configuration, scope_of

IRELAND = Scope(service="route53", region="eu-west-1")


def test_service_and_region_come_from_the_signature() -> None:
    header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/route53/aws4_request, SignedHeaders=host, Signature=0"

    assert scope_of({"HTTP_AUTHORIZATION": header}) == IRELAND


def test_a_presigned_request_has_its_signature_in_the_query() -> None:
    assert (
        scope_of({"QUERY_STRING": "X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Froute53%2Faws4_request"}) == IRELAND
    )


def test_an_unsigned_request_has_no_scope() -> None:
    assert scope_of({}) is None


@pytest.mark.parametrize(
    ("action", "method", "changes"),
    [
        ("UpdateStage", "PATCH", True),
        ("ExecuteChangeSet", "POST", True),
        ("GetStage", "GET", False),
        ("DescribeStacks", "POST", False),
        ("TestDNSAnswer", "GET", False),
        ("PutItem", "POST", False),
        ("UpdateTable", "POST", True),
        ("PutMetricData", "POST", False),
        (None, "GET", False),
        (None, "DELETE", True),
    ],
)
def test_only_changes_of_configuration_count(action: str | None, method: str, changes: bool) -> None:
    assert changes_configuration(action, method) is changes
