"""What a failed call says of its write: refused without effect, or nobody knows."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from harness.events import Outcome
from harness.probes.refusals import ACCESS_DENIED, CONDITION_FAILED, ITEM_TOO_LARGE, THROTTLED, why_failed

URL = "http://127.0.0.1:1"


def client_error(code, status, message=""):
    reply = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(reply, "PutItem")


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("ConditionalCheckFailedException", "The conditional request failed", CONDITION_FAILED),
        ("ThrottlingException", "", THROTTLED),
        ("ProvisionedThroughputExceededException", "", THROTTLED),
        ("RequestLimitExceeded", "", THROTTLED),
        ("AccessDeniedException", "not authorized", ACCESS_DENIED),
        ("ValidationException", "Item size has exceeded the maximum allowed size", ITEM_TOO_LARGE),
        ("ValidationException", "empty key", "ValidationException: empty key"),
    ],
)
def test_what_dynamodb_refuses_had_no_effect(code, message, error):
    failure = why_failed(client_error(code, 400, message))

    assert (failure.outcome, failure.error) == (Outcome.FAIL, error)


@pytest.mark.parametrize("error", [EndpointConnectionError(endpoint_url=URL), ConnectTimeoutError(endpoint_url=URL)])
def test_what_never_left_had_no_effect(error):
    failure = why_failed(error)

    assert failure.outcome is Outcome.FAIL
    assert failure.error.startswith("not sent: ")


def test_without_credentials_nothing_is_sent():
    assert why_failed(NoCredentialsError()).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "error",
    [
        client_error("InternalServerError", 500),
        client_error("", 503),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        ResponseParserError("not JSON"),
    ],
)
def test_after_a_timeout_a_lost_connection_or_a_5xx_nobody_knows(error):
    assert why_failed(error).outcome is Outcome.UNKNOWN


def test_an_error_of_ours_is_raised():
    with pytest.raises(KeyError):
        why_failed(KeyError("table"))
