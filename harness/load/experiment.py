"""A load plan as an experiment: locust runs beside it, DNS and health checks are watched, its checks judge both."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.checks import (
    BelowCapacity,
    Check,
    FaultProven,
    FewRequestsFailed,
    GeneratorKeptUp,
    LatencyHeld,
    RetryStormStayedAway,
    SurvivorsHeld,
)
from harness.experiment import Experiment
from harness.faults.schedule import stretches
from harness.load.capacity import capacity_of
from harness.load.plan import LoadPlan
from harness.load.process import LocustProcess
from harness.probes.live import Condition
from harness.probes.watch import ProbePlan
from harness.target import Target


def experiment_of(plan: LoadPlan, target: Target, arguments: Sequence[str] = ()) -> Experiment:
    """Its faults keep to the usual blast radius: one region always stays whole."""
    broken = {region for stretch in stretches(plan.steps) for region in stretch.fault.regions}
    return Experiment(
        name=plan.name,
        question=plan.question,
        steps=plan.steps,
        steady_s=plan.steady_s,
        hold_more_s=plan.hold_s,
        recovered=_time_alone,
        recover_at_most_s=plan.after_s if plan.steps else 0.0,
        probes=ProbePlan(path="/health", https=False),
        beside=(lambda run: LocustProcess(plan, run, arguments=arguments),),
        checks=_checks(plan, target, sorted(broken)),
    )


def _checks(plan: LoadPlan, target: Target, broken: Sequence[str]) -> tuple[Check, ...]:
    limits = plan.limits
    checks: list[Check] = [GeneratorKeptUp(), FewRequestsFailed(at_most_share=limits.failed_share_at_most)]
    checks.append(BelowCapacity(requests_per_s=capacity_of(target)))
    checks.append(LatencyHeld(p95_at_most_s=limits.p95_at_most_s))
    if plan.steps:
        checks.append(FaultProven())
        checks.append(SurvivorsHeld(failed_share_at_most=limits.failed_share_at_most))
        checks += [RetryStormStayedAway(region=region) for region in broken]
    return tuple(checks)


def _time_alone(_since_s: float) -> Condition:
    """Users of a load test come home when they come home: that is what is to be seen."""
    return lambda _view: False
