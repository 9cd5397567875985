"""Real servers on loopback for tests of the edges: a small name server and a small HTTPS server, on free ports."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import msgspec
import pytest
import trustme

from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DeployPlan
from harness.deployment.reference import deploy_reference
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder, LabInfo
from harness.stack import Endpoints, RegionalStack, Stack
from harness.target import Target

# Tests are imported by path and have no packages; this makes `builders` importable from every one of them.
sys.path.insert(0, str(Path(__file__).parent))

LAB_REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
DOMAIN = "api.example.com"
ZONE = "example.com"
SOA = f"ns.{ZONE}. hostmaster.{ZONE}. 1 7200 900 1209600 86400"


class NameServer:
    """Authoritative for example.com over UDP and TCP: `addresses` by name, TTL 60, the client subnet echoed.

    `respond` (query, transport) -> messages to send replaces all of that; `queries` keeps what was asked.
    """

    def __init__(self) -> None:
        self.addresses: dict[str, tuple[str, ...]] = {DOMAIN: ("127.0.0.1",)}
        self.rcode = dns.rcode.NOERROR
        self.queries: list[dns.message.Message] = []
        self.respond: Callable[[dns.message.Message, str], list[bytes]] = lambda query, _: [
            self.answer(query).to_wire()
        ]
        self._udp, self._tcp = _same_port()
        self.server = ("127.0.0.1", self._udp.getsockname()[1])
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    @property
    def text(self) -> str:
        return f"127.0.0.1:{self.server[1]}"

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, our_payload=1232)
        reply.flags |= dns.flags.AA
        reply.set_rcode(self.rcode)
        for option in query.options:
            if isinstance(option, dns.edns.ECSOption):
                reply.use_edns(0, options=[dns.edns.ECSOption(option.address, option.srclen, option.srclen)])
        self._fill(reply, query.question[0])
        return reply

    def _fill(self, reply: dns.message.Message, question: dns.rrset.RRset) -> None:
        name = question.name.to_text(omit_final_dot=True).lower()
        if self.rcode != dns.rcode.NOERROR:
            return
        if question.rdtype == dns.rdatatype.SOA and name == ZONE:
            reply.answer.append(dns.rrset.from_text(question.name, 900, "IN", "SOA", SOA))
        elif question.rdtype == dns.rdatatype.A and name in self.addresses:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", *self.addresses[name]))
        else:
            reply.authority.append(dns.rrset.from_text(f"{ZONE}.", 900, "IN", "SOA", SOA))
            reply.set_rcode(dns.rcode.NOERROR if name in self.addresses else dns.rcode.NXDOMAIN)

    def _serve_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = self._udp.recvfrom(4096)
                if not data:  # shut down
                    return
                query = dns.message.from_wire(data)
                self.queries.append(query)
                for message in self.respond(query, "udp"):
                    self._udp.sendto(message, client)

    def _serve_tcp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                with connection, contextlib.suppress(OSError, struct.error):
                    (length,) = struct.unpack("!H", connection.recv(2))
                    query = dns.message.from_wire(connection.recv(length))
                    for message in self.respond(query, "tcp"):
                        connection.sendall(struct.pack("!H", len(message)) + message)

    def close(self) -> None:
        for channel in (self._udp, self._tcp):
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()
        for thread in self._threads:
            thread.join(5)


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on one free port."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket()
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
        else:
            tcp.listen()
            return udp, tcp
    raise RuntimeError("no port is free for both UDP and TCP")


REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-served-region: eu-west-1\r\n\r\nok"


class HttpsServer:
    """Speaks TLS on 127.0.0.1 and sends `reply`; `handle` (connection, request) replaces that."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.reply = REPLY
        self.requests: list[bytes] = []
        self.before_handshake: Callable[[socket.socket], None] = lambda _: None
        self.handle: Callable[[ssl.SSLSocket, bytes], None] = lambda connection, _: connection.sendall(self.reply)
        self.closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, raw: socket.socket) -> None:
        with raw, contextlib.suppress(OSError):
            self.before_handshake(raw)
            with self.context.wrap_socket(raw, server_side=True) as connection:
                request = connection.recv(65536)
                self.requests.append(request)
                self.handle(connection, request)

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabInfo]:
    """A lab in a process of its own, 40 times as fast as the wall's clock, with nothing deployed."""
    folder = LabFolder("tests", root=tmp_path_factory.mktemp("lab"))
    settings = LabSettings(name="tests", regions=LAB_REGIONS, rate=40.0, owner_pid=os.getpid())
    info = spawn(settings, folder)
    yield info
    end(folder, info)


@pytest.fixture(scope="session")
def lab_plan(lab: LabInfo) -> DeployPlan:
    """The reference stack with the quickest health checks there are: one failed look in 10 s decides."""
    return msgspec.structs.replace(plan_for_lab(lab), health_check_interval_s=10, failure_threshold=1)


@pytest.fixture(scope="session")
def lab_target(lab_plan: DeployPlan) -> Target:
    """The reference stack, deployed to the lab. Tests that break it mend it."""
    return deploy_reference(lab_plan, lambda _progress: None, lambda _text: None)


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


def server_context(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="session")
def make_context(ca: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """(names, ca=...) -> a server's TLS context with a certificate for these names."""
    return lambda *names, by=ca: server_context(by, *names)


@pytest.fixture
def https_server(ca: trustme.CA) -> Iterator[HttpsServer]:
    server = HttpsServer(server_context(ca, DOMAIN))
    yield server
    server.close()


def regional(region: str) -> RegionalStack:
    return RegionalStack(
        region=region,
        rest_api_id=f"api-{region}",
        stage="prod",
        execute_api_host=f"api-{region}.execute-api.{region}.amazonaws.com",
        domain_target=f"d-1.execute-api.{region}.amazonaws.com",
        health_check_id=f"check-{region}",
        table_name="demo",
    )


@pytest.fixture(scope="session")
def two_region_stack() -> Stack:
    """eu-west-1 (main) and us-east-1, domain api.example.com."""
    return Stack(
        name="demo",
        domain_name=DOMAIN,
        hosted_zone_id="Z123",
        regions=(regional("eu-west-1"), regional("us-east-1")),
    )


@pytest.fixture
def make_target(two_region_stack: Stack) -> Callable[..., Target]:
    """Endpoints' fields -> a target of the two-region stack."""
    return lambda **fields: Target(two_region_stack, Endpoints(**fields), name="test")


@pytest.fixture
def loopback_target(
    make_target: Callable[..., Target], name_server: NameServer, https_server: HttpsServer, ca_file: Path
) -> Target:
    """A target whose domain is served by `name_server` and `https_server`, its clock 20 times as fast as the wall's."""
    return make_target(
        nameservers=(name_server.text,), https_port=https_server.port, ca_file=str(ca_file), clock_rate=20.0
    )
