"""run_experiment(), the only orchestrator: steady state, faults held until a condition, rollback, steady again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import msgspec

from harness.checkers.checks import Check, DeployedAsPrescribed, judge
from harness.deployment.snapshot import read_deployment
from harness.errors import GuardTripped, InvalidPlan, NotProven
from harness.events import ExperimentEvent, Note
from harness.faults.blast_radius import BlastRadius, require_confirmation
from harness.faults.catalogue import AnyFault
from harness.faults.fault import Injection, ends_proven, inject
from harness.faults.open_faults import OpenFaults
from harness.faults.schedule import Step, Stretch, all_at_once, moves, stretches
from harness.findings import Finding
from harness.guards import AnyGuard, GuardWatch
from harness.probes.live import Condition, LiveView
from harness.probes.replication_metric import read_replication_metrics
from harness.probes.watch import ProbePlan, Watch
from harness.run import ExperimentRecord, Run
from harness.stack import RegionName
from harness.vantages import Vantage
from harness.workload import Traffic, Workload, clean_up, keys_written, read_everything

STEADY_WITHIN_S = 120.0

ConditionSince = Callable[[float], Condition]
"""A condition that looks only at what was seen from a given time on."""


Beside = Callable[[Run], AbstractContextManager[object]]


def always(_since_s: float) -> Condition:
    """A condition that holds at once."""
    return lambda _view: True


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A question, how to ask it, and the checks that answer it. Times are stack seconds."""

    name: str
    question: str
    faults: tuple[AnyFault, ...] = ()
    """Injected in this order, one right after the other, and undone in the reverse one."""
    steps: tuple[Step, ...] = ()
    """Instead of `faults`: when which fault is in force. What has no end of its own is held like `faults`."""
    checks: tuple[Check, ...]
    steady: ConditionSince = always
    """Must hold before anything is broken."""
    hold_until: ConditionSince = always
    """The faults stay in force until this holds..."""
    hold_at_most_s: float = 0.0
    """...or this long..."""
    hold_more_s: float = 10.0
    """...and then so much longer, so that a late relapse is seen."""
    recovered: ConditionSince = always
    """Waited for after the rollback."""
    recover_at_most_s: float = 0.0
    steady_s: float = 20.0
    """How long the steady state is watched before the faults, and again after recovery."""
    probes: ProbePlan | None = None
    """How users are watched from the run's vantages; absent: they are not."""
    workloads: tuple[Workload, ...] = ()
    """Reads and writes of items while it runs, side by side; afterwards every region tells every item, and they are
    removed. Each has a run name of its own, which tells its keys and values from the others'."""
    beside: tuple[Beside, ...] = ()
    """Whatever else runs from before the steady state until after the recovery, such as a load test."""
    sessions: tuple[Vantage, ...] = ()
    """Where users of the first workload live who go to whichever region DNS gives them."""
    quiet_s: float = 30.0
    """Between the last write and the last reads: replication must have come to rest."""
    blast_radius: BlastRadius = BlastRadius()
    guards: tuple[AnyGuard, ...] = ()
    """Beside those of the run. One that trips stops the experiment: what was broken is healed first."""

    @property
    def schedule(self) -> tuple[Stretch, ...]:
        return stretches(self.steps or all_at_once(self.faults))

    @property
    def held_at_most_s(self) -> float:
        """From the first fault in until the last one out."""
        begins_s = max((stretch.from_s for stretch in self.schedule), default=0.0)
        ends_s = max((stretch.until_s or 0.0 for stretch in self.schedule), default=0.0)
        return max(ends_s, begins_s + self.hold_at_most_s + self.hold_more_s)

    def __post_init__(self) -> None:
        if self.faults and self.steps:
            raise InvalidPlan(f"experiment {self.name!r} has faults and steps: say when each is in force in the steps")
        stretches(self.steps)
        runs = [workload.run for workload in self.workloads]
        if len(set(runs)) < len(runs):
            raise InvalidPlan(
                f"experiment {self.name!r}: its {len(runs)} workloads are named {', '.join(runs)}: two of one name"
                " would write the same values, and no read could tell whose it shows; give each a `run` of its own"
            )


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment is doing now, for people who wait."""

    experiment: str
    doing: str
    since_s: float
    now_s: float
    at_most_s: float
    regions: tuple[RegionName, ...]
    live: LiveView


Tell = Callable[[Stage], None]


def run_experiment(experiment: Experiment, run: Run, tell: Tell) -> list[Finding]:
    """Runs it, adds it and its findings to `run`, and returns the findings.

    Nothing is broken when the steady state was not reached, and a fault that was not seen to bite is undone at once:
    the findings then say so. Whatever is raised in between, faults are rolled back and the history keeps what was seen.

    Raises:
        BlastRadiusExceeded: it would break too much, or for too long; nothing was begun.
        GuardTripped: a guard stopped it, or did not let it begin; by then everything is healed, judged and recorded.
    """
    require_confirmation(experiment.blast_radius, run.target.stack, run.every_region_confirmed)
    experiment.blast_radius.check_time(experiment.held_at_most_s, f"what experiment {experiment.name!r} breaks")
    start_s = run.clock.now_s()
    conduct = _Conduct(experiment, run, tell)
    aborted: str | None = "interrupted"
    stopped_by: str | None = None
    try:
        aborted = conduct.all()
    except NotProven as error:
        aborted = str(error)
    except GuardTripped as error:
        aborted = stopped_by = str(error)
        raise
    except Exception as error:
        aborted = str(error) or type(error).__name__
        raise
    finally:
        end_s = run.clock.now_s()
        run.recorder.record(
            ExperimentEvent(
                start_s=start_s,
                end_s=end_s,
                source="runner",
                experiment=experiment.name,
                question=experiment.question,
                steady_until_s=min(conduct.steady_until_s or end_s, end_s),
                aborted=aborted,
            )
        )
        # Judged even when cut short, so that Ctrl-C leaves a report of what was seen.
        findings = judge(run.recorder.history(), experiment.name, experiment.checks)
        run.add(
            ExperimentRecord(
                name=experiment.name, question=experiment.question, checks=experiment.checks, stopped_by=stopped_by
            ),
            findings,
        )
    return findings


def inspect_deployment(run: Run, *, name: str, question: str) -> list[Finding]:
    """Reads back what is deployed, judges it rule by rule, and adds the findings to `run`. Changes nothing."""
    checks: tuple[Check, ...] = (DeployedAsPrescribed(),)
    seen = read_deployment(run.target.aws, run.target.stack, run.clock)
    run.recorder.record(seen)
    run.recorder.record(
        ExperimentEvent(
            start_s=seen.start_s,
            end_s=run.clock.now_s(),
            source="runner",
            experiment=name,
            question=question,
            steady_until_s=seen.end_s,
        )
    )
    findings = judge(run.recorder.history(), name, checks)
    run.add(ExperimentRecord(name=name, question=question, checks=checks), findings)
    return findings


class _Conduct:
    """One experiment's run through its stages."""

    def __init__(self, experiment: Experiment, run: Run, tell: Tell) -> None:
        self._experiment = experiment
        self._run = run
        self._tell = tell
        self._since_s = run.clock.now_s()
        self._guards = GuardWatch((*run.guards, *experiment.guards), run.target, run.recorder)
        self.steady_until_s: float | None = None

    def all(self) -> str | None:
        """Returns why nothing was broken; None when the experiment went its whole way."""
        experiment, run = self._experiment, self._run
        live = LiveView(vantage.name for vantage in run.vantages)
        with ExitStack() as watching:
            watching.callback(run.recorder.listen(live.see))
            if experiment.probes:
                watching.enter_context(Watch(run.target, run.vantages, run.recorder, experiment.probes))
            for number, workload in enumerate(experiment.workloads):
                sessions = experiment.sessions if number == 0 else ()
                watching.enter_context(Traffic(run.target, workload, run.recorder, sessions))
            for beside in experiment.beside:
                watching.enter_context(beside(run))
            watching.enter_context(self._guards)
            if not self._wait(live, "waiting for the steady state", experiment.steady, STEADY_WITHIN_S):
                return f"no steady state within {STEADY_WITHIN_S:.0f} s"
            self._pass_time(live, "watching the steady state", experiment.steady_s)
            self.steady_until_s = run.clock.now_s()
            if experiment.faults or experiment.steps:
                self._break(live)
                self._wait(live, "waiting for recovery", experiment.recovered, experiment.recover_at_most_s)
                self._pass_time(live, "watching the steady state again", experiment.steady_s)
            self._say(live, "ending the traffic", 0.0)
        if experiment.workloads:
            self._take_stock(live)
        return None

    def _take_stock(self, live: LiveView) -> None:
        """Once replication came to rest: what every region holds, what CloudWatch says; then the items are removed."""
        run = self._run
        self._pass_time(live, "letting replication come to rest", self._experiment.quiet_s)
        self._say(live, "reading every item in every region", 0.0)
        history = run.recorder.history()
        mine = history.since(self._since_s)
        read_everything(run.target, run.recorder, keys_written(mine))
        for metric in read_replication_metrics(run.target, run.clock, since_s=self._since_s, until_s=run.clock.now_s()):
            run.recorder.record(metric)
        removal = clean_up(run.target, mine)
        if removal.left:
            now_s = run.clock.now_s()
            text = f"{len(removal.left)} items were not removed: {removal.reason}"
            run.recorder.record(Note(start_s=now_s, end_s=now_s, source="runner", text=text))

    def _break(self, live: LiveView) -> None:
        experiment = self._experiment
        begin_s = self._run.clock.now_s()
        with ends_proven(), OpenFaults(self._inject) as open_faults:
            for move in moves(experiment.schedule):
                self._pass_time(live, _holding(open_faults.faults), begin_s + move.at_s - self._run.clock.now_s())
                what = move.stretch.fault.describe()
                self._say(live, f"injecting {what}" if move.begins else f"rolling back {what}", 0.0)
                if move.begins:
                    open_faults.begin(move.stretch)
                else:
                    open_faults.end(move.stretch)
            if open_faults.faults:
                what = _holding(open_faults.faults)
                self._wait(live, what, experiment.hold_until, experiment.hold_at_most_s)
                self._pass_time(live, f"{what} a little longer", experiment.hold_more_s)
            self._say(live, "rolling back", 0.0)

    def _inject(self, stretch: Stretch) -> AbstractContextManager[Injection]:
        """One that has an end must be proven before that."""
        within_s = None if stretch.until_s is None else stretch.until_s - stretch.from_s
        run, experiment = self._run, self._experiment
        return inject(
            stretch.fault,
            run.target,
            run.recorder,
            run.journal,
            blast_radius=experiment.blast_radius,
            prove_within_s=within_s,
            may_go_on=self._may_go_on,
        )

    def _wait(self, live: LiveView, doing: str, condition_since: ConditionSince, at_most_s: float) -> bool:
        since_s = self._run.clock.now_s()
        condition = condition_since(since_s)

        def told(view: LiveView) -> bool:
            self._may_go_on()
            self._say(view, doing, at_most_s, since_s)
            return condition(view)

        return live.wait_until(told, at_most_s=at_most_s, clock=self._run.clock, what=doing)

    def _pass_time(self, live: LiveView, doing: str, for_s: float) -> None:
        clock = self._run.clock
        self._wait(live, doing, lambda since_s: lambda _view: clock.now_s() >= since_s + for_s, for_s)

    def _may_go_on(self) -> None:
        """Raises when a guard tripped, the journal is another's by now, or the history cannot be written."""
        self._guards.check()
        self._run.journal.refuse_if_lost()
        self._run.recorder.refuse_if_unwritable()

    def _say(self, live: LiveView, doing: str, at_most_s: float, since_s: float | None = None) -> None:
        now_s = self._run.clock.now_s()
        self._tell(
            Stage(
                experiment=self._experiment.name,
                doing=doing,
                since_s=now_s if since_s is None else since_s,
                now_s=now_s,
                at_most_s=at_most_s,
                regions=self._run.target.stack.region_names,
                live=live,
            )
        )


def _holding(faults: tuple[AnyFault, ...]) -> str:
    """What is in force, in words."""
    return f"holding {' and '.join(fault.describe() for fault in faults)}" if faults else "waiting for the next fault"
