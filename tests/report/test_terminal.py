from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from harness.findings import Finding, Verdict
from harness.report.terminal import findings_table, summary_text
from harness.run import FINDINGS_FILE, RUN_FILE, RunRecord, save_json


@pytest.fixture
def summary(tmp_path: Path, a_record: Callable[..., RunRecord]) -> Callable[..., str]:
    """The text about a run with these findings, on lines that are not wrapped."""

    def make(findings: list[Finding], *, color: bool = False, interrupted: bool = False) -> str:
        save_json(tmp_path / RUN_FILE, a_record(findings, interrupted=interrupted))
        save_json(tmp_path / FINDINGS_FILE, findings)
        return " ".join(summary_text(tmp_path, color=color).split())

    return make


def test_each_question_is_answered(summary: Callable[..., str], story_findings: list[Finding]) -> None:
    text = summary(story_findings)

    assert text.startswith("✔ PASS e When eu-west-1 is sick,")
    assert "Yes: the users of eu-west-1 were well again at most 118 s after it broke (limit 184 s)" in text


def test_only_what_deviates_is_listed(summary: Callable[..., str], a_finding: Callable[..., Finding]) -> None:
    text = summary([a_finding(claim="Good holds"), a_finding(Verdict.FAIL, claim="Bad holds", explanation="it broke")])

    assert "✘ FAIL Bad holds it broke" in text
    assert "Good holds" not in text


def test_the_run_ends_with_its_verdict_and_how_many_of_each(
    summary: Callable[..., str], a_finding: Callable[..., Finding]
) -> None:
    text = summary([a_finding(), a_finding(), a_finding(Verdict.UNKNOWN)])

    assert text.endswith(
        "? UNKNOWN: 3 findings (2 pass, 1 unknown) on 1 experiment, 600 stack seconds in 30 s (clock rate 20)"
    )


def test_an_interrupted_run_says_so(summary: Callable[..., str], a_finding: Callable[..., Finding]) -> None:
    assert summary([a_finding()], interrupted=True).endswith("; the run was interrupted")


def test_colour_only_when_asked(summary: Callable[..., str], a_finding: Callable[..., Finding]) -> None:
    assert "\x1b[" not in summary([a_finding()])
    assert "\x1b[" in summary([a_finding()], color=True)


def test_markup_in_a_finding_is_text(summary: Callable[..., str], a_finding: Callable[..., Finding]) -> None:
    assert "[red]boom[/]" in summary([a_finding(Verdict.FAIL, explanation="[red]boom[/]")])


def test_passing_rules_are_one_row(a_finding: Callable[..., Finding]) -> None:
    console = Console(width=118)
    with console.capture() as captured:
        console.print(findings_table([a_finding(checker=f"deployment/{number}") for number in range(104)]))

    assert "all 104 rules of 'deployment' hold" in captured.get()
    assert "Something holds" not in captured.get()


def test_vantages_that_were_right_are_not_counted_as_0_vantages(a_finding: Callable[..., Finding]) -> None:
    console = Console(width=118)
    with console.capture() as captured:
        console.print(findings_table([a_finding(measured=0.0, limit=0.0, unit="vantages")]))

    assert " ".join(captured.get().split()).endswith("PASS Something holds none astray none")


def test_a_vantage_that_deviates_is_named(summary: Callable[..., str], a_finding: Callable[..., Finding]) -> None:
    assert "dublin: because" in summary([a_finding(Verdict.FAIL, subject="dublin")])
