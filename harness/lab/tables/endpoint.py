"""The AWS endpoint's door to the tables: requests are checked before moto sees them, policies before it acts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from moto.dynamodb.responses import DynamoHandler

from harness.clock import Clock
from harness.lab.tables.access import principal_of_access_key, refusal
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.requests import Refused, decode_body, failed_inside, parse_request

_log = logging.getLogger(__name__)


def install_endpoint(patches: Patches, clock: Clock) -> None:
    patches.set(DynamoHandler, "_dispatch", _dispatch(DynamoHandler._dispatch))  # inherited
    patches.wrap(DynamoHandler, "call_action", _call_action(clock))


def _reply(refused: Refused) -> tuple[int, dict[str, str], str]:
    return refused.status, {"content-type": "application/x-amz-json-1.0"}, json.dumps(refused.body)


def _dispatch(original: Function) -> Function:
    def dispatch(handler: DynamoHandler, request: Any, *args: Any, **kwargs: Any) -> Any:
        action = handler.get_endpoint_name(request.headers)
        try:
            parse_request(action or "", decode_body(request.data))
        except Refused as refused:
            return _reply(refused)
        return original(handler, request, *args, **kwargs)

    return dispatch


def _call_action(clock: Clock) -> Callable[[Function], Function]:
    def wrapper(original: Function) -> Function:
        def call_action(handler: DynamoHandler) -> Any:
            action = handler.get_endpoint_name(handler.headers) or ""
            principal = principal_of_access_key(handler.current_account, handler.partition, handler.access_key)
            refused = refusal(clock, handler.dynamodb_backend, action, handler.params, principal)
            if refused is not None:
                return _reply(refused)
            try:
                return original(handler)
            except Exception:  # noqa: BLE001 - whatever it is, it is logged
                # moto's server would drop the connection, which clients take for a network fault.
                _log.exception("%s in %s failed", action, handler.region)
                return _reply(failed_inside())

        return call_action

    return wrapper
