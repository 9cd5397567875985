"""What a game day came to: the verdict against RTO and RPO, experiment by experiment, from its log and its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from harness.checkers.measures import Measure, What
from harness.events import FaultPhase
from harness.findings import Finding, Verdict
from harness.gameday.log import Day, FaultSeen, Healed, NoteTyped, Notified, StepEnded
from harness.gameday.plan import GameDayPlan
from harness.report.words import count


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run that a step left."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    measures: tuple[Measure, ...]
    clock_rate: float


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """RTO or RPO: what was to be proved, and what was seen."""

    name: str
    limit_s: float
    verdict: Verdict
    worst: Measure | None
    told: str


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """How long people took to notice a fault: wall seconds from its proof, or the injection, to the note."""

    step: int
    fault: str
    regions: tuple[str, ...]
    injected_at: datetime
    over_at: datetime | None
    note: NoteTyped | None
    after_s: float | None


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that did not hold, or could not be told, with all that deviates from it."""

    verdict: Verdict
    claim: str
    findings: int
    explanation: str
    """Of the first."""


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    title: str
    scenario: str
    settings: dict[str, str]
    ended: StepEnded | None
    run: StepRun | None
    attempts: int

    @property
    def verdict(self) -> Verdict:
        """UNKNOWN for what was not done, or did not come to its end."""
        return self.run.verdict if self.ended and self.run else Verdict.UNKNOWN

    @property
    def deviations(self) -> list[Deviation]:
        """One for each claim: the places where it did not hold are on the run's page."""
        found: dict[tuple[Verdict, str], list[Finding]] = {}
        for finding in self.run.findings if self.run else ():
            if finding.verdict is not Verdict.PASS:
                found.setdefault((finding.verdict, finding.claim), []).append(finding)
        return [
            Deviation(verdict=verdict, claim=claim, findings=len(mine), explanation=mine[0].explanation)
            for (verdict, claim), mine in found.items()
        ]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Verdict
    objectives: tuple[Objective, ...]
    steps: tuple[StepOutcome, ...]
    detections: tuple[Detection, ...]
    healed: tuple[Healed, ...]
    actions: tuple[str, ...]


def outcome_of(plan: GameDayPlan, day: Day, runs: Mapping[int, StepRun]) -> Outcome:
    """`runs`: by step, of those that came to a verdict."""
    steps = tuple(_steps(plan, day, runs))
    objectives = tuple(_objectives(plan, steps))
    detections = tuple(_detections(day))
    verdict = Verdict.worst([*(step.verdict for step in steps), *(objective.verdict for objective in objectives)])
    healed = tuple(event for event in day.events if isinstance(event, Healed))
    return Outcome(
        verdict=verdict,
        objectives=objectives,
        steps=steps,
        detections=detections,
        healed=healed,
        actions=tuple(_actions(day, steps, objectives, detections)),
    )


def _steps(plan: GameDayPlan, day: Day, runs: Mapping[int, StepRun]) -> Iterator[StepOutcome]:
    for number, experiment in enumerate(plan.experiments):
        yield StepOutcome(
            number=number,
            title=experiment.title,
            scenario=experiment.scenario,
            settings=experiment.settings,
            ended=day.done.get(number),
            run=runs.get(number),
            attempts=day.attempts(number),
        )


def _objectives(plan: GameDayPlan, steps: Sequence[StepOutcome]) -> Iterator[Objective]:
    measures = [measure for step in steps if step.run for measure in step.run.measures]
    findings = [finding for step in steps if step.run for finding in step.run.findings]
    if plan.rto_s is not None:
        yield _objective(
            "RTO", plan.rto_s, What.RECOVER, checker="time-to-recover", measures=measures, findings=findings
        )
    if plan.rpo_s is not None:
        yield _objective(
            "RPO", plan.rpo_s, What.RECOVERY_POINT, checker="recovery-point", measures=measures, findings=findings
        )


