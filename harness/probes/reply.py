"""Reads an HTTP/1.1 reply from bytes: status, the region that served, and whether it came whole. No sockets."""

from __future__ import annotations

from typing import Any

import httptools
import msgspec

from harness.events import RegionFrom
from harness.stack import RegionName, ServedRegion

BODY_LIMIT = 1 << 20


class CutShort(Exception):
    """The connection ended before the reply did, or the reply does not end."""


class ReplyReader:
    """Feed it what the server sends, b"" for the end; it is complete when the body has come whole."""

    def __init__(self, served_region: ServedRegion | None = None) -> None:
        self.status: int | None = None
        self.region: RegionName | None = None
        self.region_from: RegionFrom | None = None
        self.complete = False
        self.can_be_followed = False
        """Once complete: the server leaves the connection open for another request."""
        self._told_by = served_region or ServedRegion()
        self._header = self._told_by.header.lower().encode()
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._ends_with_connection = True
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Raises CutShort, or httptools.HttpParserError when it is no HTTP."""
        if not data:
            self._end()
            return
        self._received += len(data)
        if self._received > BODY_LIMIT:
            raise CutShort(f"the reply is longer than {BODY_LIMIT} bytes")
        self._parser.feed_data(data)

    @property
    def has_begun(self) -> bool:
        return self._received > 0

    def _end(self) -> None:
        if self._received == 0:
            raise CutShort("the server closed the connection before the first byte")
        if self.status is None or not self._ends_with_connection:
            raise CutShort(f"the server closed the connection after {self._received} bytes, before the reply's end")
        self._complete()

    def _complete(self) -> None:
        self.complete = True
        if self.region is None and self._told_by.body_field:
            self.region = _region_in(b"".join(self._body), self._told_by.body_field)
            self.region_from = RegionFrom.BODY if self.region else None

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == self._header:
            self.region = value.decode("ascii", "replace").strip() or None
            self.region_from = RegionFrom.HEADER if self.region else None
        elif lower in {b"content-length", b"transfer-encoding"}:
            self._ends_with_connection = False

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if self._told_by.body_field:
            self._body.append(body)

    def on_message_complete(self) -> None:
        # 1xx replies are interim (RFC 9110, 15.2): the reply itself is still to come.
        if self.status is not None and self.status >= 200:
            self.can_be_followed = self._parser.should_keep_alive() and not self._ends_with_connection
            self._complete()


def _region_in(body: bytes, field: str) -> RegionName | None:
    """The text at `field` of a JSON body; None when there is none."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None
