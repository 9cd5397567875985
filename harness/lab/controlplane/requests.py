"""What a request to the control plane asks for, told from its signature, headers and path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from harness.stack import RegionName

Environ = Mapping[str, Any]

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_PRESIGNED_SCOPE = re.compile(
    r"X-Amz-Credential=[^/&]+(?:/|%2F)\d{8}(?:/|%2F)([a-z0-9-]+)(?:/|%2F)([a-z0-9-]+)(?:/|%2F)"
)
_READS = ("Get", "List", "Describe", "Test", "Validate", "BatchGet", "TransactGet", "Query", "Scan", "Head", "Search")
_DATA_PLANE = frozenset(
    [
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "ExecuteStatement",
        "BatchExecuteStatement",
        "ExecuteTransaction",
        "PutMetricData",
        "AssumeRole",
    ]
)
"""Calls that change data, not configuration: nothing in the lab is configured by them."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Service and region of a request's SigV4 credential scope."""

    service: str
    region: RegionName


def scope_of(environ: Environ) -> Scope | None:
    """None when the request is not signed."""
    match = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) or _PRESIGNED_SCOPE.search(
        environ.get("QUERY_STRING", "")
    )
    return Scope(region=match.group(1), service=match.group(2).lower()) if match else None


def changes_configuration(action: str | None, method: str) -> bool:
    """False for calls that only read, and for the data plane's writes."""
    if action is None:
        return method not in {"GET", "HEAD", "OPTIONS"}
    return not action.startswith(_READS) and action not in _DATA_PLANE
