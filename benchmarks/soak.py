"""Is everything undone, whatever ends a run? Every fault many times, in random order, ended at random: nothing is left.

    python benchmarks/soak.py [--times 20] [--seed 1] [--rate 100] [--at-most-s 1500]

Each round a process of its own injects one fault, in a region drawn by the seed, and ends as the seed says: on its own,
by SIGINT, SIGTERM or SIGKILL, at a moment drawn from the time that the fault took before. Then the undo journal is
recovered, as `harness recover` does, and the whole control plane is read back: it must be what it was, to the byte,
and the journal must have no open entry. Ends with 0 when all of it held, else with 1; what was left is printed.

Read back are API Gateway (APIs, resources and integrations, stages, deployments, domains and mappings), Route 53
(every record and health check), DynamoDB (tables, their policies and tags), FIS (experiments that run) and the
levers of the lab. Left out are counters and times that AWS itself changes with every edit and nobody can put back:
HealthCheckVersion, lastUpdatedDate and revision ids. Items are not read back: a proof that is killed may leave its
canary in the table.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.errors import HarnessError
from harness.events import RunHeader
from harness.faults.arguments import parameters_of_kind
from harness.faults.blast_radius import BlastRadius
from harness.faults.catalogue import AnyFault, kinds
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.policies import read_policy
from harness.faults.recover import recover
from harness.faults.replication_paused_by_fis import ACTION
from harness.lab.client import LabClient
from harness.lab.resolvers.settings import ResolverInfo
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder
from harness.recorder import Recorder
from harness.stack import RegionalStack, RegionName
from harness.target import Target, load_target, save_target

ENDS = ("on its own", "SIGKILL", "SIGINT", "SIGTERM")
WEIGHTS = (3, 5, 2, 1)
FIRST_GUESS_S = 1.0
"""How long a fault takes, before one of its kind was timed."""
LOOK_EVERY_S = 0.002


class Round(msgspec.Struct, frozen=True, kw_only=True):
    fault: AnyFault
    end: str
    share: float
    """When it is ended, in shares of the time that it takes on its own; above 1 it mostly has ended before."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a round's process ended, and what was left of it."""

    round: Round
    code: int
    took_s: float
    undone_by_recover: int
    left: tuple[str, ...]
    """Names of what was not as before; empty is what is wanted."""


