from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.findings import Finding
from harness.history import History
from harness.report.junit import JUNIT_FILE
from harness.report.write import write_report
from harness.run import RunRecord


def test_page_and_junit_are_written(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    page = write_report(tmp_path, story, a_record(story_findings), story_findings)

    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert (tmp_path / JUNIT_FILE).exists()


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    story: History, a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"report in .*gone cannot be written: No such file"):
        write_report(tmp_path / "gone", story, a_record(), [])


def test_garbage_is_collected_again_afterwards(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    assert gc.isenabled()

    write_report(tmp_path, story, a_record(story_findings), story_findings)

    assert gc.isenabled()
