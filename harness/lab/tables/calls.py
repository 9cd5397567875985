"""DynamoDB's data plane in one process: no HTTP, the same handlers, hooks, errors and policies as the endpoint."""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.utilities.utils import get_partition
from werkzeug.exceptions import HTTPException

from harness.clock import Clock
from harness.events import Json
from harness.lab.tables.access import refusal
from harness.lab.tables.requests import Refused, failed_inside, operation, parse_request, refused_by_front_end, to_json
from harness.stack import RegionName

_log = logging.getLogger(__name__)

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"


def call(
    clock: Clock, region: RegionName, action: str, request: dict[str, Json], principal_arn: str
) -> tuple[int, dict[str, Json]]:
    """(HTTP status, body) of one operation, as its caller would have them from the endpoint."""
    try:
        parsed = parse_request(action, request)
        refused = refusal(clock, dynamodb_backends[DEFAULT_ACCOUNT_ID][region], action, parsed, principal_arn)
        if refused is not None:
            return refused.status, refused.body
        return 200, _result(action, _perform(region, action, parsed))
    except Refused as refused:
        return refused.status, refused.body
    except HTTPException as error:
        return error.code or 500, _error_body(error)
    except Exception:  # noqa: BLE001 - whatever it is, it is logged
        _log.exception("%s in %s failed", action, region)
        failed = failed_inside()
        return failed.status, failed.body


def _perform(region: RegionName, action: str, parsed: dict[str, Any]) -> ActionResult:
    handler = DynamoHandler()
    handler.region = region
    handler.partition = get_partition(region)
    handler.current_account = DEFAULT_ACCOUNT_ID
    handler.body = handler.params = parsed
    method = getattr(handler, camelcase_to_underscores(action), None)
    if method is None:
        raise refused_by_front_end("UnknownOperationException", f"The lab does not implement {action}")
    return method()


def _result(action: str, result: ActionResult) -> dict[str, Json]:
    """What the operation's model names; moto leaves other members in, which its endpoint drops."""
    shape = operation(action).output_shape
    members = shape.members if shape is not None else {}
    content = result.result or {}
    return {name: to_json(value) for name, value in content.items() if name in members and value is not None}


def _error_body(error: HTTPException) -> dict[str, Json]:
    body: dict[str, Json] = json.loads(error.description or "{}")
    kind = str(body.get("__type", "InternalServerError"))
    # moto leaves the namespace out of some types.
    body["__type"] = kind if "#" in kind else _DYNAMODB + kind
    return body
