from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from harness.findings import Finding, Verdict
from harness.report.words import by_experiment, count, limit, listed, measured, number, seconds, span_s


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (None, "s", ""),
        (184.0, "s", "184 s"),
        (170.09, "s", "170.1 s"),
        (0.0123, "share", "1.23%"),
        (0.0, "", "0"),
        (math.nan, "s", "nan s"),
        (math.inf, "s", "inf s"),
    ],
)
def test_numbers_are_short_and_comparable(value: float | None, unit: str, told: str) -> None:
    assert number(value, unit) == told


@pytest.mark.parametrize(
    ("found", "unit", "told"),
    [
        (0.0, "vantages", ("none astray", "none")),
        (2.0, "vantages", ("2 vantages astray", "none")),
        (0.0, "writes", ("none", "none")),
        (1.0, "writes", ("1 write", "none")),
        (3.0, "violations", ("3 violations", "none")),
        (83.0, "s", ("83 s", "0 s")),
    ],
)
def test_what_should_be_none_is_counted_in_words(
    found: float, unit: str, told: tuple[str, str], a_finding: Callable[..., Finding]
) -> None:
    finding = a_finding(measured=found, limit=0.0, unit=unit)

    assert (measured(finding), limit(finding)) == told


def test_of_what_was_not_measured_nothing_is_told(a_finding: Callable[..., Finding]) -> None:
    unknown = a_finding(Verdict.UNKNOWN, unit="vantages")

    assert (measured(unknown), limit(unknown)) == ("", "")


def test_a_few_may_be_allowed(a_finding: Callable[..., Finding]) -> None:
    assert limit(a_finding(measured=1.0, limit=3.0, unit="writes")) == "at most 3"


def test_latencies_have_as_many_digits_as_are_of_use() -> None:
    assert [seconds(value_s) for value_s in (0.8421, 12.345, 121.4)] == ["0.84", "12.3", "121"]


def test_a_list_ends_with_and() -> None:
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_one_is_not_plural() -> None:
    assert [count(1, "claim"), count(0, "claim"), count(1200, "request")] == ["1 claim", "0 claims", "1,200 requests"]


def test_a_span_whose_ends_read_alike_is_told_once() -> None:
    assert [span_s(63.2, 148.4), span_s(63.2, 63.4)] == ["63 to 148 s", "63 s"]


def test_findings_of_an_experiment_that_was_not_named_are_kept(a_finding: Callable[..., Finding]) -> None:
    stray = a_finding(experiment="stray")

    assert by_experiment(("e",), [stray]) == {"e": [], "stray": [stray]}
