"""Seconds to write the report of a large run, and the size of its page.

    python benchmarks/report.py [--events 100000] [--rounds 5] [--json FILE]

The history is synthetic and seeded: failovers of three regions in turn, seen by the catalogue's 32 vantages that ask
DNS every second and HTTPS every 6 s through a 60 s cache. Once everything goes well but for the failovers; once every
tenth request fails, which leaves little to merge; once a fifth of the events are reads and writes of items. Each round
starts from a new History, so nothing is remembered from the round before. Imports are counted apart, in a process of
their own. The best round counts: other work on the machine only ever slows a round.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from report_data import DataStory

from harness import __version__
from harness.checkers.checks import (
    Check,
    DetectedInTime,
    DnsChangedInTime,
    FailbackInTime,
    FailedRequests,
    FaultProven,
    Paced,
    RecoveryPoint,
    ReplicatedInTime,
    SessionContinuity,
    VantagesRecovered,
    judge,
)
from harness.events import (
    AnyEvent,
    DnsAnswer,
    ExperimentEvent,
    FaultEvent,
    FaultPhase,
    HealthObservation,
    HttpReply,
    Outcome,
    RunHeader,
    VantageSummary,
)
from harness.findings import Finding, overall
from harness.history import History
from harness.report.write import write_report
from harness.run import ExperimentRecord, RunRecord
from harness.stack import RegionalStack, Stack
from harness.vantages import region_vantages, summary

TARGET_S = 0.5
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
ADDRESSES = {region: f"127.{number}.0.1" for number, region in enumerate(REGIONS, 10)}
EXPERIMENT_S = 380.0
BROKEN_S, DETECTED_S, DNS_AWAY_S = 40.0, 130.0, 135.0
MENDED_S, HEALTHY_S, DNS_HOME_S = 215.0, 285.0, 290.0
CUT_OFF = "eu-west-1"
ITEM_CHECKS = (
    FaultProven(),
    ReplicatedInTime(at_least_samples=50),
    RecoveryPoint(region=CUT_OFF),
    SessionContinuity(),
)
HTTPS_EVERY_S, DNS_EVERY_S, POLL_EVERY_S, TTL_S = 6.0, 1.0, 5.0, 60.0


class Result(msgspec.Struct, kw_only=True):
    case: str
    events: int
    best_s: float
    median_s: float
    page_mb: float


def main() -> None:
    options = _options()
    print(f"imports            {_imports_s():6.3f} s, counted apart")
    results = [
        _measure("calm", options, list(_events(options.events, failing=0.0))),
        _measure("one in ten fails", options, list(_events(options.events, failing=0.1))),
        _measure("a fifth on items", options, list(_with_items(options.events))),
    ]
    for result in results:
        print(
            f"{result.case:18} {result.best_s:6.3f} s for {result.events:,} events (median {result.median_s:.3f} s), "
            f"{result.best_s / TARGET_S:.2f} × the target of {TARGET_S} s; page {result.page_mb:.2f} MB"
        )
    if options.json:
        options.json.write_bytes(msgspec.json.encode(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _imports_s() -> float:
    timed = "import time; t = time.perf_counter(); import harness.report.write; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def _measure(case: str, options: argparse.Namespace, events: list[AnyEvent]) -> Result:
    record, findings = _judged(History(events))
    took_s = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            history = History(events)
            began_s = time.perf_counter()
            page = write_report(Path(folder), history, record, findings)
            took_s.append(time.perf_counter() - began_s)
        size_mb = page.stat().st_size / 1e6
    took_s.sort()
    return Result(case=case, events=len(events), best_s=took_s[0], median_s=took_s[len(took_s) // 2], page_mb=size_mb)


def _judged(history: History) -> tuple[RunRecord, list[Finding]]:
    experiments = [
        ExperimentRecord(
            name=event.experiment,
            question=event.question,
            checks=ITEM_CHECKS if event.experiment.startswith("pause-") else _checks(REGIONS[number % 3]),
        )
        for number, event in enumerate(history.of(ExperimentEvent))
    ]
    findings = [finding for one in experiments for finding in judge(history, one.name, one.checks)]
    verdict = overall(findings)
    record = RunRecord(
        name="benchmark",
        target="lab",
        started_at="2026-01-01T00:00:00.000+00:00",
        ended_at="2026-01-01T00:10:00.000+00:00",
        wall_s=600.0,
        stack_s=history.end_s(),
        clock_rate=20.0,
        seed=1,
        harness_version=__version__,
        verdict=verdict,
        exit_code=0,
        experiments=tuple(experiments),
    )
    return record, findings


def _checks(region: str) -> tuple[Check, ...]:
    return (
        FaultProven(),
        DetectedInTime(region=region),
        DnsChangedInTime(region=region),
        VantagesRecovered(region=region),
        FailedRequests(region=region),
        FailbackInTime(region=region),
        Paced(),
    )


def _events(at_least: int, failing: float) -> Iterator[AnyEvent]:
    """Whole experiments until there are enough events."""
    rng = random.Random(1)
    vantages = [summary(vantage, REGIONS) for vantage in region_vantages()]
    yield _header(vantages)
    made = 1
    for number in range(1_000):
        if made >= at_least:
            return
        for event in _experiment(number, vantages, rng, failing):
            made += 1
            yield event


def _with_items(at_least: int) -> Iterator[AnyEvent]:
    """About as many; the last experiment reads and writes items, and makes some 20,000 of them."""
    from_s = 0.0
    for event in _events(at_least * 7 // 10, failing=0.0):
        from_s = max(from_s, event.end_s)
        yield event
    yield from DataStory(from_s + 5.0, CUT_OFF, REGIONS, seed=1).events()


def _header(vantages: list[VantageSummary]) -> RunHeader:
    regions = tuple(
        RegionalStack(
            region=region,
            rest_api_id=f"api-{region}",
            stage="prod",
            execute_api_host=f"api.execute-api.{region}.amazonaws.com",
            domain_target=f"d-1.execute-api.{region}.amazonaws.com",
            health_check_id=f"check-{region}",
            table_name="demo",
        )
        for region in REGIONS
    )
    return RunHeader(
        start_s=0.0,
        end_s=0.0,
        source="runner",
        name="benchmark",
        started_at="2026-01-01T00:00:00.000+00:00",
        target="lab",
        clock_rate=20.0,
        seed=1,
        stack=Stack(name="demo", domain_name="api.example.com", hosted_zone_id="Z1", regions=regions),
        harness_version=__version__,
        vantages=tuple(vantages),
    )


def _experiment(number: int, vantages: list[VantageSummary], rng: random.Random, failing: float) -> Iterator[AnyEvent]:
    from_s, broken = number * (EXPERIMENT_S + 5), REGIONS[number % 3]
    yield ExperimentEvent(
        start_s=from_s,
        end_s=from_s + EXPERIMENT_S,
        source="runner",
        experiment=f"failover-{number}-{broken}",
        question=f"When {broken} is sick, are its users served by the next nearest region, and how soon?",
        steady_until_s=from_s + BROKEN_S,
    )
    yield from _fault(from_s, broken, number)
    for region in REGIONS:
        yield from _polls(from_s, region, broken)
    for vantage in vantages:
        yield from _answers(from_s, vantage, broken, rng)
        yield from _replies(from_s, vantage, broken, rng, failing)


def _fault(from_s: float, broken: str, number: int) -> Iterator[FaultEvent]:
    phases = {
        FaultPhase.INJECTING: (BROKEN_S - 1, BROKEN_S - 1),
        FaultPhase.INJECTED: (BROKEN_S - 1, BROKEN_S),
        FaultPhase.PROVEN: (BROKEN_S, BROKEN_S + 2),
        FaultPhase.ROLLING_BACK: (MENDED_S - 1, MENDED_S - 1),
        FaultPhase.ROLLED_BACK: (MENDED_S - 1, MENDED_S),
    }
    for phase, (start_s, end_s) in phases.items():
        yield FaultEvent(
            start_s=from_s + start_s,
            end_s=from_s + end_s,
            source="runner",
            fault="health-broken",
            fault_id=str(number),
            phase=phase,
            regions=(broken,),
        )


def _polls(from_s: float, region: str, broken: str) -> Iterator[HealthObservation]:
    for step in range(int(EXPERIMENT_S / POLL_EVERY_S)):
        away_s = step * POLL_EVERY_S
        sick = region == broken and DETECTED_S <= away_s < HEALTHY_S
        yield HealthObservation(
            start_s=from_s + away_s,
            end_s=from_s + away_s + 0.5,
            source="health",
            region=region,
            health_check_id=f"check-{region}",
            outcome=Outcome.OK,
            checkers_healthy=2 if sick else 16,
            checkers_total=16,
            healthy=not sick,
        )


def _region(vantage: VantageSummary, away_s: float, broken: str) -> str:
    home, second = vantage.expected_order[:2]
    return second if home == broken and DNS_AWAY_S <= away_s < DNS_HOME_S else home


def _answers(from_s: float, vantage: VantageSummary, broken: str, rng: random.Random) -> Iterator[DnsAnswer]:
    for step in range(int(EXPERIMENT_S / DNS_EVERY_S)):
        away_s = step * DNS_EVERY_S + rng.random() * 0.1
        region = _region(vantage, away_s, broken)
        yield DnsAnswer(
            start_s=from_s + away_s,
            end_s=from_s + away_s + 0.02,
            source="dns",
            vantage=vantage.name,
            nameserver="127.0.0.1:53",
            outcome=Outcome.OK,
            rcode="NOERROR",
            addresses=(ADDRESSES[region],),
            region=region,
            ttl_s=TTL_S,
            scope=24,
        )


def _replies(
    from_s: float, vantage: VantageSummary, broken: str, rng: random.Random, failing: float
) -> Iterator[HttpReply]:
    """Each vantage's cache was filled at a moment of its own, so that they leave one after another."""
    phase_s = rng.random() * TTL_S
    for step in range(int(EXPERIMENT_S / HTTPS_EVERY_S)):
        away_s = step * HTTPS_EVERY_S + rng.random()
        resolved_s = max(0.0, away_s - (away_s + phase_s) % TTL_S)
        region, failed = _region(vantage, resolved_s, broken), rng.random() < failing
        took_s = rng.uniform(0.05, 0.4)
        yield HttpReply(
            start_s=from_s + away_s,
            end_s=from_s + away_s + took_s,
            source="https",
            vantage=vantage.name,
            method="GET",
            path="/data/1",
            outcome=Outcome.FAIL if failed else Outcome.OK,
            address=ADDRESSES[region],
            resolved_s=from_s + resolved_s,
            status=502 if failed else 200,
            region=region,
            dns_s=0.01,
            connect_s=took_s / 4,
            tls_s=took_s / 4,
            first_byte_s=took_s / 2,
            late_s=rng.random() * 0.01,
        )


if __name__ == "__main__":
    main()
