"""Requests per second and CPU per request of the lab's API gateway, serving the reference stack's own templates.

    python benchmarks/gateway.py [--seconds 2] [--rounds 2] [--json FILE]

GET /health (MOCK) and GET /data/{pk} (DynamoDB through the lab's tables, in-process), over verified TLS: with 8 kept
connections, with a new connection per request, and with a new connection that resumes its session. The load comes from
another process, so two cores are needed; the best round counts, as other work on the machine only ever slows a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import ssl
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import msgspec

from harness.clock import ScaledClock
from harness.events import Json
from harness.lab.certificates import Certificates
from harness.lab.gateway.config import (
    ApiSnapshot,
    Integration,
    IntegrationResponse,
    Method,
    RegionConfig,
    Resource,
    RestApi,
    Stage,
)
from harness.lab.gateway.server import LabGateway
from harness.lab.tables import LabTables, install

REGION = "eu-west-1"
HOST = f"bench.execute-api.{REGION}.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/bench"
TABLE = "bench"
CONNECTIONS = 8
TEMPLATE = Path(__file__).parents[1] / "infra" / "templates" / f"GlobalApplication-{REGION}.template.json"
PATHS = {"GET /health": "/prod/health", "GET /data/{pk}": "/prod/data/item-1"}
MODES = ("keep-alive", "new connection", "resumed")


class Row(msgspec.Struct, frozen=True):
    request: str
    connections: str
    requests_per_s: float
    cpu_us_per_request: float


def reference_method(uri_end: str) -> Method:
    """The first GET of the deployed template whose integration's uri ends so; "" is the MOCK of /health."""
    for resource in json.loads(TEMPLATE.read_text())["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ApiGateway::Method" and properties["HttpMethod"] == "GET":
            integration = properties["Integration"]
            if text_of(integration.get("Uri", "")).endswith(uri_end) and bool(uri_end) == ("Uri" in integration):
                return method_of(integration)
    raise SystemExit(f"{TEMPLATE} has no GET with an integration uri that ends in {uri_end!r}")


def method_of(integration: dict[str, Any]) -> Method:
    responses = tuple(
        IntegrationResponse(
            status_code=int(response["StatusCode"]),
            selection_pattern=response.get("SelectionPattern", ""),
            response_templates=texts_of(response.get("ResponseTemplates", {})),
            response_parameters=texts_of(response.get("ResponseParameters", {})),
        )
        for response in integration["IntegrationResponses"]
    )
    return Method(
        http_method="GET",
        response_statuses=tuple(response.status_code for response in responses),
        integration=Integration(
            type=integration["Type"],
            uri=text_of(integration.get("Uri", "")),
            credentials=ROLE,
            request_templates=texts_of(integration["RequestTemplates"]),
            responses=responses,
        ),
    )


def text_of(value: Any) -> str:
    """A template's text with the region filled in."""
    match value:
        case {"Fn::Sub": text}:
            return str(text).replace("${AWS::Region}", REGION)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text_of(part) for part in parts)
        case {"Ref": name}:
            return REGION if name == "AWS::Region" else "aws"
    return str(value)


def texts_of(values: dict[str, Any]) -> dict[str, str]:
    return {name: text_of(value) for name, value in values.items()}


def reference_config() -> RegionConfig:
    snapshot = ApiSnapshot(
        resources=(
            Resource(path="/health", methods=(reference_method(""),)),
            Resource(path="/data/{pk}", methods=(reference_method(":dynamodb:action/GetItem"),)),
        )
    )
    stage = Stage(name="prod", snapshot=snapshot, variables={"HEALTH": "200", "TABLE": TABLE})
    return RegionConfig(region=REGION, apis=(RestApi(api_id="bench", stages=(stage,)),))


def fill(tables: LabTables) -> None:
    from moto.dynamodb.models import dynamodb_backends  # Half a second, which the load does without.

    dynamodb_backends["123456789012"][REGION].create_table(
        TABLE, schema=[{"AttributeName": "pk", "KeyType": "HASH"}], throughput=None,
        attr=[{"AttributeName": "pk", "AttributeType": "S"}], global_indexes=None, indexes=None, streams=None,
        billing_mode="PAY_PER_REQUEST", sse_specification=None, tags=[], deletion_protection_enabled=False,
        warm_throughput=None,
    )  # fmt: skip
    item: dict[str, Json] = {"pk": {"S": "item-1"}, "name": {"S": "bob"}, "region": {"S": REGION}}
    status, answer = tables.call(REGION, "PutItem", {"TableName": TABLE, "Item": item}, ROLE)
    if status != 200:
        raise SystemExit(f"the benchmark's table refuses its item: {answer}")


