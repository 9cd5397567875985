"""The verdicts as a person reads them in a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from harness.findings import Finding, Verdict, overall
from harness.report.answers import answer
from harness.report.folding import lines_of
from harness.report.words import MARKS, by_experiment, count, limit, measured, tally
from harness.run import FINDINGS_FILE, RunRecord, load_run

WIDTH = 118
_COLORS = {Verdict.PASS: "green", Verdict.UNKNOWN: "yellow", Verdict.FAIL: "red"}


def summary_text(folder: Path, *, color: bool) -> str:
    """The run in `folder`: each question with its answer, then every finding that is not a pass, then the verdict."""
    record = load_run(folder)
    findings = msgspec.json.decode((folder / FINDINGS_FILE).read_bytes(), type=list[Finding])
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=color, width=WIDTH)
    questions = {experiment.name: experiment.question for experiment in record.experiments}
    for name, mine in by_experiment(tuple(questions), findings).items():
        console.print(_answered(name, questions.get(name, ""), mine))
    if deviating := [finding for finding in findings if finding.verdict is not Verdict.PASS]:
        console.print(findings_table(deviating))
        console.print()
    console.print(_closing(record, findings))
    return buffer.getvalue()


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """One row a finding: verdict, claim, what was measured against which limit. Many passes of a kind are one row."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", ratio=1)
    for name in ("measured", "limit", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for experiment, mine in by_experiment((), findings).items():
        table.add_row("", Text(experiment, style="bold"))
        for row in _rows(mine):
            table.add_row(*row)
    return table


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[Text, Text, str, str, str]]:
    for line in lines_of(findings):
        claim, numbers = Text(line.claim), ("", "", "")
        told = line.explanation
        if isinstance(line, Finding):
            told = "" if line.verdict is Verdict.PASS else f"{_about(line)}{line.explanation}"
            numbers = measured(line), limit(line), f"{line.samples or ''}"
        if told:
            claim.append(f"\n{told}", style="dim")
        yield verdict_text(line.verdict), claim, *numbers


def _about(finding: Finding) -> str:
    """The subject, where the claim does not name it already."""
    return "" if not finding.subject or finding.subject in finding.claim else f"{finding.subject}: "


def _answered(name: str, question: str, findings: Sequence[Finding]) -> Text:
    told = Text.assemble(verdict_text(overall(findings)), "  ", (name or "no experiment", "bold"), "\n")
    if question:
        told.append(f"{question}\n", style="dim")
    told.append(f"{answer(findings)}\n")
    return told


def _closing(record: RunRecord, findings: Sequence[Finding]) -> Text:
    amounts = ", ".join(f"{amount} {verdict.value}" for verdict, amount in tally(findings).items() if amount)
    told = (
        f": {count(len(findings), 'finding')} ({amounts or 'nothing was checked'}) on "
        f"{count(len(record.experiments), 'experiment')}, {record.stack_s:.0f} stack seconds in {record.wall_s:.0f} s "
        f"(clock rate {record.clock_rate:g}){'; the run was interrupted' if record.interrupted else ''}"
    )
    return Text.assemble(verdict_text(record.verdict), told)


def verdict_text(verdict: Verdict) -> Text:
    return Text(f"{MARKS[verdict]} {verdict.value.upper()}", style=f"bold {_COLORS[verdict]}")
