"""How late the probes begin, against a lab on the same machine: at the default pace, and at 200 looks a second.

    python benchmarks/pacing.py

Targets for the p99, in wall time: 5 ms for 32 vantages in a lab at rate 20; 0.5 ms for 20 vantages of 10 looks a second
each, in a lab that runs as AWS does. Beside each: the CPU that probes and lab take, in shares of one core, and how late
a process is that does nothing but sleep to deadlines meanwhile, which is the machine's share of the lateness. Where
others use the machine too, `chrt -f 1 python benchmarks/pacing.py` (as root) leaves them out of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness.cli.targets import plan_for_lab
from harness.deployment.plan import DEFAULT_REGIONS
from harness.deployment.reference import deploy_reference
from harness.events import DnsAnswer, Gap, HealthObservation, HttpReply, Outcome
from harness.history import History
from harness.lab.settings import LabSettings
from harness.lab.spawn import end, spawn
from harness.lab.state import LabFolder, LabInfo
from harness.probes.pacing import pacing
from harness.probes.watch import ProbePlan, Watch
from harness.run import Run
from harness.target import Target
from harness.vantages import choose
from harness.workload import place_item

WATCHED_WALL_S = 20.0


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    vantages: int
    rate: float
    https_every_s: float
    dns_every_s: float
    keeps_connection: bool = False
    target_p99_wall_ms: float


SCENES = (
    Scene(
        name="32 vantages, default pace, rate 20",
        vantages=32,
        rate=20.0,
        https_every_s=5.0,
        dns_every_s=1.0,
        target_p99_wall_ms=5.0,
    ),
    Scene(
        name="20 vantages, 200 looks/s, new connections",
        vantages=20,
        rate=1.0,
        https_every_s=0.1,
        dns_every_s=1.0,
        target_p99_wall_ms=0.5,
    ),
    Scene(
        name="20 vantages, 200 looks/s, kept connections",
        vantages=20,
        rate=1.0,
        https_every_s=0.1,
        dns_every_s=1.0,
        keeps_connection=True,
        target_p99_wall_ms=0.5,
    ),
)

SLEEPER = """
import time
late_ms, due_s = [], time.monotonic()
while len(late_ms) < 4000:
    due_s += 0.005
    time.sleep(max(0.0, due_s - time.monotonic()))
    late_ms.append((time.monotonic() - due_s) * 1000)
print(sorted(late_ms)[int(len(late_ms) * 0.99)])
"""
"""20 s at 200 Hz."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    scene: str
    vantages: int
    clock_rate: float
    cores: int
    https_looks_per_wall_s: float
    dns_answers_per_wall_s: float
    health_polls_per_wall_s: float
    failed_looks: int
    missed_slots: dict[str, int]
    late_p50_wall_ms: float
    late_p99_wall_ms: float
    late_max_wall_ms: float
    p99_to_target: float
    sleeper_late_p99_wall_ms: float
    harness_cpu_share: float
    lab_cpu_share: float


def main() -> None:
    told: list[Measured] = []
    for rate in dict.fromkeys(scene.rate for scene in SCENES):
        with _lab(rate) as (info, scratch):
            target = deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)
            scenes = [scene for scene in SCENES if scene.rate == rate]
            told += [measure(scene, target, info, scratch) for scene in scenes]
    for measured in told:
        print(f"\n{measured.scene}")
        for name, value in msgspec.to_builtins(measured).items():
            if name != "scene":
                print(f"  {name:<26}{value if not isinstance(value, float) else round(value, 3)}")
    print(json.dumps(msgspec.to_builtins(told)))


@contextlib.contextmanager
def _lab(rate: float) -> Iterator[tuple[LabInfo, Path]]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder("benchmark", root=Path(scratch))
        settings = LabSettings(name="benchmark", regions=DEFAULT_REGIONS, rate=rate, owner_pid=os.getpid())
        info = spawn(settings, folder)
        try:
            yield info, Path(scratch)
        finally:
            end(folder, info)


def measure(scene: Scene, target: Target, info: LabInfo, scratch: Path) -> Measured:
    vantages = tuple(
        msgspec.structs.replace(vantage, keeps_connection=scene.keeps_connection)
        for vantage in choose(limit=scene.vantages)
    )
    run = Run("pacing", target, reports=scratch / "reports", journal=scratch / "j.jsonl", vantages=vantages, seed=1)
    plan = ProbePlan(
        path=place_item(target, "benchmark", run.clock),
        https_every_s=scene.https_every_s,
        dns_every_s=scene.dns_every_s,
    )
    harness_cpu_s, lab_cpu_s, started_s = time.process_time(), _cpu_s_of(info.pid), time.monotonic()
    with (
        Watch(target, vantages, run.recorder, plan),
        subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as sleeper,
    ):
        time.sleep(WATCHED_WALL_S)
        sleeper_late_ms = float(sleeper.communicate(timeout=WATCHED_WALL_S)[0])
    wall_s = time.monotonic() - started_s
    harness_share = (time.process_time() - harness_cpu_s) / wall_s
    lab_share = (_cpu_s_of(info.pid) - lab_cpu_s) / wall_s
    history = run.recorder.history()
    run.close()
    return _measured(scene, history, wall_s, (harness_share, lab_share, sleeper_late_ms))


def _measured(scene: Scene, history: History, wall_s: float, machine: tuple[float, float, float]) -> Measured:
    harness_share, lab_share, sleeper_late_ms = machine
    late = pacing(history)
    missed: dict[str, int] = {}
    for gap in history.of(Gap):
        missed[gap.source] = missed.get(gap.source, 0) + gap.missed
    return Measured(
        scene=scene.name,
        vantages=scene.vantages,
        clock_rate=history.header.clock_rate,
        cores=os.cpu_count() or 1,
        https_looks_per_wall_s=late.looks / wall_s,
        dns_answers_per_wall_s=len(history.of(DnsAnswer)) / wall_s,
        health_polls_per_wall_s=len(history.of(HealthObservation)) / wall_s,
        failed_looks=sum(reply.outcome is not Outcome.OK for reply in history.of(HttpReply)),
        missed_slots=missed,
        late_p50_wall_ms=late.late_p50_wall_ms,
        late_p99_wall_ms=late.late_p99_wall_ms,
        late_max_wall_ms=late.late_max_wall_ms,
        p99_to_target=late.late_p99_wall_ms / scene.target_p99_wall_ms,
        sleeper_late_p99_wall_ms=sleeper_late_ms,
        harness_cpu_share=harness_share,
        lab_cpu_share=lab_share,
    )


def _cpu_s_of(pid: int) -> float:
    """User and system time of a process so far (Linux: proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
