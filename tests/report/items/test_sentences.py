from __future__ import annotations

from collections.abc import Callable

import msgspec
from builders import EU, US, a_header, a_history, a_stack, an_experiment
from data_builders import a_cut, a_read, a_write, polled_writes

from harness.checkers.consistency.check import Consistent
from harness.checkers.replication import ReplicatedInTime
from harness.checkers.rpo import RecoveryPoint
from harness.checkers.session import SessionContinuity
from harness.events import AnyEvent
from harness.findings import Finding, Verdict
from harness.report.answers import answer
from harness.report.items.facts import ItemFacts
from harness.report.items.view import ItemsViews
from harness.report.palette import Palette

TWO_REGIONS = a_header(stack=a_stack(US, EU))
Judge = ReplicatedInTime | RecoveryPoint | SessionContinuity


def judged(check: Judge, *events: AnyEvent) -> tuple[list[Finding], ItemFacts]:
    experiment = an_experiment()
    history = a_history(experiment, events, header=TWO_REGIONS)
    findings = check.judge(history, experiment)
    view = ItemsViews(history, Palette((US, EU))).view(experiment, findings)
    assert view
    return findings, view.facts


def both_ways() -> list[AnyEvent]:
    """100 writes each way, seen within 0.1 s after 0.5 s, and after 0.8 s."""
    return [*polled_writes(100), *polled_writes(100, source=EU, receiving=US, latency_s=0.8)]


def test_the_slowest_way_stands_for_all() -> None:
    findings, facts = judged(ReplicatedInTime(p95_at_most_s=5), *both_ways())

    told = answer(findings, items=facts)

    assert told.startswith(f"Yes: a write in {EU} was in {US}, the slowest of 2 ways, after 0.8")
    assert "at the median, 0.8" in told
    assert " at p95 (limit 5 s) and 0.8" in told
    assert told.endswith(" at p99.")


def test_without_a_history_what_was_judged_is_told() -> None:
    findings, _ = judged(ReplicatedInTime(p95_at_most_s=5), *both_ways())

    assert answer(findings) == (
        f"Yes: 95% of the writes in {EU} were in {US}, the slowest of 2 ways, within 0.89 s (limit 5 s)."
    )


def test_what_a_cut_put_at_risk_is_told_with_its_fate() -> None:
    events = (*a_cut(US), a_write("v", 58), a_read(None, 61), a_read("v", 102))
    findings, facts = judged(RecoveryPoint(region=US), *events)

    assert answer(findings, items=facts) == (
        f"Yes: while {US} was cut off for 40 s, 1 acknowledged write was at risk:"
        " 1 arrived after healing and none lost."
    )
    assert answer(findings) == f"Yes: of 1 write at risk when {US} was cut off, none was lost."


def test_a_cut_that_could_not_be_judged_is_not_told_as_a_fact() -> None:
    """Nothing was at risk in the second one."""
    second = [msgspec.structs.replace(one, fault_id="second") for one in a_cut(US, cut_s=200, healed_s=240)]
    events = (*a_cut(US), *second, a_write("v", 58), a_read(None, 61), a_read("v", 102))
    findings, facts = judged(RecoveryPoint(region=US), *events)

    assert answer(findings, items=facts).lower().count("while us") == 1


def test_clients_that_moved_are_told_with_the_limit() -> None:
    """Writes in the EU, moves to the US at 101 s, where its write shows at 102 s."""
    events = (
        a_write("v", 100, region=EU, client="c"),
        a_read(None, 101, region=US, client="c"),
        a_read("v", 102, region=US, client="c"),
    )
    findings, facts = judged(SessionContinuity(), *events)

    assert answer(findings, items=facts) == (
        "Yes: after 1 of 1 move of 1 client old data was seen, for at most 1.00 s (limit 5 s)."
    )
    assert answer(findings) == "Yes: after 1 move old data was seen for at most 1.00 s (limit 5 s)."


def test_a_second_fact_is_a_sentence_of_its_own(a_finding: Callable[..., Finding]) -> None:
    served = a_finding(checker="failed-requests", measured=0.0, limit=0.01, unit="share", samples=200)
    moved = a_finding(checker="session-continuity", measured=0.0, limit=5.0, unit="s", samples=3)

    assert answer([served, moved]) == (
        "Yes: 0 of 200 requests failed. After none of 3 moves was old data seen (limit 5 s)."
    )


def test_agreement_is_told_with_what_it_cost() -> None:
    """Both regions wrote the key at once, and show the EU's in the end."""
    experiment = an_experiment()
    ends = [msgspec.structs.replace(a_read("new", 500, region=region), consistent=True) for region in (US, EU)]
    missed = msgspec.structs.replace(a_read("old", 10.2, region=US), consistent=True)
    writes = (a_write("old", 10.0, took_s=0.1), a_write("new", 10.05, took_s=0.1, region=EU))
    history = a_history(experiment, writes, missed, ends, header=TWO_REGIONS)
    findings = [
        finding
        for finding in Consistent(at_least_keys=1).judge(history, experiment)
        if finding.checker == "consistency-converged"
    ]
    view = ItemsViews(history, Palette((US, EU))).view(experiment, findings)

    assert view
    assert answer(findings, items=view.facts) == (
        "Yes: all regions agreed in the end on 1 key; 1 conflict between regions on 1 key;"
        " 1 of 2 acknowledged writes (50.0%) lost to a concurrent one: by design."
    )
    assert answer(findings) == "Yes: all regions agreed in the end on 1 key."


def test_without_a_history_conflicts_are_told_as_counted(a_finding: Callable[..., Finding]) -> None:
    agreed = a_finding(checker="consistency-converged", samples=40, measured=0.0, unit="violations")
    counted = a_finding(checker="conflicts", samples=264, measured=0.25, unit="share")

    assert answer([agreed, counted]) == (
        "Yes: all regions agreed in the end on 40 keys;"
        " 66 of 264 acknowledged writes lost to a concurrent one: by design."
    )


def test_what_does_not_hold_is_not_told_as_a_fact(a_finding: Callable[..., Finding]) -> None:
    lost = a_finding(Verdict.FAIL, checker="recovery-point", subject=US, measured=3.0, samples=34)

    assert "What was seen" not in answer([lost])
