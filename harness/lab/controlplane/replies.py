"""Errors in the shape that each AWS protocol gives them, for what neither moto nor the lab answers itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

import msgspec

StartResponse = Callable[[str, list[tuple[str, str]]], object]

_XML_SERVICES = frozenset({"cloudformation", "iam", "monitoring", "route53", "s3", "sns", "sts", "sqs", "ec2"})
_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    501: "Not Implemented",
}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    body: bytes

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        headers = {"Content-Length": str(len(self.body)), "x-amzn-RequestId": str(uuid.uuid4())} | self.headers
        start_response(f"{self.status} {_REASONS.get(self.status, 'OK')}", list(headers.items()))
        return [self.body]


def error(service: str, status: int, code: str, message: str) -> Reply:
    """An error that botocore parses: XML for services of the query and XML protocols, else JSON."""
    if service in _XML_SERVICES:
        kind = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        return Reply(status=status, headers={"Content-Type": "text/xml"}, body=body.encode())
    document = {"__type": code, "message": message}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return Reply(status=status, headers=headers, body=json.dumps(document).encode())
