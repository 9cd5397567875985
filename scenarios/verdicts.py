"""Findings -> the verdict of a test."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.findings import Finding, Verdict


def require_pass(findings: Sequence[Finding]) -> None:
    """Fails the test with every finding that is not a pass; no finding at all is no pass either."""
    __tracebackhide__ = True
    bad = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    lines = [f"{finding.verdict.value.upper()}: {finding.claim}: {finding.explanation}" for finding in bad]
    if bad or not findings:
        pytest.fail("\n".join(lines or ["UNKNOWN: nothing was checked"]), pytrace=False)