class Victim(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks of the process that forks those who are ended."""

    fault: AnyFault
    journal: str
    signal: int | None
    after_s: float


def rounds(templates: Mapping[RegionName, str], resolver: ResolverInfo, *, times: int, seed: int) -> list[Round]:
    """Every fault `times` times, in an order, with regions and ends, that the seed decides.

    `templates`: each region of the stack, and its template of an experiment of AWS FIS.
    """
    rng = random.Random(seed)
    drawn = [
        Round(
            fault=_example(kind, rng, templates, resolver), end=rng.choices(ENDS, WEIGHTS)[0], share=rng.uniform(0, 1.2)
        )
        for kind in kinds().values()
        for _ in range(times)
    ]
    rng.shuffle(drawn)
    return drawn


def _example(
    kind: type[AnyFault], rng: random.Random, templates: Mapping[RegionName, str], resolver: ResolverInfo
) -> AnyFault:
    region, other = rng.sample(list(templates), 2)
    drawn = {"region": region, "other": other, "regions": tuple(templates)}
    drawn |= {"experiment_template_id": templates[region]}
    drawn |= {"resolver": resolver.name, "address": resolver.address}
    asked = {parameter.name for parameter in parameters_of_kind(kind) if parameter.default is None}
    return msgspec.convert({name: drawn[name] for name in asked}, kind)


def pause_templates(target: Target) -> dict[RegionName, str]:
    """Makes what an owner makes by hand: region -> id of a template that pauses replication of the stack's table."""
    return {regional.region: _pause_template(target, regional) for regional in target.stack.regions}


def _pause_template(target: Target, regional: RegionalStack) -> str:
    table = target.dynamodb(regional.region).describe_table(TableName=regional.table_name)["Table"]
    account = table["TableArn"].split(":")[4]
    made = target.client("fis", regional.region).create_experiment_template(
        description=f"pause replication of {regional.table_name}",
        roleArn=f"arn:aws:iam::{account}:role/fis",
        stopConditions=[{"source": "none"}],
        targets={
            "table": {
                "resourceType": "aws:dynamodb:global-table",
                "resourceArns": [table["TableArn"]],
                "selectionMode": "ALL",
            }
        },
        actions={
            "pause": {"actionId": ACTION, "parameters": {"duration": "PT1H"}, "targets": {"Tables": "table"}},
        },
    )
    return str(made["experimentTemplate"]["id"])


def soak(
    target: Target,
    folder: Path,
    drawn: Sequence[Round],
    tell: Callable[[Ended], None],
    *,
    until_s: float = float("inf"),
) -> list[Ended]:
    """Makes the rounds until all are made, something is left, or `until_s` of time.monotonic() is past."""
    before, took_s = control_plane(target), dict[str, float]()
    ended: list[Ended] = []
    with _victims(target, folder) as ask:
        for number, one in enumerate(drawn):
            if time.monotonic() > until_s:
                break
            journal = folder / f"{number}.jsonl"
            expected_s = took_s.get(one.fault.name, FIRST_GUESS_S)
            began_s = time.monotonic()
            code = ask(_victim(one, journal, expected_s))
            if one.end == "on its own":
                took_s[one.fault.name] = time.monotonic() - began_s
            took = time.monotonic() - began_s
            undone, left = _looked_after(journal, target, before)
            ended.append(Ended(round=one, code=code, took_s=took, undone_by_recover=undone, left=left))
            tell(ended[-1])
            if ended[-1].left:
                break
    return ended


def _victim(one: Round, journal: Path, expected_s: float) -> Victim:
    number = None if one.end == "on its own" else int(signal.Signals[one.end])
    return Victim(fault=one.fault, journal=str(journal), signal=number, after_s=one.share * expected_s)


def _looked_after(journal: Path, target: Target, before: dict[str, str]) -> tuple[int, tuple[str, ...]]:
    """Recovers the journal: how many entries that undid, and what is not as it was all the same."""
    left: list[str] = []
    undone = 0
    try:
        undone = len(recover(journal, lambda _result: None)) if journal.exists() else 0
        with Journal(journal, run="soak") as looked_at:
            left += [f"open entry of {entry.fault.describe()}" for entry in looked_at.open_entries()]
    except HarnessError as error:
        left.append(str(error))
    now = control_plane(target)
    left += [
        f"{name}: {before.get(name)} -> {now.get(name)}" for name in before | now if before.get(name) != now.get(name)
    ]
    return undone, tuple(left)


@contextlib.contextmanager
def _victims(target: Target, folder: Path) -> Iterator[Callable[[Victim], int]]:
    """A process that forks a child for each victim, so that none has to import boto3 anew; asks -> exit codes."""
    path = folder / "target.json"
    save_target(target, path)
    process = subprocess.Popen(
        [sys.executable, __file__, "--victims", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def ask(victim: Victim) -> int:
        requests.write(msgspec.json.encode(victim) + b"\n")
        requests.flush()
        return int(answers.readline())

    try:
        yield ask
    finally:
        requests.close()
        process.wait(60)
        answers.close()


def _serve_victims(path: Path) -> None:
    target = load_target(path)
    # Made here and used in the children only: a client connects with its first call, and none is made before the fork.
    target.route53()
    for region in target.stack.region_names:
        target.apigateway(region)
        target.dynamodb(region)
        target.client("fis", region)
    for line in sys.stdin.buffer:
        victim = msgspec.json.decode(line, type=Victim)
        pid = os.fork()
        if pid == 0:
            _suffer(victim, target)
        print(_ended(pid, victim), flush=True)


def _suffer(victim: Victim, target: Target) -> None:
    """In the forked child: what a run does with one fault, quietly."""
    # A soak in the background of a script was started with SIGINT ignored, and inject() would leave it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    header = RunHeader(
        start_s=0, end_s=0, source="soak", name="soak", started_at="2026-01-01T00:00:00Z", target=target.name,
        clock_rate=target.endpoints.clock_rate, seed=0, stack=target.stack, harness_version="0", vantages=(),
    )  # fmt: skip
    clock = target.new_clock()
    with (
        Journal(Path(victim.journal), run="soak") as journal,
        Recorder(clock, header) as recorder,
        # A fault of the table is in every region: the lab is the soak's own.
        inject(victim.fault, target, recorder, journal, blast_radius=BlastRadius(every_region_of=target.stack.name)),
    ):
        clock.sleep_until_s(clock.now_s() + 5)
    sys.exit(0)


def _ended(pid: int, victim: Victim) -> int:
    """The child's exit code, below 0 the signal's number; it is waited for here only, so its pid is its own."""
    due_s = time.monotonic() + victim.after_s
    signalled = victim.signal is None
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if not signalled and time.monotonic() >= due_s:
            os.kill(pid, victim.signal or 0)
            signalled = True
        time.sleep(LOOK_EVERY_S)


def control_plane(target: Target) -> dict[str, str]:
    """All that faults could change, read back: name -> canonical JSON."""
    zone = target.stack.hosted_zone_id
    pages = target.route53().get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    found: dict[str, Any] = {"records": [record for page in pages for record in page["ResourceRecordSets"]]}
    checks = target.route53().list_health_checks()["HealthChecks"]
    found |= {f"health check {check['Id']}": check["HealthCheckConfig"] for check in checks}
    if target.endpoints.levers_url:
        found["levers"] = (target.levers().read("") or b"").decode()
    for regional in target.stack.regions:
        found |= {f"{regional.region} {name}": value for name, value in _region(target, regional.region)}
    return {name: json.dumps(_stable(value), sort_keys=True, default=str) for name, value in found.items()}


def _region(target: Target, region: RegionName) -> Iterator[tuple[str, Any]]:
    gateway, tables = target.apigateway(region), target.dynamodb(region)
    for api in gateway.get_rest_apis()["items"]:
        yield f"API {api['id']}", api
        yield f"resources of {api['id']}", gateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
        yield f"stages of {api['id']}", gateway.get_stages(restApiId=api["id"])["item"]
        yield f"deployments of {api['id']}", gateway.get_deployments(restApiId=api["id"])["items"]
    for domain in gateway.get_domain_names()["items"]:
        yield f"domain {domain['domainName']}", domain
        yield "mappings", gateway.get_base_path_mappings(domainName=domain["domainName"]).get("items", [])
    pages = target.client("fis", region).get_paginator("list_experiments").paginate()
    experiments = [one for page in pages for one in page["experiments"]]
    yield "FIS experiments that run", [one["id"] for one in experiments if one["state"]["status"] == "running"]
    for name in tables.list_tables()["TableNames"]:
        table = tables.describe_table(TableName=name)["Table"]
        yield f"table {name}", {key: value for key, value in table.items() if key not in _DATA}
        yield f"tags of {name}", tables.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        for arn in (table["TableArn"], table["LatestStreamArn"]):
            yield f"policy of {arn}", read_policy(target, region, arn).text


_DATA = ("ItemCount", "TableSizeBytes")
_VOLATILE = ("lastUpdatedDate", "HealthCheckVersion", "RevisionId", "LastUpdateToPayPerRequestDateTime")


def _stable(value: Any) -> Any:
    match value:
        case dict():
            return {key: _stable(each) for key, each in value.items() if key not in _VOLATILE}
        case list():
            return [_stable(each) for each in value]
        case _:
            return value


class _Progress:
    def __init__(self, total: int) -> None:
        self._total = total
        self._began_s = time.monotonic()
        self._done = 0
        self.recovered = 0
        self.ends: collections.Counter[str] = collections.Counter()

    def tell(self, ended: Ended) -> None:
        self._done += 1
        self.recovered += ended.undone_by_recover
        how = {0: "held to its end", 1: "ended with an error"}.get(ended.code, "cut short")
        self.ends[f"{ended.round.end}: {how}, {'recovered' if ended.undone_by_recover else 'nothing open'}"] += 1
        left_s = (time.monotonic() - self._began_s) / self._done * (self._total - self._done)
        how = "as before" if not ended.left else f"LEFT: {'; '.join(ended.left)}"
        what = f"{ended.round.fault.describe()}, {ended.round.end}"
        print(f"{self._done:>4}/{self._total}  {what:<60} {ended.code:>4}  {ended.took_s:5.2f} s  {how}"
              + ("" if self._done % 20 else f"   about {left_s:.0f} s to go"), flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="how often each fault is injected")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=100.0, help="clock rate of the lab")
    parser.add_argument("--at-most-s", type=float, default=1500.0, help="no round begins after this long")
    parser.add_argument("--victims", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victims:
        _serve_victims(options.victims)
        return
    sys.exit(_soak_a_lab(options))


def _soak_a_lab(options: argparse.Namespace) -> int:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="harness-soak-") as name:
        folder = LabFolder("soak", root=Path(name))
        settings = LabSettings(
            name="soak", regions=DEFAULT_REGIONS, rate=options.rate, seed=options.seed, owner_pid=os.getpid()
        )
        info = spawn(settings, folder)
        try:
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            resolver = LabClient(info.endpoints.aws_url or "").put_resolver("soak")
            drawn = rounds(pause_templates(target), resolver, times=options.times, seed=options.seed)
            progress = _Progress(len(drawn))
            journals = Path(name) / "journals"
            journals.mkdir()
            ended = soak(target, journals, drawn, progress.tell, until_s=began_s + options.at_most_s)
        finally:
            end(folder, info)
    left = [one for one in ended if one.left]
    for how, count in sorted(progress.ends.items()):
        print(f"{count:>5}  {how}")
    print(
        json.dumps(
            {
                "rounds": len(ended),
                "of": len(drawn),
                "seed": options.seed,
                "undone_by_recover": progress.recovered,
                "left": len(left),
                "wall_s": round(time.monotonic() - began_s, 1),
            }
        )
    )
    return 1 if left or len(ended) < len(drawn) else 0


if __name__ == "__main__":
    main()
