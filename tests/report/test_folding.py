from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.findings import Finding, Verdict
from harness.report.folding import Fold, lines_of

Make = Callable[..., Finding]


def told(findings: list[Finding]) -> list[str]:
    return [f"{line.verdict.value} {line.claim}" for line in lines_of(findings)]


def test_many_passing_rules_are_one_line(a_finding: Make) -> None:
    rules = [a_finding(checker=f"deployment/rule-{number}") for number in range(104)]

    assert told(rules) == ["pass all 104 rules of 'deployment' hold"]


def test_a_broken_rule_is_shown_beside_the_folded_others(a_finding: Make) -> None:
    rules = [a_finding(checker=f"deployment/rule-{number}") for number in range(9)]
    broken = a_finding(Verdict.FAIL, checker="deployment/record-target", claim="The target")

    assert told([*rules, broken]) == ["pass the other 9 rules of 'deployment' hold", "fail The target"]


def test_few_passes_of_a_kind_are_all_shown(a_finding: Make) -> None:
    three = [a_finding(checker="steady-state") for _ in range(3)]

    assert lines_of(three) == three


def test_a_few_passes_that_measured_something_are_all_shown(a_finding: Make) -> None:
    """As of stragglers: each has its own seconds and its own reason."""
    named = [a_finding(checker="stragglers-named", claim=f"v{n} straggles", measured=99.0, unit="s") for n in range(5)]
    many = [a_finding(checker="latency", claim=f"pair {n}", measured=0.8, unit="s") for n in range(9)]

    assert lines_of(named) == named
    assert len(lines_of(many)) == 1


def test_one_claim_that_held_each_time_is_said_once(a_finding: Make) -> None:
    assert told([a_finding(claim="DNS followed") for _ in range(14)]) == ["pass DNS followed: all 14 times"]


def test_what_could_not_be_judged_for_one_reason_is_one_line(a_finding: Make) -> None:
    none = [a_finding(Verdict.UNKNOWN, checker=f"c{n}", claim=f"claim {n}", explanation="no fault") for n in range(6)]

    (line,) = lines_of(none)

    assert isinstance(line, Fold)
    assert (line.claim, line.explanation) == ("6 claims could not be judged", "no fault")
    assert list(line.findings) == none


def test_one_claim_that_could_not_be_judged_each_time_is_one_line(a_finding: Make) -> None:
    """As in a flapping fault: each window ends too soon, each at another distance."""
    flaps = [a_finding(Verdict.UNKNOWN, claim="It recovered", explanation=f"last looked {n} s after") for n in range(4)]

    assert told(flaps) == ["unknown It recovered: not judged 4 times"]


def test_an_abort_explains_all_that_is_not_known(a_finding: Make) -> None:
    stopped = a_finding(Verdict.UNKNOWN, checker="aborted", claim="The experiment ran to its end")
    unknown = [
        a_finding(Verdict.UNKNOWN, checker=f"c{n}", claim=f"claim {n}", explanation=f"why {n}") for n in range(18)
    ]

    assert told([a_finding(claim="It was steady"), *unknown, stopped]) == [
        "pass It was steady",
        "unknown 18 claims could not be judged",
        "unknown The experiment ran to its end",
    ]


@pytest.mark.parametrize("checker", ["aborted", "c"])
def test_a_failure_is_never_folded(a_finding: Make, checker: str) -> None:
    fails = [a_finding(Verdict.FAIL, checker=checker) for _ in range(20)]

    assert lines_of(fails) == fails


def test_no_finding_is_lost_or_told_twice(a_finding: Make) -> None:
    mixed = [
        a_finding(verdict, checker=f"c{n % 3}", claim=f"claim {n % 2}", explanation=f"why {n % 5}")
        for n in range(30)
        for verdict in Verdict
    ]

    shown = [one for line in lines_of(mixed) for one in (line.findings if isinstance(line, Fold) else [line])]

    assert sorted(map(id, shown)) == sorted(map(id, mixed))
