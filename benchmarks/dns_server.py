"""Queries per second and CPU per query of the lab's DNS server, beside others on the same zone and the same load.

    python benchmarks/dns_server.py [--seconds 4] [--rounds 3] [--json FILE]

Load: one latency-routed name asked from 20,000 distinct /24 client subnets; dnsperf where it is installed, else a
windowed loop of our own. Beside it: an asyncio server that parses and builds every message with dnspython, and, where
they are installed, Knot's geoip module, or Knot alone, which then answers every subnet the same and has less to do.
The servers take turns for `rounds` rounds; before that the answers of each to 500 subnets are compared with the
model's. The table shows the best round, as other work on the machine only ever slows one; the ratios are taken round by
round, side by side, and shown with their spread. Targets: at least 25 x dnspython's queries per second; at most 2 x the
CPU per query of Knot with geoip. Where other work keeps the load generator from its core, a fast server waits for it
and a slow one does not: then the ratio of CPU per query is the truer one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rrset
import msgspec

from harness.clock import ScaledClock
from harness.lab.dns import HostedZone, LabDns, LatencyDatabase, ZoneSet
from harness.models.routing import AliasTarget, Record, choose

SUBNETS = 20_000
CHECKED_SUBNETS = 500
WINDOW = 100
NAME = "api.example.com"
ADDRESSES = {"us-east-1": "127.10.0.1", "eu-west-1": "127.20.0.1", "ap-southeast-2": "127.30.0.1"}
TARGETS = {"lab_queries_per_s_over_dnspython": "at least 25", "lab_cpu_over_knot": "at most 2"}
RECORDS = tuple(
    Record(
        name=NAME,
        type="A",
        set_identifier=region,
        region=region,
        health_check_id=region,
        alias=AliasTarget(hosted_zone_id="Z0", dns_name=f"d-bench.execute-api.{region}.amazonaws.com"),
    )
    for region in ADDRESSES
)


class Round(msgspec.Struct, frozen=True):
    queries_per_s: float
    cpu_us_per_query: float
    lost: int


class Result(msgspec.Struct, frozen=True):
    server: str
    rounds: list[Round]

    @property
    def best(self) -> Round:
        return max(self.rounds, key=lambda result: result.queries_per_s)

    @property
    def cpu_us(self) -> float:
        return min(result.cpu_us_per_query for result in self.rounds)


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    median: float
    least: float
    most: float


class DnspythonServer(asyncio.DatagramProtocol):
    """What one writes first: parse the message, choose, build the message, all with dnspython."""

    def __init__(self, latency: LatencyDatabase) -> None:
        self._latency = latency
        self._random = random.Random(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no subclass of DatagramTransport, so it cannot be asserted.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        subnet = next(option for option in query.options if isinstance(option, dns.edns.ECSOption))
        client = self._latency.clients[self._latency.region_index(socket.inet_aton(subnet.address))]
        (record,) = choose(RECORDS, client, lambda _: True, self._random)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = [dns.rrset.from_text(question.name, 60, "IN", "A", ADDRESSES[record.region or ""])]
        reply.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(subnet.address, subnet.srclen, subnet.srclen)])
        self._transport.sendto(reply.to_wire(), addr)


async def serve(kind: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    latency = LatencyDatabase.load()
    if kind == "dnspython":
        await loop.create_datagram_endpoint(lambda: DnspythonServer(latency), local_addr=("127.0.0.1", port))
    else:
        server = LabDns(
            loop, port=port, is_healthy=lambda _: True, locate=_locate, latency=latency, clock=ScaledClock()
        )
        server.replace_zones(ZoneSet(zones=(HostedZone(id="Z1", name="example.com.", records=RECORDS),)))
        await server.start()
    await asyncio.Event().wait()


def _locate(host: str) -> tuple[str, ...] | None:
    return next(((address,) for region, address in ADDRESSES.items() if f".{region}." in host), None)


@contextmanager
def python_server(kind: str) -> Iterator[tuple[int, int]]:
    """(pid, port) of a server of ours in its own process."""
    port = free_port()
    with running([sys.executable, __file__, "--serve", kind, "--port", str(port)]) as pid:
        yield pid, port


@contextmanager
def knot_server() -> Iterator[tuple[str, int, int]]:
    """(name, pid, port) of one Knot worker, with the lab's own map as geoip subnets where it has that module."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        config = home / "knot.conf"
        (home / "example.com.zone").write_text(KNOT_ZONE)
        (home / "geo.conf").write_text(f"{NAME}:\n" + "".join(_knot_subnets(LatencyDatabase.load())))
        config.write_text(KNOT_CONFIG.format(home=home, port=port) + KNOT_GEOIP.format(home=home))
        checked = subprocess.run(["knotc", "-c", str(config), "conf-check"], capture_output=True, check=False)
        if checked.returncode:
            config.write_text(KNOT_CONFIG.format(home=home, port=port) + KNOT_STATIC.format(home=home))
        with running(["knotd", "-c", str(config)]) as pid:
            yield "knot, no geoip" if checked.returncode else "knot geoip", pid, port


