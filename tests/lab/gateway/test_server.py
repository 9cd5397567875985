from __future__ import annotations

import ssl

import pytest
import requests
from requests.adapters import HTTPAdapter

from harness.errors import LabError
from harness.lab.gateway.server import LabGateway


@pytest.fixture
def healthy(running, build):
    method = build.mock(template='{"statusCode": $stageVariables.HEALTH}')
    running.serve(build.Resource(path="/health", methods=(method,)), variables={"HEALTH": "200", "TABLE": "t"})
    return running


class _Pinned(HTTPAdapter):
    """requests, connecting to the gateway's address while asking for a name, as a probe does."""

    def __init__(self, name, ca_file):
        self._pool = {
            "server_hostname": name,
            "assert_hostname": name,
            "ssl_context": ssl.create_default_context(cafile=str(ca_file)),
        }
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs, **self._pool)


@pytest.mark.parametrize(("name", "path"), [("HOST", "/prod/health"), ("DOMAIN", "/health")])
def test_requests_gets_an_answer_over_verified_tls(healthy, build, certificates, name, path):
    host = getattr(build, name)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", _Pinned(host, certificates.ca_file))
        reply = session.get(f"https://127.0.0.1:{healthy.gateway.port}{path}", headers={"Host": host}, timeout=5)

    assert reply.status_code == 200


def test_every_reply_carries_awss_request_ids(healthy):
    headers = healthy.get("/prod/health").headers

    assert len(headers["x-amzn-RequestId"]) == 36
    assert len(headers["x-amz-apigw-id"]) == 16


def test_an_execute_api_host_that_does_not_exist_gets_a_handshake_and_then_403(healthy, build):
    reply = healthy.get("/prod/health", host=build.HOST.replace("api1", "other"))

    assert (reply.status, reply.body) == (403, '{"message":"Forbidden"}')


def test_a_name_that_is_not_configured_gets_no_handshake(healthy):
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        healthy.connect("other.example.com")


def test_hosts_are_the_execute_api_host_and_the_domains_target(healthy, build):
    assert healthy.gateway.hosts() == {build.HOST, f"d-abc.execute-api.{build.REGION}.amazonaws.com"}
    assert healthy.gateway.custom_domains() == {build.DOMAIN}


def test_a_changed_stage_variable_takes_effect_and_is_logged_with_its_time(healthy, build):
    healthy.clock.advance_s(12)
    resource = build.Resource(
        path="/health", methods=(build.mock(responses=(build.response(200, "$stageVariables.HEALTH"),)),)
    )

    healthy.serve(resource, variables={"HEALTH": "503", "TABLE": "t"})

    assert healthy.get("/prod/health").body == "503"
    (truth,) = healthy.truths
    assert (truth.at_s, truth.what, truth.region) == (12, "stage-variable", build.REGION)
    assert truth.detail == {"api": "api1", "stage": "prod", "name": "HEALTH", "value": "503"}


def test_an_unchanged_stage_logs_nothing(healthy, build):
    healthy.gateway.replace_config(healthy.gateway._served.config)

    assert healthy.truths == []


def test_a_stopped_gateway_closes_its_connections_and_starts_again_on_the_same_port(healthy):
    port = healthy.gateway.port
    idle = healthy.connect()

    healthy.run(healthy.gateway.stop())
    assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        healthy.connect()

    healthy.run(healthy.gateway.start())
    assert (healthy.gateway.port, healthy.get("/prod/health").status) == (port, 200)


def test_starting_and_stopping_twice_does_no_harm(healthy):
    healthy.run(healthy.gateway.start())
    assert healthy.get("/prod/health").status == 200

    healthy.run(healthy.gateway.stop())
    healthy.run(healthy.gateway.stop())


def test_a_taken_port_is_an_error_that_names_it(running, certificates):
    second = LabGateway(
        running.loop, region="us-east-1", address="127.0.0.1", port=running.gateway.port, certificates=certificates,
        tables=running.tables, clock=running.clock, truth=running.truths.append,
    )  # fmt: skip

    with pytest.raises(LabError, match=str(running.gateway.port)):
        running.run(second.start())
