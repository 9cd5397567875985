from __future__ import annotations

from collections.abc import Callable

from builders import DUBLIN, EU, VIRGINIA, a_header, a_history, an_experiment, dns, gap, reply
from data_builders import a_read, a_write

from harness.events import AnyEvent, Operation, Outcome
from harness.report.measured import how_measured
from harness.run import RunRecord


def facts(record: RunRecord, *events: AnyEvent, rate: float = 20.0) -> dict[str, str]:
    history = a_history(an_experiment(), events, header=a_header(rate=rate))
    return dict(how_measured(history, record, "reports/latest"))


def test_lateness_is_told_in_the_machines_own_time(a_record: Callable[..., RunRecord]) -> None:
    """0.2 stack seconds at 20 × real time are 10 ms."""
    told = facts(a_record(), *(reply(DUBLIN, EU, at_s, late_s=0.2) for at_s in range(9)))

    assert told["Probes were late by"] == "p50 10.0 ms, p99 10.0 ms, at most 10 ms of wall time"


def test_intervals_are_measured_not_believed(a_record: Callable[..., RunRecord]) -> None:
    looks = [reply(vantage, EU, at_s) for vantage in (DUBLIN, VIRGINIA) for at_s in (0, 10, 20, 100)]

    assert facts(a_record(), *looks)["Probes"] == "HTTPS from each vantage every 10.0 s (8)"


def test_looks_left_out_are_counted_by_kind(a_record: Callable[..., RunRecord]) -> None:
    told = facts(a_record(), gap("*", 1, 2, source="dns", missed=3), gap(DUBLIN, 1, 2), gap("*", 5, 6, source="dns"))

    assert told["Looks left out"] == "4 of dns, 1 of https"


def test_what_clients_did_is_counted(a_record: Callable[..., RunRecord]) -> None:
    items = (
        a_write("v", 1, client="ann"),
        a_write("w", 2, client="ann", operation=Operation.SWAP, outcome=Outcome.FAIL),
        a_write("x", 3, client="ben", outcome=Outcome.UNKNOWN),
        a_read("v", 4, client="ben"),
    )

    assert facts(a_record(), *items)["Items"] == (
        "3 writes (2 put, 1 swap) and 1 read by 2 clients;"
        " 1 refused or failed, 1 without reply, which may have happened"
    )


def test_without_items_nothing_is_said_of_them(a_record: Callable[..., RunRecord]) -> None:
    assert "Items" not in facts(a_record(), reply(DUBLIN, EU, 1))


def test_the_clock_says_whose_seconds_these_are(a_record: Callable[..., RunRecord]) -> None:
    assert facts(a_record())["Clock"].startswith("20 × real time: all times here are the stack's own seconds, 600")
    assert facts(a_record(rate=1.0), rate=1.0)["Clock"] == "real time; 600 s"


def test_it_says_how_to_judge_again(a_record: Callable[..., RunRecord]) -> None:
    assert facts(a_record())["Judge again"] == "harness check reports/latest"


def test_a_run_that_saw_nothing_says_so(a_record: Callable[..., RunRecord]) -> None:
    told = facts(a_record())

    assert (told["Probes"], told["Probes were late by"], told["Looks left out"]) == (
        "none were made",
        "no HTTPS probe was made",
        "none",
    )


def test_a_page_made_by_another_version_names_both(a_record: Callable[..., RunRecord]) -> None:
    assert facts(a_record(), dns(DUBLIN, EU, 1))["Versions"].startswith("harness 0; this page by ")
