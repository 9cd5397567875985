"""The verdicts as a person reads them in a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from harness.findings import Finding, Verdict
from harness.run import FINDINGS_FILE, load_run

WIDTH = 118
_COLORS = {Verdict.PASS: "green", Verdict.UNKNOWN: "yellow", Verdict.FAIL: "red"}


def findings_table(findings: Iterable[Finding]) -> RenderableType:
    """One row a finding: verdict, claim, what was measured against which limit."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", ratio=1)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("samples", justify="right", no_wrap=True)
    experiment = None
    for finding in findings:
        if finding.experiment != experiment:
            experiment = finding.experiment
            table.add_row("", Text(experiment, style="bold"), "", "", "")
        claim = Text(finding.claim)
        if finding.verdict is not Verdict.PASS:
            claim.append(f"\n{finding.explanation}", style="dim")
        table.add_row(
            Text(finding.verdict.value.upper(), style=_COLORS[finding.verdict]),
            claim,
            number(finding.measured, finding.unit),
            number(finding.limit, finding.unit),
            str(finding.samples or ""),
        )
    return table


def number(value: float | None, unit: str) -> str:
    """A measured value with its unit, as short as it can be and still be compared."""
    if value is None:
        return ""
    if unit == "share":
        return f"{value:.2%}"
    return f"{value:.1f} {unit}" if value != int(value) else f"{value:.0f} {unit}".rstrip()


def summary_text(folder: Path, *, color: bool) -> str:
    """The verdicts of the run in `folder`: the deployment's many rules on one line when all of them pass."""
    record = load_run(folder)
    findings = msgspec.json.decode((folder / FINDINGS_FILE).read_bytes(), type=list[Finding])
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=color, no_color=not color, width=WIDTH)
    console.print(findings_table(_folded(findings)))
    verdict = Text(record.verdict.value.upper(), style=f"bold {_COLORS[record.verdict]}")
    console.print(
        Text.assemble(
            "\n",
            verdict,
            f": {len(findings)} findings on {len(record.experiments)} experiments, {record.stack_s:.0f} stack seconds "
            f"in {record.wall_s:.0f} s (clock rate {record.clock_rate:g})",
        )
    )
    return buffer.getvalue()


def _folded(findings: list[Finding]) -> list[Finding]:
    """Many passes of one checker in one experiment as one line, so that what deviates is seen."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.experiment, finding.checker.split(":")[0]), []).append(finding)
    folded: list[Finding] = []
    for group in groups.values():
        passes = [finding for finding in group if finding.verdict is Verdict.PASS]
        if len(passes) <= 3:
            folded += group
            continue
        folded += [finding for finding in group if finding.verdict is not Verdict.PASS]
        folded.append(
            msgspec.structs.replace(
                passes[0],
                claim=f"{passes[0].claim}, and {len(passes) - 1} more",
                measured=None,
                limit=None,
                samples=sum(finding.samples for finding in passes),
            )
        )
    return folded
