"""What a health checker reads of an HTTP reply: the status, and the start of the body when it looks for a string."""

from __future__ import annotations

import zlib

import httptools

from harness.models.health import HEADER_LIMIT_BYTES, SEARCHED_BYTES


class MalformedReply(Exception):
    """The endpoint did not answer in HTTP, or not within the limits that Route 53 sets."""


class Reply:
    """An HTTP reply as it comes in, piece by piece.

    Source: Route 53 Developer Guide: headers of at most 16 KB that follow RFC 7230, gzip and deflate are undone.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.has_status = False
        self.is_complete = False
        self.body = b""
        self._header_bytes = 0
        self._inflate: zlib._Decompress | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    @property
    def is_ok(self) -> bool:
        """Redirects are not followed and count as healthy."""
        return 200 <= self.status < 400

    @property
    def has_searched_bytes(self) -> bool:
        return self.is_complete or len(self.body) >= SEARCHED_BYTES

    def feed(self, data: bytes) -> None:
        """Takes what was received; nothing means that the other side has closed.

        Raises:
            MalformedReply: it is not HTTP, too long a header, or closed before the status.
        """
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_complete = True
        except httptools.HttpParserError as error:
            raise MalformedReply(f"the reply is not valid HTTP: {error}") from error
        if self._header_bytes > HEADER_LIMIT_BYTES:
            raise MalformedReply(f"the reply's headers are larger than {HEADER_LIMIT_BYTES} bytes")

    def contains(self, text: str) -> bool:
        """Whether `text` lies, in this very case, entirely in the part of the body that Route 53 searches."""
        return text.encode() in self.body[:SEARCHED_BYTES]

    def _end(self) -> None:
        if not self.has_status:
            raise MalformedReply("the connection was closed before a status came")
        self.is_complete = True

    # What follows is called by the parser.

    def on_status(self, reason: bytes) -> None:
        self.reason = reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if name.lower() == b"content-encoding" and value.strip().lower() in (b"gzip", b"deflate"):
            self._inflate = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # 32: tells gzip from zlib by itself

    def on_headers_complete(self) -> None:
        self.has_status = True

    def on_body(self, data: bytes) -> None:
        if len(self.body) < SEARCHED_BYTES:
            self.body += self._inflate.decompress(data, SEARCHED_BYTES) if self._inflate else data

    def on_message_complete(self) -> None:
        self.is_complete = True
