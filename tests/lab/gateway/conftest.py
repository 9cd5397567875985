"""A gateway on loopback with hand-built configuration, tables in memory and a virtual clock."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from harness.clock import VirtualClock
from harness.lab.certificates import Certificates
from harness.lab.gateway.config import (
    ApiSnapshot,
    BasePathMapping,
    CustomDomain,
    GatewayResponse,
    Integration,
    IntegrationResponse,
    Method,
    RegionConfig,
    Resource,
    RestApi,
    Stage,
)
from harness.lab.gateway.server import LabGateway

REGION = "eu-west-1"
HOST = f"api1.execute-api.{REGION}.amazonaws.com"
DOMAIN = "api.example.com"
ROLE = "arn:aws:iam::123456789012:role/ApiRole"


class MemoryTables:
    """PutItem and GetItem on a dict; `answers` overrides what an action answers, `on_call` runs at each call."""

    def __init__(self) -> None:
        self.items: dict = {}
        self.calls: list = []
        self.answers: dict = {}
        self.on_call: Callable[[], None] = lambda: None

    def call(self, region, action, request, principal_arn):
        self.calls.append((region, action, request, principal_arn))
        self.on_call()
        if action in self.answers:
            return self.answers[action]
        if action == "PutItem":
            self.items[request["Item"]["pk"]["S"]] = request["Item"]
            return 200, {}
        item = self.items.get(request["Key"]["pk"]["S"])
        return 200, {"Item": item} if item else {}


def mock_method(http_method="GET", template='{"statusCode": 200}', responses=None, **method):
    responses = responses or (IntegrationResponse(status_code=200, response_templates={"application/json": "{}"}),)
    statuses = tuple(response.status_code for response in responses)
    integration = Integration(type="MOCK", request_templates={"application/json": template}, responses=tuple(responses))
    return Method(http_method=http_method, integration=integration, response_statuses=statuses, **method)


def dynamodb_method(http_method, action, template, responses, region=REGION, **options):
    integration = Integration(
        type="AWS",
        uri=f"arn:aws:apigateway:{region}:dynamodb:action/{action}",
        credentials=ROLE,
        request_templates={"application/json": template},
        responses=tuple(responses),
        **options,
    )
    statuses = tuple(response.status_code for response in responses)
    return Method(http_method=http_method, integration=integration, response_statuses=statuses)


def json_response(status, template, pattern="", **parameters):
    return IntegrationResponse(
        status_code=status,
        selection_pattern=pattern,
        response_templates={"application/json": template},
        response_parameters=parameters,
    )


def region_config(*resources, variables=None, throttles=None, mappings=None, **snapshot):
    """One API "api1" with stage "prod", and the domain api.example.com mapped to it at its root."""
    stage = Stage(
        name="prod",
        variables=variables or {},
        throttles=throttles or {},
        snapshot=ApiSnapshot(resources=tuple(resources), **snapshot),
    )
    if mappings is None:
        mappings = (BasePathMapping(base_path="(none)", api_id="api1", stage="prod"),)
    domain = CustomDomain(
        name=DOMAIN, regional_target=f"d-abc.execute-api.{REGION}.amazonaws.com", mappings=tuple(mappings)
    )
    return RegionConfig(region=REGION, apis=(RestApi(api_id="api1", stages=(stage,)),), domains=(domain,))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


class Running:
    """A started gateway and ways to talk to it."""

    def __init__(self, loop, certificates) -> None:
        self.loop = loop
        self.clock = VirtualClock()
        self.tables = MemoryTables()
        self.truths: list = []
        self.client_context = ssl.create_default_context(cafile=str(certificates.ca_file))
        self.gateway = LabGateway(
            loop,
            region=REGION,
            address="127.0.0.1",
            port=0,
            certificates=certificates,
            tables=self.tables,
            clock=self.clock,
            truth=self.truths.append,
        )
        self.run(self.gateway.start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def serve(self, *resources, **options) -> None:
        self.gateway.replace_config(region_config(*resources, **options))

    def connect(self, sni=HOST, context=None) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.gateway.port), 5)
        return (context or self.client_context).wrap_socket(raw, server_hostname=sni)

    def get(self, path, *, host=HOST, method="GET", body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own, with the CA verified."""
        sni = host if host.endswith("amazonaws.com") or host == DOMAIN else HOST
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = self.connect(sni)
        try:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            reply = connection.getresponse()
            return SimpleNamespace(status=reply.status, headers=reply.headers, body=reply.read().decode())
        finally:
            connection.close()


@pytest.fixture
def running(loop, certificates) -> Iterator[Running]:
    running = Running(loop, certificates)
    yield running
    running.run(running.gateway.stop())


@pytest.fixture
def build():
    """The builders, for test modules."""
    return SimpleNamespace(
        mock=mock_method, dynamodb=dynamodb_method, response=json_response, config=region_config,
        Resource=Resource, GatewayResponse=GatewayResponse, HOST=HOST, DOMAIN=DOMAIN, REGION=REGION, ROLE=ROLE,
    )  # fmt: skip
