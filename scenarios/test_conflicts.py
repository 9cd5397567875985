"""When all regions write the same items at once, does the last writer win everywhere, and nothing strange appear?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from harness.checkers.checks import ClocksAgree, ConflictsCounted, Consistent, judge
from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules
from harness.events import ExperimentEvent, Operation
from harness.experiment import Experiment
from harness.faults.fault import inject
from harness.faults.replication_paused import ReplicationPaused
from harness.probes.items import PlannedWrite, read, write
from harness.run import ExperimentRecord, Run
from harness.workload import Mix, Workload, clean_up, keys_written, read_everything
from scenarios.verdicts import require_pass

EXAMPLES = 6
STEPS = 10
SETTLED_S = 20.0


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    watched_s: float = 100.0
    clients_per_region: int = 2


@pytest.mark.destructive
def test_the_last_writer_wins_everywhere(
    run: Run, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """Hot keys, written from all regions in the same moments."""
    conduct(
        Experiment(
            name="conflicts",
            question="When all regions write the same items at once, does the last writer win everywhere?",
            workloads=(
                Workload(
                    run=f"{run.folder.name}-conflicts",
                    seed=run.seed,
                    clients_per_region=parameters.clients_per_region,
                    hot_share=1.0,
                    hot_keys=6,
                    # Swaps read first what the client may have written itself.
                    mix=Mix(put=30, update=20, create=10, swap=30, delete=10),
                ),
            ),
            steady_s=parameters.watched_s,
            checks=(Consistent(at_least_reads=30), ClocksAgree(), ConflictsCounted()),
        )
    )


class Writers(RuleBasedStateMachine):
    """Writes, deletes, reads, pauses and heals, in three regions, in any order; judged when all has come to rest."""

    run: Run

    def __init__(self) -> None:
        super().__init__()
        self.since_s = self.run.clock.now_s()
        self.steps = 0
        self.paused = ExitStack()
        self.is_paused = False

    @rule(
        region=st.integers(0, 2),
        key=st.integers(0, 1),
        operation=st.sampled_from([Operation.PUT, Operation.UPDATE, Operation.CREATE, Operation.DELETE]),
    )
    def write(self, region: int, key: int, operation: Operation) -> None:
        self.steps += 1
        name = self._region(region)
        planned = PlannedWrite(operation=operation, key=self._key(key), value=f"{self._prefix()}/{self.steps}")
        target, clock, client = self.run.target, self.run.clock, f"client:{name}"
        self.run.recorder.record(write(target, clock, planned, client=client, region=name))
        # A client looks at what it wrote, as users do.
        self.run.recorder.record(read(target, clock, planned.key, client=client, region=name, consistent=True))

    @rule(region=st.integers(0, 2), key=st.integers(0, 1))
    def read(self, region: int, key: int) -> None:
        name = self._region(region)
        self.run.recorder.record(
            read(self.run.target, self.run.clock, self._key(key), client=f"client:{name}", region=name, consistent=True)
        )

    @rule(for_s=st.sampled_from([0.2, 1.0, 3.0]))
    def let_time_pass(self, for_s: float) -> None:
        self.run.clock.sleep_until_s(self.run.clock.now_s() + for_s)

    @precondition(lambda self: not self.is_paused)
    @rule(region=st.integers(0, 2))
    def pause(self, region: int) -> None:
        fault = ReplicationPaused(region=self._region(region))
        self.paused.enter_context(inject(fault, self.run.target, self.run.recorder, self.run.journal))
        self.is_paused = True

    @precondition(lambda self: self.is_paused)
    @rule()
    def heal(self) -> None:
        self.paused.close()
        self.is_paused = False

    def teardown(self) -> None:
        """Heals, waits until replication came to rest, reads all, and judges this example alone."""
        self.paused.close()
        clock = self.run.clock
        clock.sleep_until_s(clock.now_s() + SETTLED_S)
        keys = keys_written(self.run.recorder.history().since(self.since_s))
        read_everything(self.run.target, self.run.recorder, keys)
        found = judge_plainly(self.run.recorder.history().since(self.since_s), Rules()).violations
        for violation in found:
            note(violation.text)
        assert not found, found[0].text

    def _region(self, number: int) -> str:
        names = self.run.target.stack.region_names
        return names[number % len(names)]

    def _prefix(self) -> str:
        return f"{self.run.folder.name}/{self.since_s:.3f}"

    def _key(self, number: int) -> str:
        return f"harness#{self._prefix()}#{number}"


@pytest.mark.destructive
def test_no_order_of_writes_pauses_and_heals_breaks_it(run: Run) -> None:
    """A search: hypothesis draws the orders and shrinks a failing one to the shortest. The seed is the run's."""
    name, question = (
        "conflicts-search",
        "Is there an order of writes, deletes, pauses and heals that regions get wrong?",
    )
    start_s = run.clock.now_s()
    machine = type("Writers", (Writers,), {"run": run})
    bounded = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        seed(run.seed)(run_state_machine_as_test)(machine, settings=bounded)
    finally:
        history = run.recorder.history().since(start_s)
        read_everything(run.target, run.recorder, keys_written(history))
        end_s = run.clock.now_s()
        run.recorder.record(
            ExperimentEvent(
                start_s=start_s,
                end_s=end_s,
                source="runner",
                experiment=name,
                question=question,
                steady_until_s=start_s,
            )
        )
        # A few steps each: what is searched for is a violation, not many samples.
        checks = (Consistent(at_least_reads=1, at_least_keys=1),)
        findings = judge(run.recorder.history(), name, checks)
        run.add(ExperimentRecord(name=name, question=question, checks=checks), findings)
        clean_up(run.target, history)
    require_pass(findings)
