"""What an experiment would do to a target, read from it and not done: calls, resources, permissions, time, cost.

Nothing here changes anything, and `changes_refused` proves it: inside it a call that would is not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from harness.audit import LoggedCall
from harness.errors import WouldChange
from harness.events import Way
from harness.experiment import STEADY_WITHIN_S, Experiment
from harness.faults.calls import actions_of
from harness.faults.catalogue import AnyFault, as_fault
from harness.guards import AnyGuard, CostCeiling
from harness.guards.prices import Prices, Usage, cost_of
from harness.permissions import TO_USE_ITEMS, TO_WATCH
from harness.stack import RegionName
from harness.target import Target
from harness.workload import Workload


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    fault: str
    """ "health-broken in eu-west-1"."""
    regions: tuple[RegionName, ...]
    resources: tuple[str, ...]
    calls: tuple[str, ...]
    """As the AWS command line has them, in order."""
    undoing: tuple[str, ...]
    ends_itself_after_s: float | None
    iam_actions: tuple[str, ...]


class PlannedExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """Times are stack seconds: with `clock_rate` 20 a minute of them takes three seconds."""

    name: str
    question: str
    faults: tuple[PlannedFault, ...]
    at_least_s: float
    at_most_s: float
    clock_rate: float
    usage: Usage
    """Of the whole of `at_most_s`."""
    cost: float | None
    """By the prices of a cost-ceiling guard; None: no prices were given."""
    currency: str
    iam_actions: tuple[str, ...]


def planned(
    experiment: Experiment, target: Target, *, vantages: int, guards: Sequence[AnyGuard] = ()
) -> PlannedExperiment:
    """Reads from the target what its faults would change.

    Raises:
        NotDeployed, NeedsLevers, InvalidPlan: as the run itself would.
    """
    faults = tuple(_planned_fault(fault, target) for fault in dict.fromkeys(one.fault for one in experiment.schedule))
    guards = (*guards, *experiment.guards)
    at_most_s = _at_most_s(experiment)
    usage = _usage(experiment, at_most_s, vantages=vantages, regions=len(target.stack.regions))
    prices = next((guard.prices for guard in guards if isinstance(guard, CostCeiling)), None)
    actions = (*TO_WATCH, *(TO_USE_ITEMS if experiment.workloads else ()), *(a for f in faults for a in f.iam_actions))
    if any(guard.__struct_config__.tag == "alarm" for guard in guards):
        actions = (*actions, "cloudwatch:DescribeAlarms")
    return PlannedExperiment(
        name=experiment.name,
        question=experiment.question,
        faults=faults,
        at_least_s=2 * experiment.steady_s + (experiment.hold_more_s if faults else 0.0),
        at_most_s=at_most_s,
        clock_rate=target.endpoints.clock_rate,
        usage=usage,
        cost=cost_of(usage, prices) if prices else None,
        currency=(prices or Prices()).currency,
        iam_actions=tuple(dict.fromkeys(actions)),
    )


@contextmanager
def changes_refused(target: Target) -> Iterator[None]:
    """Inside, an AWS call of `target` that would change something is refused before it is sent.

    Raises:
        WouldChange: naming the call.
    """

    def refuse(call: LoggedCall) -> None:
        if call.changes and call.phase == "begun":
            raise WouldChange(f"--plan changes nothing, and {call.service} {call.operation} would have been called")

    stop = target.aws.calls.listen(refuse)
    try:
        yield
    finally:
        stop()


def _planned_fault(fault: AnyFault, target: Target) -> PlannedFault:
    known = as_fault(fault)
    snapshot = known.snapshot(target)
    calls, undoing = known.changes(target.stack, snapshot), known.undoing(target.stack, snapshot)
    return PlannedFault(
        fault=fault.describe(),
        regions=fault.regions,
        resources=fault.resources(target.stack),
        calls=tuple(call.shell() for call in calls),
        undoing=tuple(call.shell() for call in undoing),
        ends_itself_after_s=fault.ends_itself_after_s,
        iam_actions=tuple(dict.fromkeys((*fault.about.iam_actions, *actions_of((*calls, *undoing))))),
    )


def _at_most_s(experiment: Experiment) -> float:
    """Every wait to its end: steady, proven, held, gone, recovered, steady again, and at rest."""
    seen_s = sum(2 * one.fault.about.bites_within_s for one in experiment.schedule)
    broken_s = experiment.held_at_most_s + seen_s + experiment.recover_at_most_s if experiment.schedule else 0.0
    quiet_s = experiment.quiet_s if experiment.workloads else 0.0
    return STEADY_WITHIN_S + 2 * experiment.steady_s + broken_s + quiet_s


def _usage(experiment: Experiment, for_s: float, *, vantages: int, regions: int) -> Usage:
    usage = Usage()
    if experiment.probes:
        usage.https_requests += vantages * for_s / experiment.probes.https_every_s
        usage.dns_answers += vantages * for_s / experiment.probes.dns_every_s + usage.https_requests
    for workload in experiment.workloads:
        _add_items(usage, workload, for_s, regions)
    session = experiment.workloads[0].session if experiment.workloads else None
    if session:
        usage.https_requests += len(experiment.sessions) * for_s / session.reads_every_s
    return usage


def _add_items(usage: Usage, workload: Workload, for_s: float, regions: int) -> None:
    writes = workload.clients_per_region * regions * workload.writes_per_s * for_s
    reads = workload.reads_per_s * regions * for_s
    if workload.polls_every_s:
        reads += regions * (regions - 1) * for_s / workload.polls_every_s
    usage.item_writes += writes * regions
    usage.item_reads += reads
    if workload.way is Way.HTTPS:
        usage.https_requests += writes + reads
