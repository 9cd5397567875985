from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from builders import EU, US, a_header, a_history, a_stack, an_experiment
from data_builders import THROTTLED, a_metric, a_read, a_write, polled_writes

from harness.checkers.replication import PairLatency, ReplicatedInTime, replication_latencies
from harness.events import AnyEvent, Outcome
from harness.findings import Finding, Verdict
from harness.report.items.matrix import LatencyCell, LatencyMatrix, latency_matrix, legend

TWO_REGIONS = a_header(stack=a_stack(US, EU))


def pairs_of(*events: AnyEvent | Iterator[AnyEvent]) -> tuple[PairLatency, ...]:
    experiment = an_experiment()
    return replication_latencies(a_history(experiment, *events, header=TWO_REGIONS), experiment)


def matrix_of(*events: AnyEvent | Iterator[AnyEvent], findings: tuple[Finding, ...] = ()) -> LatencyMatrix:
    matrix = latency_matrix((US, EU), pairs_of(*events), findings)
    assert matrix
    return matrix


def cell_of(*events: AnyEvent | Iterator[AnyEvent], findings: tuple[Finding, ...] = ()) -> LatencyCell:
    cell = matrix_of(*events, findings=findings).cell(US, EU)
    assert cell
    return cell


def test_a_cell_has_each_quantile_with_where_the_truth_lies() -> None:
    """100 writes of 0.8 s, polled every 0.1 s: seen within 0.1 s after they arrived."""
    cell = cell_of(polled_writes(100, latency_s=0.8))

    assert [line.what for line in cell.lines] == ["p50", "p95", "p99", "max"]
    assert all(0.75 < float(line.estimate.removesuffix(" s")) < 0.9 for line in cell.lines)
    low, high = map(float, cell.lines[0].between.split(" to "))
    assert low < 0.8 < high
    assert cell.samples == "100 writes"


def test_a_quantile_that_too_few_writes_bound_is_open_above() -> None:
    """Ten writes cannot bound a p99 from above."""
    cell = cell_of(polled_writes(10, latency_s=0.8))

    assert cell.lines[2].between.endswith(" or more")


def test_writes_that_nobody_saw_are_told_and_are_the_slowest() -> None:
    lost = [a_write("lost", 50.0, key="lost"), a_read(None, 70.0, key="lost"), a_read(None, 400.0, key="lost")]
    cell = cell_of(polled_writes(10), lost)

    assert cell.lines[-1].estimate == "not seen in time"
    assert "1 never seen there" in cell.doubts


def test_throttling_is_told_where_it_was() -> None:
    throttled = a_read(None, 5.0, outcome=Outcome.FAIL, error=THROTTLED)

    assert "throttled: 1 reads, 0 writes" in cell_of(polled_writes(10), throttled).doubts


@pytest.mark.parametrize(
    ("latency_s", "looks"), [(0.3, "late0"), (0.8, "late1"), (1.5, "late2"), (4.0, "late3"), (9.0, "late4")]
)
def test_the_colour_follows_the_p95(latency_s: float, looks: str) -> None:
    assert cell_of(polled_writes(20, latency_s=latency_s)).looks == looks


def test_every_colour_is_explained() -> None:
    assert [looks for looks, _ in legend()] == ["late0", "late1", "late2", "late3", "late4"]


def test_a_limit_stands_at_its_own_quantile() -> None:
    events = list(polled_writes(100))
    check = ReplicatedInTime(p50_at_most_s=2.0, p95_at_most_s=0.1)
    experiment = an_experiment()
    findings = check.judge(a_history(experiment, events, header=TWO_REGIONS), experiment)

    lines = {line.what: (line.limit, line.verdict) for line in cell_of(iter(events), findings=tuple(findings)).lines}

    assert lines == {
        "p50": ("limit 2 s", Verdict.PASS),
        "p95": ("limit 0.1 s", Verdict.FAIL),
        "p99": ("", None),
        "max": ("", None),
    }


def test_what_is_said_of_another_pair_is_not_said_of_this_one(a_finding: Callable[..., Finding]) -> None:
    other = a_finding(checker="replication-latency", claim="50% of the writes", subject=f"{EU} → {US}", limit=1.0)

    assert not any(line.limit for line in cell_of(polled_writes(10), findings=(other,)).lines)


def test_cloudwatchs_own_figure_stands_beside() -> None:
    assert cell_of(polled_writes(10), a_metric(880, 5.0)).cloudwatch == "CloudWatch: 0.88 s on average (0.44 to 1.76)"


def test_without_cloudwatchs_figure_that_is_said() -> None:
    assert cell_of(polled_writes(10)).cloudwatch == "CloudWatch: no data"


def test_a_pair_that_could_not_be_timed_says_so_beside_one_that_could() -> None:
    cell = matrix_of(polled_writes(10)).cell(EU, US)

    assert cell
    assert (cell.samples, cell.looks, cell.lines) == ("no write could be timed", "", ())


def test_what_polling_costs_is_told() -> None:
    """A write of no length, and looks of 20 ms every 100 ms: from one's start to the next one's end."""
    cost = matrix_of(polled_writes(10, poll_s=0.02)).cost

    assert cost == "Polling leaves 120 ms of each latency open and one look takes 20 ms; nothing is subtracted for it."


def test_without_writes_there_is_no_matrix() -> None:
    assert latency_matrix((US, EU), pairs_of(), ()) is None
