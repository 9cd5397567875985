"""The consistency checker in columns beside the plain Python one: operations a second and memory, same fault list.

    python benchmarks/consistency.py [--large] [--operations N ...] [--seed 1] [--json FILE]

The history is synthetic and seeded: three regions, cold keys of some hundred operations and twenty hot ones, last
writer wins with constant delays, times in whole microseconds, so that nothing can overflow. Twelve faults are planted,
each on a key of its own; both engines must name exactly those. Each engine runs in a process of its own, from the
file: `load` reads it, `judge` judges what was loaded. `--large` adds 10^7 operations, which takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from harness.checkers.consistency.columnar import judge_columns
from harness.checkers.consistency.judged import Judged
from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules
from harness.columns import columns_of_file
from harness.events import AnyEvent, Item, ItemRead, ItemWrite, Operation, Outcome, RunHeader
from harness.history import encode_line, load_history
from harness.stack import RegionalStack, Stack

REGIONS = ("ap-southeast-2", "eu-west-1", "us-east-1")
DELAY_US = ((0, 880_000, 850_000), (880_000, 0, 790_000), (850_000, 790_000, 0))
"""Replication, from and to: some 0.75 s and half the round trip."""
ARRIVED_US = 1_000_000
"""After this long a write has arrived everywhere."""
SPACING_US = 500
"""From one operation to the next: 2,000 a second."""
CLIENTS = 60
HOT_KEYS, HOT_SHARE = 20, 0.1
SETTLE_S = 10.0
OPERATIONS = (Operation.PUT, Operation.UPDATE, Operation.SWAP, Operation.CREATE, Operation.DELETE)
WEIGHTS = (60, 25, 5, 3, 7)


RULES = Rules(clock_uncertainty_s=0.5, settle_s=5.0)
SIZES, LARGE = (100_000, 1_000_000), 10_000_000
TARGETS = {1_000_000: 4.0, LARGE: 8.0}
"""How many times as fast as plain Python the columns must judge."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    engine: str
    operations: int
    load_s: float
    judge_s: float
    cpu_s: float
    """Of both, on all cores."""
    peak_mib: float
    grown_mib: float
    """Peak above what the process had before it read the file."""
    exact: bool
    """It named the planted faults, all of them, and nothing else."""

    @property
    def total_s(self) -> float:
        return self.load_s + self.judge_s


