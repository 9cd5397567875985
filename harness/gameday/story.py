"""A game day's log as one timeline that people can read: what was done, what broke, who noted what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from harness.events import FaultPhase
from harness.gameday.log import (
    AnyDayEvent,
    Approved,
    Asked,
    Began,
    Day,
    Ended,
    FaultSeen,
    Healed,
    NoteTyped,
    Notified,
    Resumed,
    StepBegan,
    StepEnded,
    Stopped,
)
from harness.gameday.plan import GameDayPlan
from harness.report.words import listed


class Line(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    after_s: float
    """Since the day began."""
    kind: str
    """ "day", "step", "fault", "note", "trouble" or "told"."""
    text: str


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """From `from_share` to `until_share` of the day's whole length."""

    step: int
    from_share: float
    until_share: float
    text: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    share: float
    kind: str
    """ "note" or "noticed"."""
    text: str


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """The day at a glance."""

    length_s: float
    steps: tuple[Stretch, ...]
    faults: tuple[Stretch, ...]
    marks: tuple[Mark, ...]


_PHASES = {
    FaultPhase.INJECTING: "injecting",
    FaultPhase.INJECTED: "fault in",
    FaultPhase.PROVEN: "seen to bite",
    FaultPhase.ROLLING_BACK: "rolling back",
    FaultPhase.ROLLED_BACK: "fault out",
    FaultPhase.REMOVED: "seen to be gone",
    FaultPhase.REMOVAL_UNPROVEN: "not seen to be gone in time",
    FaultPhase.ROLLBACK_FAILED: "ROLLBACK FAILED",
}


def lines_of(plan: GameDayPlan, day: Day) -> list[Line]:
    """In order of time; messages to the webhook only where they were not taken, for they repeat the rest."""
    began_at = day.began.at
    return [
        Line(at=event.at, after_s=(event.at - began_at).total_seconds(), kind=kind, text=text)
        for event in sorted(day.events, key=lambda event: event.at)
        for kind, text in _told(plan, event)
    ]


def _told(plan: GameDayPlan, event: AnyDayEvent) -> Iterator[tuple[str, str]]:
    match event:
        case StepBegan() | StepEnded() | Asked() | Approved():
            yield "step", _step_text(plan, event)
        case FaultSeen():
            detail = f": {event.detail}" if event.detail else ""
            kind = "trouble" if event.phase is FaultPhase.ROLLBACK_FAILED else "fault"
            yield kind, f"{_PHASES[event.phase]}: {event.fault} in {listed(event.regions)}{detail}"
        case NoteTyped():
            yield (
                "note",
                f"{event.by}{' noticed' if event.noticed else ', to do' if event.action else ''}: {event.text}",
            )
        case Healed():
            yield "trouble", f"healed what was left open: {event.what}: {event.how}"
        case Notified(error=str()):
            yield "trouble", f"the webhook was not told {event.text!r}: {event.error}"
        case Stopped():
            yield "trouble", f"stopped: {event.why}"
        case Began() | Resumed() | Ended():
            yield "day", _day_text(event)


def _day_text(event: Began | Resumed | Ended) -> str:
    match event:
        case Began():
            return f"begun by {event.by} on {event.target}"
        case Resumed():
            return f"resumed by {event.by}"
        case Ended():
            return f"finished: {event.verdict.value.upper()}"


def _step_text(plan: GameDayPlan, event: StepBegan | StepEnded | Asked | Approved) -> str:
    which = f"experiment {event.step + 1}"
    match event:
        case Asked():
            return f"{which} needs a person: {event.question}"
        case Approved():
            return f"{which} approved by {event.by}"
        case StepBegan():
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return f"{which} begins: {plan.experiments[event.step].title}{again}"
        case StepEnded():
            return f"{which} ended: {event.verdict.value.upper() if event.verdict else f'exit code {event.exit_code}'}"


def strip_of(plan: GameDayPlan, day: Day) -> Strip | None:
    """None for a day in which nothing took any time."""
    first, last = day.began.at, max(event.at for event in day.events)
    length_s = (last - first).total_seconds()
    if length_s <= 0:
        return None

    def share(at: datetime) -> float:
        return min(1.0, max(0.0, (at - first).total_seconds() / length_s))

    marks = [
        Mark(share=share(note.at), kind="noticed" if note.noticed else "note", text=f"{note.by}: {note.text}")
        for note in day.notes
    ]
    return Strip(
        length_s=length_s,
        steps=tuple(
            Stretch(step=step, from_share=share(begin), until_share=share(end), text=plan.experiments[step].title)
            for step, begin, end in _attempts(day, last)
        ),
        faults=tuple(
            Stretch(step=step, from_share=share(begin), until_share=share(end), text=text)
            for step, begin, end, text in _faults(day, last)
        ),
        marks=tuple(marks),
    )


def _attempts(day: Day, last: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    """An attempt that was killed ended when somebody went on."""
    open_step: StepBegan | None = None
    for event in day.events:
        if open_step and isinstance(event, StepEnded | Resumed):
            yield open_step.step, open_step.at, event.at
            open_step = None
        if isinstance(event, StepBegan):
            open_step = event
    if open_step:
        yield open_step.step, open_step.at, last


def _faults(day: Day, last: datetime) -> Iterator[tuple[int, datetime, datetime, str]]:
    phases: dict[str, dict[FaultPhase, FaultSeen]] = {}
    for event in day.events:
        if isinstance(event, FaultSeen):
            phases.setdefault(event.fault_id, {})[event.phase] = event
    healed_at = [event.at for event in day.events if isinstance(event, Healed) and event.ok]
    for seen in phases.values():
        into = seen.get(FaultPhase.INJECTED) or seen.get(FaultPhase.INJECTING)
        if into is None:
            continue
        out = seen.get(FaultPhase.ROLLED_BACK)
        until = out.at if out else next((at for at in healed_at if at > into.at), last)
        yield into.step, into.at, until, f"{into.fault} in {listed(into.regions)}"
