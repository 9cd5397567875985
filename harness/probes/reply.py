"""Reads an HTTP/1.1 reply from bytes: status, the region that served, and whether it came whole. No sockets."""

from __future__ import annotations

import httptools

from harness.stack import RegionName

SERVED_REGION_HEADER = b"x-served-region"
"""The reference stack names the region that served in this header of every reply, errors included."""

BODY_LIMIT = 1 << 20


class CutShort(Exception):
    """The connection ended before the reply did, or the reply does not end."""


class ReplyReader:
    """Feed it what the server sends, b"" for the end; it is complete when the body has come whole."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.region: RegionName | None = None
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._ends_with_connection = True

    def feed(self, data: bytes) -> None:
        """Raises CutShort, or httptools.HttpParserError when it is no HTTP."""
        if not data:
            self._end()
            return
        self._received += len(data)
        if self._received > BODY_LIMIT:
            raise CutShort(f"the reply is longer than {BODY_LIMIT} bytes")
        self._parser.feed_data(data)

    def _end(self) -> None:
        if self._received == 0:
            raise CutShort("the server closed the connection before the first byte")
        if self.status is None or not self._ends_with_connection:
            raise CutShort(f"the server closed the connection after {self._received} bytes, before the reply's end")
        self.complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == SERVED_REGION_HEADER:
            self.region = value.decode("ascii", "replace")
        elif lower in {b"content-length", b"transfer-encoding"}:
            self._ends_with_connection = False

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        # 1xx replies are interim (RFC 9110, 15.2): the reply itself is still to come.
        self.complete = self.status is not None and self.status >= 200
