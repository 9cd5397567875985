"""Questions per second of a sweep, beside dnspython's own query in a loop and beside dnsperf, on one server.

    python benchmarks/sweep.py [--subnets 100000] [--rounds 3] [--json FILE]

Load: one latency-routed name asked from distinct /24 client subnets, 100 in flight. The server is the lab's, in its
own process. The sweep counts with all that the command does: every answer checked (id, source, question, echoed
subnet, scope), every subnet recorded with its answer; writing the Parquet file, and comparing it with itself, is timed
beside it. dnspython asks one question after the other, as its `dns.query.udp` does, which checks id, source and
question. dnsperf, where it is installed, sends the same questions and checks ids; it is C. The three take turns; each
round is a ratio of its own, so noise that lasts longer than a round cancels out. Targets: at least 20 x dnspython, at
least 0.3 x dnsperf, every answer right. On a machine that is busy with other work the CPU seconds of each client are
the steadier figure; they are shown too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from dns_server import ADDRESSES, NAME, expected_address, load, python_server, wait_and_check

from harness.clock import ScaledClock
from harness.lab.dns import LatencyDatabase
from harness.probes.flights import Counts
from harness.sweep.asking import Part, sweep
from harness.sweep.comparing import compare as compare_maps
from harness.sweep.places import Places
from harness.sweep.subnets import Subnet, public_subnets
from harness.sweep.table import About, write_map
from harness.vantages import catalogue

SHARE_OF_DNSPYTHON = 0.02
"""dnspython asks this share of the subnets: all of them would take it a minute."""
DNSPERF_S = 2.0
TARGETS = {"over_dnspython": 20.0, "over_dnsperf": 0.3}


class Round(msgspec.Struct, frozen=True):
    sweep_per_s: float
    sweep_cpu_us: float
    dnspython_per_s: float
    dnspython_cpu_us: float
    dnsperf_per_s: float | None
    wrong: int
    counts: Counts
    write_s: float
    diff_s: float

    @property
    def over_dnspython(self) -> float:
        return self.sweep_per_s / self.dnspython_per_s

    @property
    def cpu_over_dnspython(self) -> float:
        return self.dnspython_cpu_us / self.sweep_cpu_us

    @property
    def over_dnsperf(self) -> float | None:
        return self.sweep_per_s / self.dnsperf_per_s if self.dnsperf_per_s else None


def one_round(subnets: Sequence[Subnet], queries: list[bytes], port: int, latency: LatencyDatabase) -> Round:
    cpu_s = _cpu_s()
    part = sweep(subnets, NAME, ("127.0.0.1", port), clock=ScaledClock())
    cpu_s = _cpu_s() - cpu_s
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "map.parquet"
        write_map(file, part, _about(part), region_of=_region_of, places=Places(catalogue()))
        write_s = time.perf_counter() - begun
        compare_maps(file, file, catalogue())
        diff_s = time.perf_counter() - begun - write_s
    answered, lost, took_s = load(port, queries, DNSPERF_S) if shutil.which("dnsperf") else (0, 0, 1.0)
    dnspython_per_s, dnspython_cpu_us = _dnspython(subnets[: int(len(subnets) * SHARE_OF_DNSPYTHON)], port)
    return Round(
        sweep_per_s=part.counts.answered / part.wall_s,
        sweep_cpu_us=cpu_s / part.counts.answered * 1e6,
        dnspython_per_s=dnspython_per_s,
        dnspython_cpu_us=dnspython_cpu_us,
        dnsperf_per_s=(answered - lost) / took_s if answered else None,
        wrong=len(subnets) - _right(part, latency),
        counts=part.counts,
        write_s=write_s,
        diff_s=diff_s,
    )


def _right(part: Part, latency: LatencyDatabase) -> int:
    """Subnets whose answer is the one address that the documented rule chooses for them."""
    chosen: dict[int, str] = {}
    right = 0
    for look in part.looks:
        address = look.subnet.octets.ljust(4, b"\0")
        index = latency.region_index(address)
        if index not in chosen:
            chosen[index] = expected_address(latency, IPv4Address(address))
        right += part.answers[look.answer].addresses == (chosen[index],)
    return right


def _dnspython(subnets: Sequence[Subnet], port: int) -> tuple[float, float]:
    """(questions per second, CPU µs of the client for each)."""
    begun, cpu_s = time.perf_counter(), _cpu_s()
    for subnet in subnets:
        option = dns.edns.ECSOption(subnet.text.partition("/")[0], subnet.prefix_length)
        reply = dns.query.udp(dns.message.make_query(NAME, "A", options=[option]), "127.0.0.1", port=port, timeout=2)
        if not reply.answer:
            raise SystemExit(f"dnspython got no answer for {subnet.text}")
    return len(subnets) / (time.perf_counter() - begun), (_cpu_s() - cpu_s) / len(subnets) * 1e6


def _region_of(addresses: tuple[str, ...]) -> str | None:
    return next((region for region, address in ADDRESSES.items() if addresses == (address,)), None)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _about(part: Part) -> About:
    return About(
        target="benchmark",
        stack="benchmark",
        domain_name=NAME,
        nameserver="127.0.0.1",
        regions=tuple(ADDRESSES),
        started_at="2026-01-01T00:00:00+00:00",
        clock_rate=1.0,
        subnets="",
        asked_for=part.asked_for,
        counts=part.counts,
        wall_s=part.wall_s,
        harness_version="benchmark",
    )


def compare(count: int, rounds: int) -> list[Round]:
    latency = LatencyDatabase.load()
    subnets = public_subnets(count, seed=1)
    queries = [
        dns.message.make_query(NAME, "A", id=0, options=[dns.edns.ECSOption(subnet.text[:-3], 24)]).to_wire()
        for subnet in subnets[:20_000]
    ]
    with python_server("lab") as (_, port):
        wait_and_check("lab", port, [IPv4Network("3.248.0.0/24")], latency)
        return [one_round(subnets, queries, port, latency) for _ in range(rounds)]


def report(rounds: list[Round]) -> dict[str, object]:
    print(f"{'':<22}{'median':>12}{'least':>12}{'most':>12}")
    ratios: dict[str, float] = {}
    for name, unit in (
        ("sweep_per_s", "/s"),
        ("sweep_cpu_us", "µs"),
        ("dnspython_per_s", "/s"),
        ("dnspython_cpu_us", "µs"),
        ("dnsperf_per_s", "/s"),
        ("write_s", "s"),
        ("diff_s", "s"),
        ("over_dnspython", "x"),
        ("cpu_over_dnspython", "x"),
        ("over_dnsperf", "x"),
    ):
        values = [value for one in rounds if (value := getattr(one, name)) is not None]
        if not values:
            print(f"{name:<22}{'dnsperf is not installed':>36}")
            continue
        middle = statistics.median(values)
        form = ",.0f" if unit == "/s" else ".2f"
        print(
            f"{name:<22}" + "".join(f"{value:>12{form}}" for value in (middle, min(values), max(values))) + f" {unit}"
        )
        if name in TARGETS:
            ratios[name] = middle
    counts = sum((one.counts for one in rounds), Counts())
    wrong = sum(one.wrong for one in rounds)
    print(f"wrong answers: {wrong} of {counts.asked:,}; sent again: {counts.retries}; given up: {counts.gave_up}")
    met = {name: ratios[name] >= least for name, least in TARGETS.items() if name in ratios}
    for name, least in TARGETS.items():
        if name in ratios:
            print(f"{name}: {ratios[name]:.2f}, at least {least:g}: {'met' if met[name] else 'MISSED'}")
    return {"cores": os.cpu_count(), "rounds": rounds, "ratios": ratios, "met": met, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--subnets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    outcome = report(compare(options.subnets, options.rounds))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))


if __name__ == "__main__":
    main()
