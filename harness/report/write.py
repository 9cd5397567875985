"""A run's history and findings -> the files that people and CI systems read."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UsageError
from harness.findings import Finding
from harness.history import History
from harness.report.junit import JUNIT_FILE, write_junit
from harness.report.page import PAGE_FILE, write_page
from harness.report.summary import write_summary
from harness.run import RunRecord


def write_report(folder: Path, history: History, record: RunRecord, findings: Sequence[Finding]) -> Path:
    """Writes junit.xml, index.html and summary.json into `folder`; returns the page's path.

    Raises:
        UsageError: the folder cannot be written.
    """
    page = folder / PAGE_FILE
    try:
        with _no_garbage():
            write_junit(folder / JUNIT_FILE, record, findings)
            write_page(page, history, record, findings)
            write_summary(folder, history, record, findings)
    except OSError as error:
        raise UsageError(
            f"report in {folder} cannot be written: {error.strerror or error}; copy the folder where it can"
            " and run `harness report` on it"
        ) from error
    return page


@contextmanager
def _no_garbage() -> Iterator[None]:
    """The collector rests: all that is made lives until the page is written, and to walk 100,000 events is dear.

    It took a third of the time (benchmarks/report.py).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
