"""A run's history and findings -> the files that people and CI systems read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.findings import Finding
from harness.history import History
from harness.report.junit import JUNIT_FILE, write_junit
from harness.report.page import PAGE_FILE, write_page
from harness.run import RunRecord


def write_report(folder: Path, history: History, record: RunRecord, findings: Sequence[Finding]) -> Path:
    """Writes junit.xml and index.html into `folder`; returns the page's path."""
    write_junit(folder / JUNIT_FILE, record, findings)
    page = folder / PAGE_FILE
    write_page(page, history, record, findings)
    return page