# -- the load, in another process


def connect(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", port), 5)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=HOST, session=session)


def checked(reply: bytes) -> None:
    if not reply.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"the gateway answered {reply[:200]!r}")


def load(pipe: Pipe, port: int, ca_file: str) -> None:
    """Serves (path, mode, seconds) -> number of requests, until it gets None."""
    context = ssl.create_default_context(cafile=ca_file)
    while (task := pipe.recv()) is not None:
        path, mode, seconds = task
        request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n".encode()
        run = load_kept if mode == "keep-alive" else load_new
        pipe.send(run(port, context, request, time.monotonic() + seconds, mode == "resumed"))


def load_kept(port: int, context: ssl.SSLContext, request: bytes, until_s: float, _resumed: bool) -> int:
    connections = [connect(port, context) for _ in range(CONNECTIONS)]
    count = 0
    while time.monotonic() < until_s:
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            checked(connection.recv(65_536))
            count += 1
    for connection in connections:
        connection.close()
    return count


def load_new(port: int, context: ssl.SSLContext, request: bytes, until_s: float, resumed: bool) -> int:
    count, session = 0, None
    while time.monotonic() < until_s:
        with connect(port, context, session) as connection:
            connection.sendall(request)
            checked(connection.recv(65_536))
            session = connection.session if resumed else None
            count += 1
    return count


# -- measuring


async def measure(pipe: Pipe, path: str, mode: str, seconds: float) -> tuple[float, float]:
    """(requests/s, CPU µs per request of this process)."""
    loop = asyncio.get_running_loop()
    started_s, cpu_s = time.monotonic(), time.process_time()
    pipe.send((path, mode, seconds))
    count = await loop.run_in_executor(None, pipe.recv)
    return count / (time.monotonic() - started_s), (time.process_time() - cpu_s) / count * 1e6


async def run(seconds: float, rounds: int) -> list[Row]:
    clock = ScaledClock()
    tables = install(clock, 1)
    fill(tables)
    with tempfile.TemporaryDirectory() as folder:
        certificates = Certificates(Path(folder))
        gateway = LabGateway(
            asyncio.get_running_loop(), region=REGION, address="127.0.0.1", port=0, certificates=certificates,
            tables=tables, clock=clock, truth=lambda _: None,
        )  # fmt: skip
        gateway.replace_config(reference_config())
        await gateway.start()
        ours, theirs = multiprocessing.Pipe()
        generator = multiprocessing.get_context("spawn").Process(
            target=load, args=(theirs, gateway.port, str(certificates.ca_file)), daemon=True
        )
        generator.start()
        try:
            await measure(ours, "/prod/health", "keep-alive", 0.2)  # Warms both sides up.
            return [await best(ours, name, mode, seconds, rounds) for name in PATHS for mode in MODES]
        finally:
            ours.send(None)
            generator.join(5)
            await gateway.stop()
            tables.uninstall()


async def best(pipe: Pipe, name: str, mode: str, seconds: float, rounds: int) -> Row:
    measured = [await measure(pipe, PATHS[name], mode, seconds) for _ in range(rounds)]
    return Row(name, mode, round(max(rate for rate, _ in measured)), round(min(cpu for _, cpu in measured), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="per round, default 2")
    parser.add_argument("--rounds", type=int, default=2, help="default 2")
    parser.add_argument("--json", type=Path, help="also written here")
    options = parser.parse_args()
    rows = asyncio.run(run(options.seconds, options.rounds))
    print(f"{'request':<16} {'connections':<16} {'requests/s':>10} {'CPU µs each':>12}")
    for row in rows:
        print(f"{row.request:<16} {row.connections:<16} {row.requests_per_s:>10,.0f} {row.cpu_us_per_request:>12.1f}")
    encoded = msgspec.json.encode(rows)
    print(encoded.decode())
    if options.json:
        options.json.write_bytes(encoded)


if __name__ == "__main__":
    main()