def _objective(
    name: str,
    limit_s: float,
    what: What,
    *,
    checker: str,
    measures: Iterable[Measure],
    findings: Iterable[Finding],
) -> Objective:
    """PASS when all that was measured is surely within, and nothing that was to be measured is missing."""
    mine = [measure for measure in measures if measure.what is what]
    asked = {(one.experiment, one.subject) for one in findings if one.checker == checker and one.measured is None}
    missing = asked - {(measure.experiment, measure.subject) for measure in mine}
    lost = sum(round(one.measured or 0) for one in findings if one.checker == checker and one.unit == "writes")
    worst = max(mine, key=lambda measure: measure.estimate, default=None)
    verdict, told = _judged(limit_s, what, worst)
    if lost:
        verdict, told = Verdict.FAIL, f"{lost} acknowledged writes were lost; {told}"
    elif missing and verdict is Verdict.PASS:
        verdict = Verdict.UNKNOWN
        told += f"; of {', '.join(sorted(subject for _, subject in missing))} nothing could be told"
    return Objective(name=name, limit_s=limit_s, verdict=verdict, worst=worst, told=told)


def _judged(limit_s: float, what: What, worst: Measure | None) -> tuple[Verdict, str]:
    if worst is None:
        return Verdict.UNKNOWN, f"no experiment measured a {what.value}"
    told = f"at worst {worst.estimate:.1f} s in {worst.subject} ({worst.experiment})"
    if worst.estimate <= limit_s:
        return Verdict.PASS, told
    return (Verdict.FAIL if worst.low > limit_s else Verdict.UNKNOWN), f"{told}, not before {worst.low:.1f} s"


def _detections(day: Day) -> Iterator[Detection]:
    """One for each kind of fault in each step: from its first injection to the first note that says "noticed".

    A fault that flaps, or that was broken anew after a crash, is one thing to notice. A note is about the fault that
    began last before it.
    """
    seen = [event for event in day.events if isinstance(event, FaultSeen)]
    groups: dict[tuple[int, str, tuple[str, ...]], list[FaultSeen]] = {}
    for event in seen:
        groups.setdefault((event.step, event.fault, event.regions), []).append(event)
    begins = {
        key: min((one.at for one in group if one.phase is FaultPhase.INJECTED), default=None)
        for key, group in groups.items()
    }
    noticed = sorted((note for note in day.notes if note.noticed), key=lambda note: note.at)
    for (step, fault, regions), group in groups.items():
        began = begins[step, fault, regions]
        if began is None:
            continue
        until = min((at for at in begins.values() if at and at > began), default=None)
        note = next((one for one in noticed if began <= one.at and (until is None or one.at < until)), None)
        yield Detection(
            step=step,
            fault=fault,
            regions=regions,
            injected_at=began,
            over_at=max((one.at for one in group if one.phase is FaultPhase.ROLLED_BACK), default=None),
            note=note,
            after_s=(note.at - began).total_seconds() if note else None,
        )


def _actions(
    day: Day, steps: Sequence[StepOutcome], objectives: Sequence[Objective], detections: Sequence[Detection]
) -> Iterator[str]:
    """What somebody has to do after the day; people's own first."""
    yield from (f"{note.text} ({note.by})" for note in day.notes if note.action)
    for event in day.events:
        if isinstance(event, FaultSeen) and event.phase is FaultPhase.ROLLBACK_FAILED:
            yield f"Mend by hand: {event.detail or event.fault}"
    for objective in objectives:
        if objective.verdict is not Verdict.PASS:
            told = "was not met" if objective.verdict is Verdict.FAIL else "could not be told"
            yield f"{objective.name} of {objective.limit_s:g} s {told}: {objective.told}"
    for step in steps:
        if step.ended is None:
            yield f"Run experiment {step.number + 1} ({step.title}), which did not come to a verdict"
        yield from _deviations(step)
    missed = [one for one in detections if one.note is None]
    if missed:
        what = ", ".join(dict.fromkeys(f"{one.fault} in {', '.join(one.regions)}" for one in missed))
        yield f"Nobody noted that they noticed {what}: would an alarm have told anyone?"
    lost = sum(isinstance(event, Notified) and event.error is not None for event in day.events)
    if lost:
        yield f"Mend the webhook: {count(lost, 'message')} not taken"


def _deviations(step: StepOutcome) -> Iterator[str]:
    for one in step.deviations:
        asks = "Find out why not" if one.verdict is Verdict.FAIL else "Make it measurable"
        more = f" (and {count(one.findings - 1, 'more finding')})" if one.findings > 1 else ""
        # The sum that makes a limit, and what else there is to say, is on the run's page.
        yield f"{asks} ({step.title}): {one.claim}: {one.explanation.partition('; ')[0]}{more}"
