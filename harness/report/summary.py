"""A run in a few numbers, kept beside it: what the index and comparisons read, so that nobody reads a history twice."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.checkers.measures import Measure, measures_of
from harness.errors import HarnessError
from harness.findings import Finding, Verdict
from harness.history import History, load_history
from harness.report.words import tally
from harness.run import HISTORY_FILE, RunRecord, load_findings, load_run, save_json
from harness.stack import RegionName

SUMMARY_FILE = "summary.json"
FORMAT_VERSION = 1


class ExperimentSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    verdict: Verdict


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    name: str
    target: str
    started_at: str
    clock_rate: float
    regions: tuple[RegionName, ...]
    verdict: Verdict
    interrupted: bool
    findings: dict[str, int]
    """How many there are of each verdict."""
    experiments: tuple[ExperimentSummary, ...]
    measures: tuple[Measure, ...]

    @property
    def setting(self) -> tuple[str, float]:
        """Only runs of one target and clock rate can be compared: what a machine does takes more stack time at 20."""
        return self.target, self.clock_rate


class _Version(msgspec.Struct):
    format_version: int = 0


def summarize(history: History, record: RunRecord, findings: Sequence[Finding]) -> RunSummary:
    verdicts: dict[str, list[Verdict]] = {experiment.name: [] for experiment in record.experiments}
    for finding in findings:
        verdicts.setdefault(finding.experiment, []).append(finding.verdict)
    return RunSummary(
        name=record.name,
        target=record.target,
        started_at=record.started_at,
        clock_rate=record.clock_rate,
        regions=history.header.stack.region_names,
        verdict=record.verdict,
        interrupted=record.interrupted,
        findings={verdict.value: amount for verdict, amount in tally(findings).items()},
        experiments=tuple(ExperimentSummary(name=name, verdict=Verdict.worst(mine)) for name, mine in verdicts.items()),
        measures=tuple(measures_of(history)),
    )


def write_summary(folder: Path, history: History, record: RunRecord, findings: Sequence[Finding]) -> RunSummary:
    summary = summarize(history, record, findings)
    save_json(folder / SUMMARY_FILE, summary)
    return summary


def load_summary(folder: Path) -> RunSummary:
    """From the file, or from the history where there is none, or one of another version; then it is written.

    Raises:
        UsageError, InvalidHistory: the folder is not a run's, or its history cannot be read.
    """
    path = folder / SUMMARY_FILE
    try:
        data = path.read_bytes()
        if msgspec.json.decode(data, type=_Version).format_version == FORMAT_VERSION:
            return msgspec.json.decode(data, type=RunSummary)
    except (OSError, msgspec.MsgspecError):
        pass  # not there, or not ours: it is made again
    record, findings = load_run(folder), load_findings(folder)
    summary = summarize(load_history(folder / HISTORY_FILE).history, record, findings)
    with contextlib.suppress(OSError):  # a folder that may only be read is read anew each time
        save_json(path, summary)
    return summary


def try_summary(folder: Path) -> RunSummary | None:
    """None where the folder cannot be understood: an index leaves out what it cannot read, and says how much."""
    try:
        return load_summary(folder)
    except HarnessError:
        return None
