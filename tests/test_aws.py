"""boto3's door: keys, and boto's errors as ours. Nothing here leaves loopback."""

from __future__ import annotations

import http.server
import os
import socket
import threading

import pytest

from harness.aws import Aws, aws_errors, is_loopback
from harness.errors import CredentialsMissing, LabNotRunning, TargetError


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def _keys(client):
    return client._request_signer._credentials.access_key


def test_a_server_on_loopback_gets_fixed_keys_when_there_are_none(no_credentials):
    assert _keys(Aws("http://127.0.0.1:1").sts()) == "lab"


def test_keys_of_the_environment_win_over_the_fixed_ones(no_credentials, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    assert _keys(Aws("http://127.0.0.1:1").sts()) == "AKIAMINE"


@pytest.mark.parametrize("aws_url", [None, "https://192.0.2.1", "https://127.0.0.1.example.com"])
def test_no_keys_anywhere_else_is_an_error_that_says_what_to_do(no_credentials, aws_url):
    with pytest.raises(CredentialsMissing, match="AWS_PROFILE"):
        Aws(aws_url).route53()


def test_a_profile_that_does_not_exist_is_named(no_credentials, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(CredentialsMissing, match="nobody"):
        Aws(None).route53()


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.9.9.9:80", True), ("http://[::1]:80", True), ("http://localhost", True),
     ("http://10.0.0.1", False), ("http://localhost.example.com", False), ("", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_address_not_by_the_look_of_the_name(url, expected):
    assert is_loopback(url) is expected


def test_nothing_listening_on_loopback_says_how_to_start_a_lab(no_credentials):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    with (
        pytest.raises(LabNotRunning, match=f"asking who we are: nothing listens at {url}.*harness lab up"),
        aws_errors("asking who we are"),
    ):
        Aws(url).sts().get_caller_identity()


class _Refuses(http.server.BaseHTTPRequestHandler):
    code = "ExpiredToken"

    def do_POST(self):
        body = (
            f"<ErrorResponse><Error><Code>{self.code}</Code><Message>sorry</Message></Error></ErrorResponse>".encode()
        )
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [("ExpiredToken", CredentialsMissing, "refuses the credentials"),
     ("AccessDenied", TargetError, "GetCallerIdentity failed with AccessDenied: sorry")],
)  # fmt: skip
def test_an_answer_from_aws_comes_out_as_ours(no_credentials, code, kind, text):
    handler = type("Handler", (_Refuses,), {"code": code})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.raises(kind, match=text) as caught, aws_errors("asking who we are"):
                Aws(f"http://127.0.0.1:{server.server_port}").sts().get_caller_identity()
        finally:
            server.shutdown()
            thread.join()
    assert type(caught.value) is kind
