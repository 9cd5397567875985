"""The application's replies, each as what it says of the write or read."""

from __future__ import annotations

import pytest

from harness.events import Outcome
from harness.probes.items_https import Made, get_item, post_item

EU = "eu-west-1"


@pytest.fixture
def target(loopback_target, name_server, https_server):
    def handle(connection, request):
        # Headers and body come apart; to close with some unread would reset the connection under the reply.
        if request.startswith(b"POST") and not request.endswith(b"}"):
            connection.recv(65536)
        connection.sendall(https_server.reply)

    https_server.handle = handle
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.1",)
    return loopback_target


def reply(status, body):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_an_item_made_has_the_key_of_the_applications_choice(target, https_server):
    https_server.reply = reply(200, b'{"pk": "x1=", "requestId": "x1=", "region": "eu-west-1"}')

    assert post_item(target, EU, "v1") == Made("x1=", {"name": "v1", "region": "eu-west-1"})
    assert https_server.requests[0].startswith(b"POST /data HTTP/1.1\r\n")
    assert b"\r\nHost: api.example.com\r\n" in https_server.requests[0]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b'{"error": "Too many requests", "cause": "ThrottlingException"}', "throttled"),
        (503, b'{"error": "The table refused", "cause": "AccessDeniedException"}', "access denied"),
        (503, b'{"error": "Refused", "cause": "ResourceNotFoundException"}', "status 503 Refused ResourceNotFound"),
        (403, b'{"message": "Forbidden"}', "status 403"),
        (400, b'{"error": "Bad input", "cause": "ValidationException"}', "status 400 Bad input ValidationException"),
    ],
)
def test_what_the_application_refuses_had_no_effect(target, https_server, status, body, error):
    https_server.reply = reply(status, body)

    failure = post_item(target, EU, "v1")

    assert failure.outcome is Outcome.FAIL
    assert failure.error.startswith(error)


@pytest.mark.parametrize(
    "answer",
    [
        reply(502, b'{"error": "The table did not answer"}'),
        reply(504, b'{"message": "Endpoint request timed out"}'),
        reply(200, b"no JSON"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"",
    ],
)
def test_a_lost_or_unclear_reply_leaves_open_whether_the_item_was_made(target, https_server, answer):
    https_server.reply = answer

    assert post_item(target, EU, "v1").outcome is Outcome.UNKNOWN


def test_an_item_for_which_no_connection_was_had_was_not_made(make_target, name_server, ca_file):
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.1",)
    target = make_target(nameservers=(name_server.text,), https_port=1, ca_file=str(ca_file))

    failure = post_item(target, EU, "v1")

    assert failure.outcome is Outcome.FAIL
    assert failure.error.startswith("not sent: ")


def test_an_item_is_read_by_its_escaped_key(target, https_server):
    https_server.reply = reply(200, b'{"pk": "a/b=", "name": "v1", "region": "us-east-1"}')

    assert get_item(target, EU, "a/b=") == {"name": "v1", "region": "us-east-1"}
    assert https_server.requests[0].startswith(b"GET /data/a%2Fb%3D ")


def test_only_the_applications_own_404_says_that_there_is_no_item(target, https_server):
    https_server.reply = reply(404, b'{"error": "Not found", "region": "eu-west-1"}')
    assert get_item(target, EU, "k") is None

    https_server.reply = reply(404, b'{"message": "Not Found"}')
    assert get_item(target, EU, "k").error == "status 404"
