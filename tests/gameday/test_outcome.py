"""What a day came to: RTO and RPO from what its runs measured, and what is left to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from plans import a_plan

from harness.checkers.measures import Measure, Spread, What
from harness.events import FaultPhase
from harness.findings import Finding, Verdict
from harness.gameday.log import (
    AnyDayEvent,
    Began,
    Day,
    Ended,
    FaultSeen,
    Healed,
    NoteTyped,
    Notified,
    StepBegan,
    StepEnded,
    Stopped,
)
from harness.gameday.outcome import Outcome, StepRun, outcome_of
from harness.gameday.report import render_day
from harness.gameday.story import lines_of, strip_of
from harness.gameday.terminal import standing, state_of

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def measure(what: What, estimate: float, *, low: float | None = None, subject: str = "eu-west-1") -> Measure:
    return Measure(
        experiment="e",
        what=what,
        subject=subject,
        estimate=estimate,
        low=estimate if low is None else low,
        high=estimate,
        samples=8,
        spread=Spread.RESOLUTION,
    )


def finding(verdict: Verdict = Verdict.PASS, checker: str = "c", **fields: object) -> Finding:
    return Finding(checker=checker, claim="a claim", verdict=verdict, explanation="because", **fields)  # type: ignore[arg-type]


def a_run(*measures: Measure, verdict: Verdict = Verdict.PASS, findings: tuple[Finding, ...] = ()) -> StepRun:
    return StepRun(verdict=verdict, findings=findings, measures=measures, clock_rate=1.0)


def a_day(*events: AnyDayEvent, done: bool = True) -> Day:
    first = Began(at=NOW, title="A day", target="lab", by="me", plan_sha256="0", harness_version="0")
    steps: tuple[AnyDayEvent, ...] = (StepBegan(at=after(1), step=0, attempt=1),)
    if done:
        steps += (StepEnded(at=after(100), step=0, attempt=1, exit_code=0, run="r", verdict=Verdict.PASS),)
    return Day(folder=Path("reports/d"), events=(first, *steps, *events))


def came_to(run: StepRun, *, extra: str = "rto_s = 100", day: Day | None = None) -> Outcome:
    return outcome_of(a_plan(extra).plan, day or a_day(), {0: run})


def fault(
    phase: FaultPhase, at_s: float, fault_id: str = "f", detail: str | None = None, region: str = "eu-west-1"
) -> FaultSeen:
    return FaultSeen(
        at=after(at_s),
        step=0,
        fault="health-broken",
        fault_id=fault_id,
        phase=phase,
        regions=(region,),
        detail=detail,
    )


def test_an_rto_is_proved_by_the_slowest() -> None:
    found = came_to(a_run(measure(What.RECOVER, 90), measure(What.RECOVER, 60, subject="us-east-1")))

    (objective,) = found.objectives
    assert (objective.verdict, found.verdict) == (Verdict.PASS, Verdict.PASS)
    assert objective.told == "at worst 90.0 s in eu-west-1 (e)"


def test_an_rto_is_missed_only_when_that_is_sure() -> None:
    """Limit 100 s. Recovered between 101 and 110 s: late. Between 95 and 110 s: nobody knows."""
    late = came_to(a_run(measure(What.RECOVER, 110, low=101)))
    unsure = came_to(a_run(measure(What.RECOVER, 110, low=95)))

    assert (late.verdict, unsure.verdict) == (Verdict.FAIL, Verdict.UNKNOWN)


def test_nothing_measured_proves_nothing() -> None:
    found = came_to(a_run())

    assert found.verdict is Verdict.UNKNOWN
    assert found.objectives[0].told == "no experiment measured a time to recover"


def test_what_was_to_be_measured_and_was_not_leaves_the_rto_unproved() -> None:
    blank = finding(Verdict.UNKNOWN, "time-to-recover", subject="us-east-1", experiment="e")

    found = came_to(a_run(measure(What.RECOVER, 90), findings=(blank,)))

    assert found.objectives[0].verdict is Verdict.UNKNOWN
    assert "of us-east-1 nothing could be told" in found.objectives[0].told


def test_a_lost_write_misses_every_rpo() -> None:
    lost = finding(Verdict.FAIL, "recovery-point", measured=2.0, unit="writes", subject="eu-west-1", experiment="e")

    found = came_to(a_run(measure(What.RECOVERY_POINT, 1), findings=(lost,)), extra="rpo_s = 5")

    assert found.objectives[0].verdict is Verdict.FAIL
    assert found.objectives[0].told.startswith("2 acknowledged writes were lost")


def test_a_step_that_was_not_done_makes_the_day_unknown() -> None:
    found = outcome_of(a_plan().plan, a_day(done=False), {})

    assert found.verdict is Verdict.UNKNOWN
    assert found.actions == ("Run experiment 1 (failover), which did not come to a verdict",)


def test_people_detected_a_fault_with_their_first_note_that_says_so() -> None:
    """Injected at 10 s; a plain note at 20 s, noticed at 35 s and at 50 s: 25 s."""
    day = a_day(
        fault(FaultPhase.INJECTED, 10),
        NoteTyped(at=after(20), text="coffee", by="a"),
        NoteTyped(at=after(50), text="me too", by="b", noticed=True),
        NoteTyped(at=after(35), text="errors", by="a", noticed=True),
        fault(FaultPhase.ROLLED_BACK, 60),
    )

    (detection,) = came_to(a_run(), day=day).detections

    assert detection.after_s == 25
    assert detection.note
    assert detection.note.text == "errors"


def test_a_note_belongs_to_the_fault_before_it() -> None:
    """Two faults, at 10 and 40 s, and a note at 50 s: the first was noticed by nobody."""
    day = a_day(
        fault(FaultPhase.INJECTED, 10, "f"),
        fault(FaultPhase.INJECTED, 40, "g", region="us-east-1"),
        NoteTyped(at=after(5), text="before anything", by="a", noticed=True),
        NoteTyped(at=after(50), text="errors", by="a", noticed=True),
    )

    found = came_to(a_run(), day=day)

    assert [one.after_s for one in found.detections] == [None, 10]
    assert any(action.startswith("Nobody noted that they noticed health-broken") for action in found.actions)


def test_a_fault_that_flaps_is_noticed_once() -> None:
    """In at 10, 30 and 50 s, out at 20, 40 and 60 s, noticed at 35 s: after 25 s."""
    turns = [(FaultPhase.INJECTED, FaultPhase.ROLLED_BACK)[number % 2] for number in range(6)]
    flaps = [fault(phase, 10 + 10 * number, f"f{number // 2}") for number, phase in enumerate(turns)]
    day = a_day(*flaps, NoteTyped(at=after(35), text="errors", by="a", noticed=True))

    (detection,) = came_to(a_run(), day=day).detections

    assert (detection.after_s, detection.over_at) == (25, after(60))


def test_a_claim_that_failed_in_many_places_is_one_thing_to_do() -> None:
    found = came_to(a_run(verdict=Verdict.FAIL, findings=(finding(Verdict.FAIL),) * 3), extra="")

    assert found.actions == ("Find out why not (failover): a claim: because (and 2 more findings)",)


def test_what_is_left_to_do_is_what_people_said_and_what_deviated() -> None:
    day = a_day(
        NoteTyped(at=after(5), text="write a runbook", by="anna", action=True),
        fault(FaultPhase.ROLLBACK_FAILED, 6, detail="aws apigateway ..."),
        Notified(at=after(7), text="started", error="status 404 from hooks"),
    )
    run = a_run(verdict=Verdict.FAIL, findings=(finding(Verdict.FAIL), finding(Verdict.UNKNOWN), finding()))

    found = came_to(run, extra="", day=day)

    assert found.verdict is Verdict.FAIL
    assert found.actions == (
        "write a runbook (anna)",
        "Mend by hand: aws apigateway ...",
        "Find out why not (failover): a claim: because",
        "Make it measurable (failover): a claim: because",
        "Mend the webhook: 1 message not taken",
    )


def test_a_day_that_is_not_over_is_at_best_unknown() -> None:
    plan = a_plan().plan
    open_day = a_day(Stopped(at=after(5), why="interrupted", exit_code=130))
    closed = a_day(Ended(at=after(9), verdict=Verdict.PASS))
    outcome = came_to(a_run(), extra="")

    assert standing(open_day, outcome) is Verdict.UNKNOWN
    assert state_of(plan, open_day) == "stopped, 1 of 1 experiments done: interrupted"
    assert standing(closed, outcome) is Verdict.PASS
    assert state_of(plan, a_day()) == "not finished, 1 of 1 experiments done"


def test_the_page_tells_it_all_and_lets_no_text_out() -> None:
    day = a_day(
        fault(FaultPhase.INJECTED, 10),
        NoteTyped(at=after(20), text="<script>alert(1)</script>", by="a", noticed=True),
        fault(FaultPhase.ROLLED_BACK, 60),
        Ended(at=after(200), verdict=Verdict.PASS),
    )
    plan = a_plan("rto_s = 100").plan
    outcome = came_to(a_run(measure(What.RECOVER, 90)), day=day)

    page = render_day(plan, day, outcome)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'href="r/index.html"' in page
    assert "at worst 90.0 s in eu-west-1" in page
    assert "after 10 s of wall time" in page


def test_what_was_healed_is_told_and_what_was_not_stands_out() -> None:
    day = a_day(
        Healed(at=after(3), what="health-broken in eu-west-1", how="recovered", ok=True),
        Healed(at=after(4), what="replication-paused in us-east-1", how="access denied", ok=False),
    )
    plan = a_plan().plan
    outcome = came_to(a_run(), extra="", day=day)

    page = render_day(plan, day, outcome)

    assert "health-broken in eu-west-1: recovered" in page
    assert "NOT HEALED</span> replication-paused in us-east-1: access denied" in page
    assert [one.how for one in outcome.healed] == ["recovered", "access denied"]


def test_every_phase_of_a_fault_has_its_line() -> None:
    day = a_day(*(fault(phase, 10 + number) for number, phase in enumerate(FaultPhase)))

    told = [line.text for line in lines_of(a_plan().plan, day) if "health-broken" in line.text]

    assert len(told) == len(FaultPhase)


def test_the_strip_spans_the_day() -> None:
    """A day of 200 s: the experiment from 1 to 100 s, the fault from 10 to 60 s, a note at 20 s."""
    day = a_day(
        fault(FaultPhase.INJECTED, 10),
        NoteTyped(at=after(20), text="x", by="a", noticed=True),
        fault(FaultPhase.ROLLED_BACK, 60),
        Ended(at=after(200), verdict=Verdict.PASS),
    )

    strip = strip_of(a_plan().plan, day)

    assert strip
    assert [(one.from_share, one.until_share) for one in strip.steps] == [(0.005, 0.5)]
    assert [(one.from_share, one.until_share) for one in strip.faults] == [(0.05, 0.3)]
    assert [(one.share, one.kind) for one in strip.marks] == [(0.1, "noticed")]
    assert [line.after_s for line in lines_of(a_plan().plan, day)] == [0, 1, 10, 20, 60, 100, 200]
