"""What a failed DynamoDB call says of its write: refused without effect, or nobody knows."""

from __future__ import annotations

import msgspec

from harness.events import Outcome

CONDITION_FAILED = "condition failed"
THROTTLED = "throttled"
ACCESS_DENIED = "access denied"
ITEM_TOO_LARGE = "item too large: DynamoDB takes 409,600 bytes at most, names of attributes included"

_THROTTLING = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """For a write; a read that fails is FAIL however it failed."""

    outcome: Outcome
    error: str


def refused(error: str) -> Failure:
    return Failure(outcome=Outcome.FAIL, error=error)


def unsure(error: str) -> Failure:
    return Failure(outcome=Outcome.UNKNOWN, error=error)


def why_failed(error: Exception) -> Failure:
    """Raises `error` again when it is neither AWS's nor the network's.

    What never left here, and what AWS answers with a 4xx, had no effect. After a 5xx, a timeout or a lost connection
    the write may have happened (Developer Guide, "Error handling with DynamoDB": check, then retry).
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return told(details.get("Code", ""), details.get("Message", ""), status)
    if isinstance(error, HTTPClientError | SSLError | ResponseParserError):
        return unsure(str(error))
    if isinstance(error, BotoCoreError):  # no credentials, no connection
        return refused(f"not sent: {error}")
    raise error


def told(code: str, message: str, status: int) -> Failure:
    """By DynamoDB's error code and HTTP status."""
    if code == "ConditionalCheckFailedException":
        return refused(CONDITION_FAILED)
    if code in _THROTTLING:
        return refused(THROTTLED)
    if code == "AccessDeniedException":
        return refused(ACCESS_DENIED)
    if code == "ValidationException" and "maximum allowed size" in message:
        return refused(ITEM_TOO_LARGE)
    explained = f"{code}: {message}" if message else code
    return unsure(f"status {status} {explained}") if status >= 500 else refused(explained)
