"""Numbers, verdicts and questions in the words that terminal, JUnit and page share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.findings import Finding, Verdict

MARKS = {Verdict.PASS: "✔", Verdict.UNKNOWN: "?", Verdict.FAIL: "✘"}
"""A verdict is never told by colour alone."""


def number(value: float | None, unit: str) -> str:
    """A measured value with its unit, as short as it can be and still be compared; "" when there is none."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return f"{value} {unit}".rstrip()
    if unit == "share":
        return f"{value:.2%}"
    return (f"{value:.0f} {unit}" if value == int(value) else f"{value:.1f} {unit}").rstrip()


COUNTED = {"vantages": "astray", "writes": "", "violations": "", "flaps": "", "changes": "", "answers": ""}
"""Units of what should be none, and what those few are."""


def measured(finding: Finding) -> str:
    """What was measured: "83 s"; of what should be none, "none astray" or "3 vantages astray"."""
    if finding.measured is None or finding.unit not in COUNTED:
        return number(finding.measured, finding.unit)
    amount = count(round(finding.measured), finding.unit.removesuffix("s")) if finding.measured else "none"
    return f"{amount} {COUNTED[finding.unit]}".rstrip()


def limit(finding: Finding) -> str:
    """What it was measured against: "104 s"; "none", where there should be none."""
    if finding.limit is None or finding.unit not in COUNTED:
        return number(finding.limit, finding.unit)
    return f"at most {finding.limit:,.0f}" if finding.limit else "none"


def seconds(value_s: float) -> str:
    """A latency without its unit, as exact as it can be of use: "0.84", "12.3", "121"."""
    return f"{value_s:.2f}" if value_s < 10 else f"{value_s:.1f}" if value_s < 100 else f"{value_s:.0f}"


def listed(parts: Sequence[str]) -> str:
    """ "a, b and c"; nothing when there is no part."""
    return (", ".join(parts[:-1]) + " and " if len(parts) > 1 else "") + parts[-1] if parts else ""


def count(amount: int, noun: str) -> str:
    """ "1 claim", "2 claims", "1,200 requests"."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def span_s(from_s: float, until_s: float) -> str:
    """ "63 to 148 s", or "63 s" where both ends read alike."""
    low, high = f"{from_s:.0f}", f"{until_s:.0f}"
    return f"{high} s" if low == high else f"{low} to {high} s"


def family(finding: Finding) -> str:
    """The checker without the rule: "deployment" of "deployment/record-exists"."""
    return finding.checker.split("/")[0]


def tally(findings: Sequence[Finding]) -> dict[Verdict, int]:
    """How many findings there are of each verdict."""
    return {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}


def by_experiment(names: Sequence[str], findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Every finding under its experiment, in the run's order; those of an experiment not named come last."""
    found: dict[str, list[Finding]] = {name: [] for name in names}
    for finding in findings:
        found.setdefault(finding.experiment, []).append(finding)
    return found
