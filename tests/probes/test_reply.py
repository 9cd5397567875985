"""Reading HTTP replies from bytes, however they are cut into reads."""

from __future__ import annotations

import httptools
import pytest

from harness.probes.reply import BODY_LIMIT, CutShort, ReplyReader

OK = b"HTTP/1.1 200 OK\r\nX-Served-Region: eu-west-1\r\nContent-Length: 2\r\n\r\nok"


def _read(*pieces):
    reader = ReplyReader()
    for piece in pieces:
        reader.feed(piece)
    return reader


def test_status_and_served_region_are_read():
    reader = _read(OK)

    assert (reader.status, reader.region, reader.complete) == (200, "eu-west-1", True)


def test_a_reply_that_comes_byte_by_byte_is_the_same():
    reader = _read(*(OK[n : n + 1] for n in range(len(OK))))

    assert (reader.status, reader.region, reader.complete) == (200, "eu-west-1", True)


def test_a_reply_is_not_complete_before_its_last_byte():
    assert not _read(OK[:-1]).complete


def test_a_chunked_reply_is_complete_with_its_last_chunk():
    head = b"HTTP/1.1 503 Down\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert not _read(head, b"2\r\nno\r\n").complete
    assert _read(head, b"2\r\nno\r\n", b"0\r\n\r\n").complete


def test_a_reply_of_no_stated_length_ends_with_the_connection():
    assert _read(b"HTTP/1.1 200 OK\r\n\r\nhello", b"").complete


def test_an_interim_reply_is_not_the_reply():
    reader = _read(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not reader.complete

    reader.feed(OK)
    assert (reader.status, reader.complete) == (200, True)


@pytest.mark.parametrize("pieces", [(b"",), (OK[:-1], b""), (b"HTTP/1.1 200 OK\r\n", b"")])
def test_a_reply_cut_short_is_told(pieces):
    with pytest.raises(CutShort):
        _read(*pieces)


def test_an_endless_reply_is_cut():
    with pytest.raises(CutShort, match="longer than"):
        _read(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * (BODY_LIMIT // 65536 + 1))


def test_what_is_not_http_is_told():
    with pytest.raises(httptools.HttpParserError):
        _read(b"SSH-2.0-OpenSSH_9.2\r\n")