def _knot_subnets(latency: LatencyDatabase) -> Iterator[str]:
    for index in range(1 << 16):
        network = IPv4Network((index << 16, 16))
        yield f"  - net: {network}\n    A: {expected_address(latency, network.network_address)}\n"


KNOT_CONFIG = """
server:
    rundir: {home}
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
log:
  - target: stderr
    any: error
database:
    storage: {home}
"""

KNOT_GEOIP = """
mod-geoip:
  - id: geo
    config-file: {home}/geo.conf
    ttl: 60
    mode: subnet
zone:
  - domain: example.com
    file: {home}/example.com.zone
    module: mod-geoip/geo
"""

KNOT_STATIC = """
zone:
  - domain: example.com
    file: {home}/example.com.zone
"""

KNOT_ZONE = """
@ 900 SOA ns.example.com. admin.example.com. 1 7200 900 1209600 86400
@ 900 NS ns.example.com.
ns 900 A 127.0.0.1
api 60 A 127.10.0.1
"""


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def expected_address(latency: LatencyDatabase, address: IPv4Address) -> str:
    client = latency.clients[latency.region_index(address.packed)]
    (record,) = choose(RECORDS, client, lambda _: True, random.Random(0))
    return ADDRESSES[record.region or ""]


def wait_and_check(name: str, port: int, subnets: list[IPv4Network], latency: LatencyDatabase) -> None:
    """Waits until the server answers, then demands the model's answer for each subnet."""
    deadline = time.monotonic() + 20
    for subnet in subnets:
        query = dns.message.make_query(NAME, "A", options=[dns.edns.ECSOption(str(subnet.network_address), 24)])
        while True:
            try:
                reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1)
                break
            except (dns.exception.Timeout, OSError):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{name} did not answer within 20 s") from None
                time.sleep(0.05)
        got = {str(rdata) for rrset in reply.answer for rdata in rrset}
        if "no geoip" not in name and got != {expected_address(latency, subnet.network_address)}:
            raise SystemExit(f"{name} answered {got} for {subnet}: the comparison would be meaningless")


def load(port: int, queries: list[bytes], seconds: float) -> tuple[int, int, float]:
    """(answered, lost, seconds)."""
    return _dnsperf(port, queries, seconds) if shutil.which("dnsperf") else _own_load(port, queries, seconds)


def _dnsperf(port: int, queries: list[bytes], seconds: float) -> tuple[int, int, float]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(len(query).to_bytes(2) + query for query in queries))
        file.flush()
        options = ["-s", "127.0.0.1", "-p", str(port), "-B", "-d", file.name, "-l", str(seconds), "-q", str(WINDOW)]
        output = subprocess.run(["dnsperf", *options], capture_output=True, text=True, check=True).stdout
    figures = {
        key: float(re.search(rf"{key}[^:]*:\s+([\d.]+)", output)[1])  # type: ignore[index]  # absent: let it fail
        for key in ("Queries completed", "Queries lost", "Run time")
    }
    return int(figures["Queries completed"]), int(figures["Queries lost"]), figures["Run time"]


