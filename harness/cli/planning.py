"""`--plan`: what the chosen scenarios would do to the target, told and not done."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.cli.durations import in_words
from harness.dry_run import PlannedExperiment, changes_refused
from harness.permissions import PolicyDocument, policy_for
from harness.run import Run
from harness.stack import Stack

if TYPE_CHECKING:
    from harness.guards import AnyGuard
    from harness.target import Target
    from harness.vantages import Vantage

ITEM_PATH = "/data/an-item-that-the-run-would-place"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What --plan-file holds."""

    target: str
    experiments: tuple[PlannedExperiment, ...]
    policy: PolicyDocument


@contextmanager
def planning_run(target: Target, vantages: Sequence[Vantage], guards: Sequence[AnyGuard], seed: int) -> Iterator[Run]:
    """A run that scenarios can build their experiments from; its files are thrown away, and it may change nothing."""
    with tempfile.TemporaryDirectory(prefix="harness-plan-") as name, changes_refused(target):
        folder = Path(name)
        run = Run(
            "plan",
            target,
            reports=folder,
            journal=folder / "journal.jsonl",
            vantages=vantages,
            seed=seed,
            guards=guards,
            every_region_confirmed=target.stack.name,
        )
        try:
            yield run
        finally:
            run.close()


def plan_of(experiments: Sequence[PlannedExperiment], target: Target) -> Plan:
    actions = [action for experiment in experiments for action in experiment.iam_actions]
    return Plan(target=target.name, experiments=tuple(experiments), policy=policy_for(actions, target.stack))


def experiment_text(planned: PlannedExperiment, stack: Stack) -> str:
    """One experiment, for people."""
    lines = [f"{planned.name}: {planned.question}", f"  {_time_text(planned)}", f"  {_usage_text(planned)}"]
    for fault in planned.faults:
        lines.append(f"  fault {fault.fault}")
        lines += [f"    changes    {resource}" for resource in fault.resources]
        lines += [f"    calls      {call}" for call in fault.calls or ("nothing of AWS",)]
        lines += [f"    undone by  {call}" for call in fault.undoing or ("nothing of AWS",)]
        if fault.ends_itself_after_s is not None:
            lines.append(f"    and AWS ends it by itself after {in_words(fault.ends_itself_after_s)}")
    broken = {region for fault in planned.faults for region in fault.regions}
    if broken >= set(stack.region_names):
        lines.append(f"  EVERY REGION is broken; on AWS it must be confirmed: --all-regions {stack.name}")
    if not planned.faults:
        lines.append("  breaks nothing")
    return "\n".join(lines) + "\n"


def policy_text(plan: Plan) -> str:
    document = msgspec.json.format(msgspec.json.encode(plan.policy), indent=2).decode()
    at_most_s = sum(experiment.at_most_s / experiment.clock_rate for experiment in plan.experiments)
    ending = f"{_count(plan)}, at most {in_words(at_most_s)} in all. Nothing was changed."
    return f"The IAM policy that it needs:\n{document}\n{ending}\n"


def _count(plan: Plan) -> str:
    number = len(plan.experiments)
    return f"{number} experiment{'' if number == 1 else 's'} on {plan.target}"


def _time_text(planned: PlannedExperiment) -> str:
    rate = planned.clock_rate
    text = f"takes {in_words(planned.at_least_s / rate)} to {in_words(planned.at_most_s / rate)}"
    return text if rate == 1 else f"{text}, at a clock that runs {rate:g} times as fast"


def _usage_text(planned: PlannedExperiment) -> str:
    usage = planned.usage
    counts = [
        f"{count:,.0f} {what}"
        for count, what in (
            (usage.https_requests, "HTTPS requests"),
            (usage.dns_answers, "DNS answers"),
            (usage.item_reads, "item reads"),
            (usage.item_writes, "replicated item writes"),
        )
        if count
    ]
    cost = (
        "no prices were given: a cost-ceiling guard (--guards) has them"
        if planned.cost is None
        else f"about {planned.cost:.2f} {planned.currency}"
    )
    return f"at most {', '.join(counts)}; {cost}" if counts else "no traffic of its own"
