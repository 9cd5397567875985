from __future__ import annotations

import msgspec
from builders import AP, DUBLIN, EU, US, Story, a_fault, a_history, an_experiment, reply
from data_builders import a_cut

from harness.checkers.checks import DetectedInTime, VantagesRecovered, judge
from harness.checkers.timeline import failover_times
from harness.events import FaultEvent
from harness.findings import Finding, Verdict
from harness.history import History
from harness.report.failover_table import Cell, failover_stages
from harness.report.failovers import JudgedFailover, judged_failovers


def cells(history: History, findings: list[Finding]) -> dict[str, Cell]:
    """The only failover's cells, by row."""
    judged = judged_failovers("e", failover_times(history), findings)
    return {line.what: line.cells[0] for stage in failover_stages(judged) for line in stage.lines}


def test_a_time_stands_with_its_limit_and_verdict(story: History, story_findings: list[Finding]) -> None:
    """Broken at 62 s, called sick by the poll at 145 s: the polls come every 5 s, and it was due at 142 s."""
    assert cells(story, story_findings)["Route 53 called it sick"] == Cell("83 s", "limit 104 s", Verdict.PASS)


def test_the_slowest_user_is_judged_and_counted(story: History, story_findings: list[Finding]) -> None:
    table = cells(story, story_findings)

    assert table["users well elsewhere, slowest"] == Cell("118 s", "limit 184 s", Verdict.PASS)
    assert table["vantages that left"].text == "2 of 2"


def test_without_a_claim_there_is_neither_limit_nor_verdict(story: History) -> None:
    assert cells(story, [])["Route 53 called it sick"] == Cell("83 s")


def test_a_change_that_was_claimed_and_not_seen_is_told() -> None:
    history = Story(detect_s=1000).history()

    cell = cells(history, judge(history, "e", [DetectedInTime(region=EU)]))["Route 53 called it sick"]

    assert (cell.text, cell.verdict) == ("not seen", Verdict.FAIL)


def test_where_nobody_lived_nobody_moved() -> None:
    """No vantage is served by us-east-1 here but virginia, which stays: nothing changed, so nothing is measured."""
    history = Story(region=US, dns_s=1000, detect_s=1000).history()

    table = cells(history, [])

    assert (table["users well elsewhere, p50"].text, table["vantages that left"].text) == ("–", "0 of 1")


def test_each_fault_on_a_region_has_its_own_findings() -> None:
    """eu-west-1 breaks twice; the second time nothing is noticed. The nth finding is about the nth fault."""
    second = a_fault(EU, injected_s=(640, 642), rolled_back_s=(880, 882), fault_id="second")
    history = Story(end_s=600).history(*second)
    long = [event for event in history if not hasattr(event, "experiment")]
    history = History([*long, an_experiment(end_s=1000)])
    findings = judge(history, "e", [VantagesRecovered(region=EU), DetectedInTime(region=EU)])

    judged = judged_failovers("e", failover_times(history), findings)

    assert [one.passed("time-to-detect") for one in judged] == [True, False]


def test_what_is_said_of_one_vantage_is_not_said_of_the_region(story: History) -> None:
    of_vantage = Finding(checker="time-to-recover", claim="c", verdict=Verdict.FAIL, explanation="e", subject="dublin")

    (judged,) = judged_failovers("e", failover_times(story), [of_vantage])

    assert judged == JudgedFailover(experiment="e", times=judged.times, findings={})


def test_a_pause_of_replication_is_no_failover() -> None:
    """Its users stay where they are: a column would have nothing but dashes."""
    history = a_history(an_experiment(), a_cut(EU), reply(DUBLIN, EU, 5), reply(DUBLIN, EU, 90))

    assert judged_failovers("e", failover_times(history), []) == []


def test_a_pause_of_replication_that_moved_users_is_told() -> None:
    broken = [msgspec.structs.replace(event, fault="replication-paused") for event in a_fault(EU)]
    history = History([event for event in Story().history() if not isinstance(event, FaultEvent)] + broken)

    assert [one.times.region for one in judged_failovers("e", failover_times(history), [])] == [EU]


def test_a_region_nobody_broke_has_no_column(story: History) -> None:
    assert {one.times.region for one in judged_failovers("e", failover_times(story), [])} == {EU} != {AP}