def main() -> None:
    options = _options()
    if options.engine:
        print(msgspec.json.encode(_measure(options.engine, options.file, options.operations[0])).decode())
        return
    sizes = options.operations or ((*SIZES, LARGE) if options.large else SIZES)
    measured = [found for size in sizes for found in _compare(size, options.seed)]
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    if not all(found.exact for found in measured):
        sys.exit("an engine did not name exactly the planted faults")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="10^7 operations too; takes some ten minutes and 10 GB")
    parser.add_argument("--operations", type=int, nargs="+", help="these sizes instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--engine", choices=("plain", "columns"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(operations: int, seed: int) -> list[Measured]:
    """Both engines on one file, one after the other, and a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write_history(path, operations, seed)
        print(f"\n{operations:,} operations, {path.stat().st_size / 2**20:.0f} MiB, 12 faults planted, seed {seed}")
        print(
            f"{'engine':<10}{'load s':>9}{'judge s':>9}{'CPU s':>9}{'judged/s':>12}{'peak MiB':>10}{'grown':>8}  faults"
        )
        plain, columns = _in_own_process("plain", path, operations), _in_own_process("columns", path, operations)
    faster, whole = plain.judge_s / columns.judge_s, plain.total_s / columns.total_s
    wanted = f" (at least {TARGETS[operations]:g})" if operations in TARGETS else ""
    print(
        f"columns judge {faster:.1f} x as fast{wanted}, {whole:.1f} x from the file (at least 2), "
        f"CPU {plain.cpu_s / columns.cpu_s:.1f} x less, memory {columns.peak_mib / plain.peak_mib:.2f} x"
    )
    return [plain, columns]


def _in_own_process(engine: str, path: Path, operations: int) -> Measured:
    command = [sys.executable, __file__, "--engine", engine, "--file", str(path), "--operations", str(operations)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found = msgspec.json.decode(done.stdout, type=Measured)
    rate = operations / found.judge_s
    exact = "exact" if found.exact else "WRONG"
    print(
        f"{engine:<10}{found.load_s:>9.2f}{found.judge_s:>9.2f}{found.cpu_s:>9.2f}{rate:>12,.0f}"
        f"{found.peak_mib:>10,.0f}{found.grown_mib:>8,.0f}  {exact}",
        flush=True,
    )
    return found


def _measure(engine: str, path: Path, operations: int) -> Measured:
    before_mib, cpu_s, started_s = _peak_mib(), time.process_time(), time.perf_counter()
    with contextlib.ExitStack() as stack:
        judge: Callable[[], Judged]
        if engine == "plain":
            history = load_history(path).history
            judge = partial(judge_plainly, history, RULES)
        else:
            judge = partial(judge_columns, stack.enter_context(columns_of_file(path)), RULES)
        loaded_s = time.perf_counter()
        judged = judge()
    ended_s = time.perf_counter()
    return Measured(
        engine=engine,
        operations=operations,
        load_s=loaded_s - started_s,
        judge_s=ended_s - loaded_s,
        cpu_s=time.process_time() - cpu_s,
        peak_mib=_peak_mib(),
        grown_mib=_peak_mib() - before_mib,
        exact=Counter((found.property.value, found.key) for found in judged.violations) == EXPECTED,
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Version(msgspec.Struct, frozen=True, gc=False):
    stamp: tuple[int, int]
    """When, in microseconds, and where, by the region's number."""
    item: Item | None


class Generator:
    """Operations in order of time, by clients that do one thing at a time; then a look at each key in each region."""

    def __init__(self, operations: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._keys = max(1, operations // 100)
        # What is left for the last looks, one a key and region, and for the planted faults.
        self._mixed = operations - (self._keys + HOT_KEYS) * len(REGIONS) - sum(1 for _ in planted(0.0, 1.0))
        self._versions: dict[str, list[Version]] = {}
        self._mixed_s = self._mixed * SPACING_US / 1e6

    def events(self) -> Iterator[AnyEvent]:
        yield header()
        for number in range(self._mixed):
            yield self._operation(number)
        yield from planted(self._mixed_s / 4, self._mixed_s + SETTLE_S + 5)
        yield from self._last_looks()

    def _operation(self, number: int) -> AnyEvent:
        chance = self._random.random()
        key = f"hot-{int(chance * 200)}" if chance < HOT_SHARE else f"key-{int(chance * self._keys)}"
        took_us = 2_000 + int(self._random.random() * 6_000)
        if self._random.random() < 0.55:
            return self._read(key, number * SPACING_US, took_us, number % len(REGIONS), f"c{number % CLIENTS}")
        return self._write(key, number, took_us)

    def _read(self, key: str, start_us: int, took_us: int, region: int, client: str) -> ItemRead:
        return ItemRead(
            start_s=start_us / 1e6,
            end_s=(start_us + took_us) / 1e6,
            source="items",
            client=client,
            region=REGIONS[region],
            key=key,
            consistent=self._random.random() < 0.8,
            item=self._shown(key, region, start_us + took_us // 2),
            outcome=Outcome.OK,
        )

    def _write(self, key: str, number: int, took_us: int) -> ItemWrite:
        start_us, region = number * SPACING_US, number % len(REGIONS)
        client, value = f"c{number % CLIENTS}", f"v{number}"
        operation = self._random.choices(OPERATIONS, WEIGHTS)[0]
        effect_us = start_us + took_us // 2
        before = self._shown(key, region, effect_us)
        refused = (operation is Operation.CREATE and before is not None) or (
            operation is Operation.SWAP and (before is None or len(set(before.values())) != 1)
        )
        after = None if refused else self._after(operation, before, value)
        if not refused:
            self._versions.setdefault(key, []).append(Version((effect_us, region), after))
        unknown = not refused and self._random.random() < 0.002
        return ItemWrite(
            start_s=start_us / 1e6,
            end_s=(start_us + took_us) / 1e6,
            source="items",
            client=client,
            region=REGIONS[region],
            operation=operation,
            key=key,
            value=value,
            item=None if unknown else after,
            based_on=before["a"] if operation is Operation.SWAP and before and "a" in before else None,
            outcome=Outcome.FAIL if refused else Outcome.UNKNOWN if unknown else Outcome.OK,
        )

    def _after(self, operation: Operation, before: Item | None, value: str) -> Item | None:
        if operation is Operation.DELETE:
            return None
        if operation is Operation.UPDATE:
            return {**(before or {}), "ab"[self._random.random() < 0.5]: value}
        return {"a": value, "b": value}

    def _shown(self, key: str, region: int, at_us: int) -> Item | None:
        """Of the writes that have arrived, the one with the greatest stamp; what it beats everywhere is forgotten."""
        versions = self._versions.get(key, [])
        everywhere = [one.stamp for one in versions if one.stamp[0] + ARRIVED_US <= at_us]
        if len(everywhere) > 1:
            versions = self._versions[key] = [one for one in versions if one.stamp >= max(everywhere)]
        arrived = [one for one in versions if one.stamp[0] + DELAY_US[one.stamp[1]][region] <= at_us]
        return max(arrived, key=lambda one: one.stamp).item if arrived else None

    def _last_looks(self) -> Iterator[AnyEvent]:
        start_us = int((self._mixed_s + SETTLE_S + 1) * 1e6)
        hot = (f"hot-{number}" for number in range(HOT_KEYS))
        for key in itertools.chain(hot, (f"key-{number}" for number in range(self._keys))):
            for region in range(len(REGIONS)):
                yield self._read(key, start_us, 4_000, region, f"last-{region}")
            start_us += 1_000


def planted(from_s: float, settled_s: float) -> Iterator[AnyEvent]:
    """Twelve faults, each on a key of its own, from `from_s` on; all has settled at `settled_s`. See `EXPECTED`."""
    ap, eu, us = REGIONS
    t = from_s

    def finals(key: str, *shown: str | None) -> Iterator[AnyEvent]:
        return (saw(key, region, value, settled_s) for region, value in zip(REGIONS, shown, strict=True))

    yield from (wrote("not-arrived", eu, "p1", t), *finals("not-arrived", None, "p1", "p1"))
    yield from (wrote("from-nowhere", eu, "p2", t), saw("from-nowhere", us, "p2-ghost", t + 3))
    yield from finals("from-nowhere", "p2", "p2", "p2")
    yield from (wrote("mixed", eu, "p3", t), wrote("mixed", us, "p3-new", t + 3))
    yield from (saw("mixed", ap, "p3", t + 5, b="p3-new"), *finals("mixed", "p3-new", "p3-new", "p3-new"))
    yield from (wrote("first-wins", eu, "p4", t), wrote("first-wins", us, "p4-new", t + 5))
    yield from finals("first-wins", "p4", "p4", "p4")
    yield from (wrote("stopped", eu, "p5", t), wrote("stopped", us, "p5-new", t + 5))
    yield from finals("stopped", "p5", "p5-new", "p5-new")
    yield from (wrote("undead", eu, "p6", t), wrote("undead", eu, "p6-gone", t + 5, Operation.DELETE))
    yield from (saw("undead", eu, "p6", t + 6), *finals("undead", None, None, None))
    yield from (wrote("to-and-fro", eu, "p7", t), wrote("to-and-fro", us, "p7-new", t))
    yield from (saw("to-and-fro", ap, value, t + 2 + n) for n, value in enumerate(("p7", "p7-new", "p7", "p7-new")))
    yield from finals("to-and-fro", "p7-new", "p7-new", "p7-new")
    yield from (wrote("older-read", eu, "p8", t), wrote("older-read", us, "p8-new", t + 5))
    yield from (saw("older-read", ap, "p8-new", t + 7), saw("older-read", ap, "p8", t + 8))
    yield from finals("older-read", "p8-new", "p8-new", "p8-new")
    yield from (wrote("own-missed", eu, "p9", t), wrote("own-missed", eu, "p9-new", t + 1, client="own"))
    yield from (saw("own-missed", eu, "p9", t + 1.1, client="own"), *finals("own-missed", "p9-new", "p9-new", "p9-new"))
    yield from (wrote("forgotten", eu, "p10", t), *finals("forgotten", None, None, None))
    yield from (wrote("refused", eu, "p11", t), wrote("refused", us, "p11-no", t + 3, outcome=Outcome.FAIL))
    yield from (saw("refused", us, "p11-no", t + 4), *finals("refused", "p11", "p11", "p11"))
    yield from (wrote("vanished", eu, "p12", t), saw("vanished", us, "p12", t + 2), saw("vanished", us, None, t + 3))
    yield from finals("vanished", "p12", "p12", "p12")


EXPECTED = Counter(
    {
        ("converged", "not-arrived"): 1,
        ("written", "from-nowhere"): 1,
        ("whole", "mixed"): 1,
        ("later-wins", "first-wins"): 3,
        ("nothing-lost", "first-wins"): 1,
        ("converged", "stopped"): 1,
        ("later-wins", "stopped"): 1,
        ("deleted-stays-away", "undead"): 1,
        ("deleted-stays-away", "vanished"): 1,
        ("never-back", "to-and-fro"): 1,
        ("never-back", "older-read"): 2,
        ("later-wins", "own-missed"): 1,
        ("own-writes-seen", "own-missed"): 1,
        ("nothing-lost", "forgotten"): 1,
        ("written", "refused"): 1,
        ("never-back", "vanished"): 1,
    }
)
"""What the twelve break, by property and key: one fault may show in several regions and break two properties."""


def wrote(
    key: str,
    region: str,
    value: str,
    at_s: float,
    operation: Operation = Operation.PUT,
    *,
    outcome: Outcome = Outcome.OK,
    client: str = "planter",
) -> ItemWrite:
    item = None if operation is Operation.DELETE else {"a": value, "b": value}
    return ItemWrite(
        start_s=at_s,
        end_s=at_s + 0.01,
        source="items",
        client=client,
        region=region,
        operation=operation,
        key=key,
        value=value,
        item=item,
        outcome=outcome,
    )


def saw(
    key: str, region: str, value: str | None, at_s: float, *, b: str | None = None, client: str = "looker"
) -> ItemRead:
    item = None if value is None else {"a": value, "b": b or value}
    return ItemRead(
        start_s=at_s,
        end_s=at_s + 0.01,
        source="items",
        client=client,
        region=region,
        key=key,
        consistent=True,
        item=item,
        outcome=Outcome.OK,
    )


def header() -> RunHeader:
    regions = tuple(
        RegionalStack(
            region=region,
            rest_api_id="api",
            stage="prod",
            execute_api_host=f"api.execute-api.{region}.amazonaws.com",
            domain_target=f"d.execute-api.{region}.amazonaws.com",
            health_check_id="check",
            table_name="demo",
        )
        for region in REGIONS
    )
    return RunHeader(
        start_s=0.0,
        end_s=0.0,
        source="benchmark",
        name="benchmark",
        started_at="2026-01-01T00:00:00Z",
        target="none",
        clock_rate=1.0,
        seed=1,
        stack=Stack(name="demo", domain_name="api.example.com", hosted_zone_id="Z1", regions=regions),
        harness_version="0",
    )


def write_history(path: Path, operations: int, seed: int) -> None:
    with path.open("wb") as file:
        file.writelines(encode_line(event) for event in Generator(operations, seed).events())


if __name__ == "__main__":
    main()