def _own_load(port: int, queries: list[bytes], seconds: float) -> tuple[int, int, float]:
    """Sends a window, then one query for each answer; a window that gets no answer for a second counts as lost."""
    answered = lost = 0
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(1)
        pending = 0
        while (elapsed := time.monotonic() - begun) < seconds:
            while pending < WINDOW:
                client.send(queries[(answered + pending) % len(queries)])
                pending += 1
            try:
                client.recv(4096)
                answered += 1
                pending -= 1
            except TimeoutError:
                lost, pending = lost + pending, 0
    return answered, lost, elapsed


def cpu_s(pid: int) -> float:
    """User and system seconds of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(pid: int, port: int, queries: list[bytes], seconds: float) -> Round:
    before_s = cpu_s(pid)
    answered, lost, took_s = load(port, queries, seconds)
    return Round(answered / took_s, (cpu_s(pid) - before_s) / max(answered, 1) * 1e6, lost)


def compare(seconds: float, rounds: int) -> list[Result]:
    rng = random.Random(1)
    subnets = [IPv4Network((rng.randrange(1 << 24) << 8, 24)) for _ in range(SUBNETS)]
    queries = [
        dns.message.make_query(NAME, "A", id=0, options=[dns.edns.ECSOption(str(net.network_address), 24)]).to_wire()
        for net in subnets
    ]
    latency = LatencyDatabase.load()
    with ExitStack() as stack:
        servers = {"lab": stack.enter_context(python_server("lab"))}
        servers["dnspython"] = stack.enter_context(python_server("dnspython"))
        if shutil.which("knotd"):
            knot, pid, port = stack.enter_context(knot_server())
            servers[knot] = pid, port
        for name, (_, port) in servers.items():
            wait_and_check(name, port, subnets[:CHECKED_SUBNETS], latency)
        measured: dict[str, list[Round]] = {name: [] for name in servers}
        for _ in range(rounds):
            for name, (pid, port) in servers.items():
                measured[name].append(measure(pid, port, queries, seconds))
    return [Result(name, rounds_of) for name, rounds_of in measured.items()]


def _ratios(one: Result, other: Result, figure: Callable[[Round], float]) -> Ratio:
    """Of rounds that followed each other, so that noise which lasts longer cancels out."""
    values = [figure(mine) / figure(theirs) for mine, theirs in zip(one.rounds, other.rounds, strict=True)]
    return Ratio(median=statistics.median(values), least=min(values), most=max(values))


def report(results: list[Result]) -> dict[str, object]:
    by_name = {result.server: result for result in results}
    lab, slow = by_name["lab"], by_name["dnspython"]
    knot = next((result for result in results if result.server.startswith("knot")), None)
    print(f"{'server':<16}{'queries/s':>12}{'CPU µs/query':>15}{'lost':>7}")
    for result in results:
        lost = sum(each.lost for each in result.rounds)
        print(f"{result.server:<16}{result.best.queries_per_s:>12,.0f}{result.cpu_us:>15.1f}{lost:>7}")
    ratios = {
        "lab_queries_per_s_over_dnspython": _ratios(lab, slow, lambda one: one.queries_per_s),
        "dnspython_cpu_over_lab": _ratios(slow, lab, lambda one: one.cpu_us_per_query),
    }
    if knot is not None:
        name = "lab_cpu_over_knot" if knot.server == "knot geoip" else "lab_cpu_over_knot_without_geoip"
        ratios[name] = _ratios(lab, knot, lambda one: one.cpu_us_per_query)
    for name, ratio in ratios.items():
        bound = f", {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name}: {ratio.median:.1f} ({ratio.least:.1f} to {ratio.most:.1f}{bound})")
    return {"load": "dnsperf" if shutil.which("dnsperf") else "own loop", "results": results, "ratios": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", choices=["lab", "dnspython"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.port))
        return
    outcome = report(compare(options.seconds, options.rounds))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))


if __name__ == "__main__":
    main()
