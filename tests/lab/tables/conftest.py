"""Tables on a clock that stands still until told, reached through boto3 and a real server, and in-process."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.config import Config
from cheroot.wsgi import Server
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.server import DomainDispatcherApplication, create_backend_app

from harness.clock import VirtualClock
from harness.lab.ports import Truth
from harness.lab.tables import LabTables, ReplicationParameters, install

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), DomainDispatcherApplication(create_backend_app), numthreads=10)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield f"http://localhost:{server.bind_addr[1]}"
    server.stop()
    thread.join(timeout=5)


_clients: dict[tuple[str, str, str], object] = {}


@pytest.fixture(scope="session")
def client(aws_url: str) -> Callable[..., object]:
    """boto3 client of a service in a region; made once, since making one takes tens of milliseconds."""

    def make(region: str, service: str = "dynamodb"):
        key = (aws_url, region, service)
        if key not in _clients:
            _clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=aws_url,
                aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
                aws_secret_access_key="x",
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=16),
            )
        return _clients[key]

    return make


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def parameters() -> ReplicationParameters:
    return ReplicationParameters()


@pytest.fixture
def truth() -> list[Truth]:
    """What the tables told the truth log."""
    return []


@pytest.fixture
def tables(clock: VirtualClock, parameters: ReplicationParameters, truth: list[Truth]) -> Iterator[LabTables]:
    installed = install(clock, seed=1, parameters=parameters, truth=truth.append)
    yield installed
    for backend in dynamodb_backends[DEFAULT_ACCOUNT_ID].values():
        for name in list(backend.tables):
            backend.tables[name].deletion_protection_enabled = False
            backend.delete_table(name)
    installed.uninstall()


@pytest.fixture
def arrive(clock: VirtualClock, tables: LabTables) -> Callable[[], None]:
    """Lets everything that is on its way arrive."""

    def let_arrive() -> None:
        for _ in range(100):
            if not tables.pending_replications:
                return
            clock.advance_s(10)
            tables.deliver_due()
        pytest.fail(f"{tables.pending_replications} writes are still on their way")

    return let_arrive


@pytest.fixture
def orders(tables: LabTables) -> str:
    """A global table in three regions, keyed by `pk`; its name."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    definition = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    replicas = [{"Create": {"RegionName": region}} for region in REGIONS[1:]]
    for action, request in [
        ("CreateTable", definition),
        ("UpdateTable", {"TableName": name, "ReplicaUpdates": replicas}),
    ]:
        status, body = tables.call(REGIONS[0], action, request, "arn:aws:iam::123456789012:root")
        assert status == 200, body
    return name


@pytest.fixture
def item_in(client, orders: str) -> Callable[..., dict | None]:
    """The item under a key as a region's endpoint has it; None when there is none."""

    def get(region: str, pk: str):
        return client(region).get_item(TableName=orders, Key={"pk": {"S": pk}}).get("Item")

    return get
